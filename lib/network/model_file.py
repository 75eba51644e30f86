"""Models as files: written so that equal models are equal bytes, read so that no file runs code.

`safe_mode=True` of Keras is kept on, and not trusted alone: what a file is and promises is looked at before it is read
(`lib.door`), and its configuration is checked before Keras sees it (`lib.network.guard`), in both formats.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lib.door.archive import copy_member, open_archive, read_member
from lib.door.files import IsFolder, open_file
from lib.door.hdf5 import open_hdf5
from lib.door.json_text import read_json
from lib.door.limits import MOST_JSON
from lib.errors import BadInput
from lib.network import channels_first, model_config
from lib.network.guard.building import build
from lib.network.guard.form import check_form, parts
from lib.network.keras2.config import is_keras2, mend
from lib.network.keras_model import KerasModel
from lib.network.other_files import refuse_archive, refuse_bytes, refuse_folder, weights_only
from lib.network.scopes import allow_any_name

_WEIGHTS = "model.weights.h5"
_ZIP, _HDF5 = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"
_HEAD = 1 << 10  # bytes that tell what a file is
# the earliest time that a zip can say: what is stored holds no time
_NO_TIME = (1980, 1, 1, 0, 0, 0)


def keras_bytes(model: Any) -> bytes:
    """The model as a `.keras` file, with its optimiser's state if it is compiled. The same model, the same bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        model.save(path)
        with zipfile.ZipFile(path) as written:
            parts = {name: written.read(name) for name in sorted(written.namelist())}
    metadata = json.loads(parts["metadata.json"])
    metadata.pop("date_saved", None)
    parts["metadata.json"] = _canonical(metadata)
    parts["config.json"] = _canonical(model_config.renumber(json.loads(parts["config.json"])))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in parts.items():
            archive.writestr(zipfile.ZipInfo(name, _NO_TIME), data)
    return out.getvalue()


def h5_bytes(model: Any) -> bytes:
    """The model as a legacy `.h5` file. The same model, the same bytes."""
    import h5py

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.h5")
        model.save(path)
        with h5py.File(path, "r+") as file:
            for name in ("model_config", "training_config"):
                if name in file.attrs:
                    config = model_config.renumber(json.loads(file.attrs[name]))
                    file.attrs.modify(name, _canonical(config))
        return path.read_bytes()


def load(source: Path | bytes, *, name: str | None = None, compiled: bool = False) -> KerasModel:
    """A Keras model from a `.keras` or `.h5` file, never running code that the file carries.

    Files of Keras 2 are read too (`lib.network.keras2`), and networks whose channels come first get them last
    (`lib.network.channels_first`); one that is to be trained further is given as it is.

    Args:
        source: the file, or its bytes.
        name: what messages call it; by default the path.
        compiled: whether the optimiser and its state come back too; only wanted to go on training.

    Raises:
        BadInput: the file is missing, damaged, holds no whole model, holds what would run code (a Lambda layer, a
            custom layer or function, a layer of another framework) or read other files, or describes more than it
            holds.
    """
    with _opened(source, name) as (file, name), tempfile.TemporaryDirectory() as folder:
        described = _described(file, name, compiled)
        allow_any_name()
        try:
            if is_keras2(described.version):
                model = _load_keras2(file, described, name, Path(folder))
            else:
                model = _load_keras3(file, described, name, Path(folder), compiled)
        except BadInput:
            raise
        # Keras raises whatever its parts raise: every kind is a file that cannot be used
        except Exception as problem:
            raise BadInput(
                f"{name} cannot be loaded, save it again from Keras 3 as .keras: {_first_line(problem)}"
            ) from problem
    return model if compiled else _turned(model, name)


def _turned(model: KerasModel, name: str) -> KerasModel:
    """The model with its channels last, whatever their order in the file."""
    try:
        turned: KerasModel = channels_first.channels_last(model)
    except BadInput as problem:
        raise BadInput(f"{name}: {problem}") from problem
    return turned


def _load_keras3(file: BinaryIO, described: _Described, name: str, folder: Path, compiled: bool) -> KerasModel:
    import keras

    for config in described.configs:
        model_config.check(config, name, training=compiled)
    weights, held = _weights(file, described, name, folder)
    model = build(described.configs[0], name, held, legacy=described.suffix == ".h5")
    if not compiled:
        filled: Any = model
        filled.load_weights(weights)
        return model
    # what is built with its optimiser is built by Keras, now that it is known
    if described.suffix == ".keras":
        weights = _copied(file, folder / "model.keras")
    again: KerasModel = keras.models.load_model(weights, compile=True, safe_mode=True)
    return again


def _load_keras2(file: BinaryIO, described: _Described, name: str, folder: Path) -> KerasModel:
    """A model that Keras 2 wrote: Keras 3 builds what its description is mended to. Its optimiser stays behind."""
    import h5py

    from lib.network.keras2 import weights

    config = described.configs[0]
    mended = mend(config, name)
    # what is built is what has to be harmless
    model_config.check(mended, name)
    path, held = _weights(file, described, name, folder)
    try:
        model = build(mended, name, held, legacy=False)
    except BadInput:
        raise
    # Keras raises whatever its parts raise
    except Exception as problem:
        raise BadInput(
            f"{name} was written by Keras 2, and Keras 3 does not build it: {_first_line(problem)}"
        ) from problem
    fill = weights.fill_from_h5 if described.suffix == ".h5" else weights.fill_from_keras
    with h5py.File(path, "r") as saved:
        fill(model, config, saved, name)
    return model


def _weights(file: BinaryIO, described: _Described, name: str, folder: Path) -> tuple[Path, int]:
    """The file of the weights, in a folder that is thrown away, and how many numbers are in it."""
    if described.suffix == ".h5":
        path = _copied(file, folder / "model.h5")
    else:
        path = folder / _WEIGHTS
        with path.open("wb") as out:
            copy_member(open_archive(file, name), _WEIGHTS, name, out)
    with path.open("rb") as copied:
        saved, arrays = open_hdf5(copied, name)
        saved.close()
    return path, sum(prod(one.shape) for one in arrays)


def _copied(file: BinaryIO, path: Path) -> Path:
    # a file that is changed meanwhile is read as it was when it was looked at
    file.seek(0)
    with path.open("wb") as out:
        shutil.copyfileobj(file, out)
    return path


def config_of(source: Path | bytes, *, name: str | None = None) -> Any:
    """What a `.keras` or `.h5` file says of its layers, read without Keras, whose import takes seconds.

    Raises BadInput where the file is missing, damaged, or holds no whole model; other refusals are left to `load`.
    """
    with _opened(source, name) as (file, name):
        return _described(file, name, False).configs[0]


def identity(model: Any) -> str:
    """SHA-256, in hex, of what the model computes: its architecture with the layers' names, and its weights.

    State of training (optimiser, initialisers, penalties, which weights are frozen) is no part of it, nor is the file
    format: a model has the same identity after saving and reloading as `.keras` or `.h5`.
    """
    import keras

    digest = hashlib.sha256(_canonical(model_config.architecture(keras.saving.serialize_keras_object(model))))
    for weight in model.weights:
        array = np.ascontiguousarray(weight.numpy())
        digest.update(_canonical([str(array.dtype), list(array.shape)]))
        digest.update(array.tobytes())
    return digest.hexdigest()


def _first_line(problem: Exception) -> str:
    # where parts are within parts, Keras says the cause last
    text = str(problem).split("Exception encountered: ")[-1].strip() or type(problem).__name__
    return text.splitlines()[0][:300]


@contextmanager
def _opened(source: Path | bytes, name: str | None) -> Iterator[tuple[BinaryIO, str]]:
    if isinstance(source, bytes):
        yield io.BytesIO(source), name or "model"
        return
    name = name or str(source)
    try:
        file = open_file(source, name)
    except IsFolder as problem:
        raise refuse_folder(source, name) from problem
    with file:
        try:
            yield file, name
        # a disk that fails, and files that are none, as those of /proc
        except OSError as problem:
            raise BadInput(f"{name} cannot be read: {problem.strerror or problem}") from problem


@dataclass(frozen=True)
class _Described:
    """What a file says of itself: its kind, as the ending of its name, what Keras will build from it, and the version
    that wrote it."""

    suffix: str
    configs: list[Any]
    version: str | bytes | None


def _described(file: BinaryIO, name: str, compiled: bool) -> _Described:
    head = file.read(_HEAD)
    if head.startswith(_ZIP):
        return _keras_described(file, name, compiled)
    if head.startswith(_HDF5):
        return _h5_described(file, name, compiled)
    raise refuse_bytes(head, name)


def _keras_described(file: BinaryIO, name: str, compiled: bool) -> _Described:
    """A `.keras` file: the model, with its losses and optimiser only when they are asked for."""
    archive = open_archive(file, name)
    if (problem := refuse_archive(archive.namelist(), name)) is not None:
        raise problem
    config = read_json(read_member(archive, "config.json", name, MOST_JSON), name)
    about = read_json(read_member(archive, "metadata.json", name, MOST_JSON), name)
    if _WEIGHTS not in archive.namelist():
        raise BadInput(f"{name} is damaged: it has no {_WEIGHTS}; get or save it again")
    check_form(config, name)
    if not compiled:
        # also of a model within the model
        for part in parts(config):
            part.pop("compile_config", None)
    return _Described(".keras", [config], _version(about.get("keras_version") if isinstance(about, dict) else None))


def _h5_described(file: BinaryIO, name: str, compiled: bool) -> _Described:
    """The same for `.h5`."""
    saved, _ = open_hdf5(file, name)
    with saved:
        if "model_config" not in saved.attrs:
            raise weights_only(name)
        wanted = ["model_config", "training_config"] if compiled else ["model_config"]
        texts = [saved.attrs[key] for key in wanted if key in saved.attrs]
        version = saved.attrs.get("keras_version")
    if not all(isinstance(text, (str, bytes)) for text in texts):
        raise BadInput(f"{name} describes no Keras model: save it again from Keras")
    configs = [read_json(text, name) for text in texts]
    for config in configs:
        check_form(config, name)
    return _Described(".h5", configs, _version(version))


def _version(said: Any) -> str | bytes | None:
    return said if isinstance(said, (str, bytes)) else None


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
