"""Models as files: written so that equal models are equal bytes, read so that no file runs code.

`safe_mode=True` of Keras is kept on, and not trusted alone: the file's configuration is read and checked before Keras
sees it, in both formats (see `lib.network.model_config`).
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from lib.errors import BadInput
from lib.network import channels_first, model_config
from lib.network.keras2.config import is_keras2, mend
from lib.network.keras_model import KerasModel
from lib.network.other_files import refuse_archive, refuse_bytes, refuse_folder, weights_only
from lib.network.scopes import allow_any_name

_WEIGHTS = "model.weights.h5"
_ZIP, _HDF5 = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"
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
        BadInput: the file is missing, damaged, holds no whole model, or holds what would run code (a Lambda layer, a
            custom layer or function, a layer of another framework) or read other files.
    """
    name, data = _named_bytes(source, name)
    suffix, configs, version = _configs(data, name, compiled)
    allow_any_name()
    if is_keras2(version):
        model = _load_keras2(data, suffix, configs[0], name)
    else:
        model = _load_keras3(data, suffix, configs, name, compiled)
    return model if compiled else _turned(model, name)


def _turned(model: KerasModel, name: str) -> KerasModel:
    """The model with its channels last, whatever their order in the file."""
    try:
        turned: KerasModel = channels_first.channels_last(model)
    except BadInput as problem:
        raise BadInput(f"{name}: {problem}") from problem
    return turned


def _load_keras3(data: bytes, suffix: str, configs: list[Any], name: str, compiled: bool) -> KerasModel:
    import keras

    for config in configs:
        model_config.check(config, name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model" + suffix)
        path.write_bytes(data)
        try:
            model: KerasModel = keras.models.load_model(path, compile=compiled, safe_mode=True)
        # Keras raises whatever its parts raise: every kind is a file that cannot be used
        except Exception as problem:
            raise BadInput(
                f"{name} cannot be loaded, save it again from Keras 3 as .keras: {_first_line(problem)}"
            ) from problem
    return model


def _load_keras2(data: bytes, suffix: str, config: Any, name: str) -> KerasModel:
    """A model that Keras 2 wrote: Keras 3 builds what its description is mended to. Its optimiser stays behind."""
    import h5py
    import keras

    from lib.network.keras2 import weights

    mended = mend(config, name)
    # what is built is what has to be harmless
    model_config.check(mended, name)
    try:
        model: KerasModel = keras.saving.deserialize_keras_object(copy.deepcopy(mended), safe_mode=True)
    # Keras raises whatever its parts raise
    except Exception as problem:
        raise BadInput(
            f"{name} was written by Keras 2, and Keras 3 does not build it: {_first_line(problem)}"
        ) from problem
    if suffix == ".h5":
        with h5py.File(io.BytesIO(data), "r") as file:
            weights.fill_from_h5(model, config, file, name)
        return model
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if _WEIGHTS not in archive.namelist():
            raise BadInput(f"{name} is damaged: it has no {_WEIGHTS}")
        inner = archive.read(_WEIGHTS)
    with h5py.File(io.BytesIO(inner), "r") as file:
        weights.fill_from_keras(model, config, file, name)
    return model


def config_of(source: Path | bytes, *, name: str | None = None) -> Any:
    """What a `.keras` or `.h5` file says of its layers, read without Keras, whose import takes seconds.

    Raises BadInput where the file is missing, damaged, or holds no whole model; other refusals are left to `load`.
    """
    name, data = _named_bytes(source, name)
    _, configs, _ = _configs(data, name, False)
    return configs[0]


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


def _named_bytes(source: Path | bytes, name: str | None) -> tuple[str, bytes]:
    if isinstance(source, bytes):
        return name or "model", source
    name = name or str(source)
    try:
        return name, source.read_bytes()
    except IsADirectoryError as problem:
        raise refuse_folder(source, name) from problem
    except OSError as problem:
        raise BadInput(f"{name} cannot be read: {problem.strerror}") from problem


def _configs(data: bytes, name: str, compiled: bool) -> tuple[str, list[Any], str | bytes | None]:
    """The file's kind, as the ending of its name, what Keras will build from it, and the version that wrote it."""
    if data.startswith(_ZIP):
        if (problem := refuse_archive(data, name)) is not None:
            raise problem
        return ".keras", *_keras_configs(data, name, compiled)
    if data.startswith(_HDF5):
        return ".h5", *_h5_configs(data, name, compiled)
    raise refuse_bytes(data, name)


def _keras_configs(data: bytes, name: str, compiled: bool) -> tuple[list[Any], str | None]:
    """What Keras will build from the file: the model, with its losses and optimiser only when they are asked for."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            damaged = archive.testzip()
            config = json.loads(archive.read("config.json")) if damaged is None else {}
            about = json.loads(archive.read("metadata.json")) if damaged is None else {}
    # a torn archive shows itself in many ways
    except Exception as problem:
        raise BadInput(f"{name} is damaged or no .keras file ({problem}): save it again from Keras") from problem
    if damaged is not None:
        raise BadInput(f"{name} is damaged: the checksum of its {damaged} does not match; save it again from Keras")
    if isinstance(config, dict) and not compiled:
        config.pop("compile_config", None)
    return [config], about.get("keras_version") if isinstance(about, dict) else None


def _h5_configs(data: bytes, name: str, compiled: bool) -> tuple[list[Any], str | bytes | None]:
    """The same for `.h5`."""
    import h5py

    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            wanted = ["model_config", "training_config"] if compiled else ["model_config"]
            texts = [file.attrs[key] for key in wanted if key in file.attrs]
            if "model_config" in file.attrs:
                return [json.loads(text) for text in texts], file.attrs.get("keras_version")
    # HDF5 tells of damage in many ways
    except Exception as problem:
        raise BadInput(f"{name} is damaged or no Keras model ({problem}): save it again from Keras") from problem
    raise weights_only(name)


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
