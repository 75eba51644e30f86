"""The names that models are given, and the registration of a user's own."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NotRequired

from typing_extensions import TypedDict

from lib.data.array_file import is_array_file
from lib.door.files import read_file
from lib.errors import BadInput
from lib.network import model_file
from lib.network.adapt import adapt
from lib.network.found_pixels import find_pixels
from lib.network.held import WHOLE, Part
from lib.network.keras_model import KerasModel
from lib.network.pixels import Pixels
from lib.network.units import layers_with_units
from lib.pictures.files import decode
from lib.pictures.network_input import as_input
from storage.refs import FORMER
from storage.store import Input, NewOutput, Recipe, Record, Store
from tasks.model.checkpoints import identity_of
from tasks.model.data import DataParameters
from tasks.model.kinds.register import KIND
from tasks.model.outputs import ModelAttributes, model_outputs
from tasks.model.pixels import DECLARED, declared_parameters, said_of_pixels
from tasks.model.stored import LATEST, PREFIX
from tasks.session.attributes import read_as
from tasks.session.session import session_of

VERSION = 1


class PartAttributes(TypedDict, total=False):
    """What of a network with several inputs or outputs became the model."""

    hold: list[str]
    output: str


class RegisteredAttributes(ModelAttributes):
    """What the outputs of a model say that was registered from a file, of this name."""

    file: str
    pixels: NotRequired[str]
    pixels_from: NotRequired[str]
    hold: NotRequired[list[str]]
    output: NotRequired[str]


def name_model(store: Store, record: Record, label: str, name: str | None = None) -> str:
    """Give a model its refs, one of its own and the latest; return the first.

    It keeps the name that it has. A new one is `model/LABEL-IDENTITY`, or what it was renamed to, where it was.

    Args:
        name: the ref that it gets instead (see `check_name`).
    """
    target, refs = f"record:{record.key}", store.refs()
    own = sorted(ref for ref, to in refs.items() if to == target and ref.startswith(PREFIX) and ref != LATEST)
    if name is not None:
        ref = name
    elif own:
        ref = own[0]
    else:
        plain = re.sub(r"[^A-Za-z0-9_]+", "-", label)[:40].strip("-") or "model"
        ref = _renamed(store, f"model/{plain}-{identity_of(record)[:8]}", target)
    for one in (ref, LATEST):
        store.set_ref(one, target)
    return ref


def check_name(store: Store, ref: str, file: Path, part: Part = WHOLE, pixels: Pixels | None = None) -> None:
    """Raise BadInput where a ref is, or was, the name of another model than that in a file."""
    refs = store.refs()
    targets = {refs[taken] for taken in (ref, f"{FORMER}{ref}") if taken in refs}
    if not targets:
        return
    identity = model_file.identity(load_model_file(file, part, pixels))
    if any(identity_of(store.record(target.removeprefix("record:"))) != identity for target in targets):
        raise BadInput(f"{ref} is, or was, the name of another model: choose another name for {file}")


def _renamed(store: Store, ref: str, target: str) -> str:
    """The ref, or the one that it was renamed to. Its former names mean this target then, as it does."""
    refs = store.refs()
    before = refs.get(f"{FORMER}{ref}")
    now = [one for one, to in refs.items() if to == before and one.startswith(PREFIX) and one != LATEST]
    if ref in refs or not now:
        return ref
    for former in [one for one, to in refs.items() if to == before and one.startswith(FORMER)]:
        store.set_ref(former, target)
    return now[0]


def register_model(
    path: Path, data_key: str | None, run: str, pixels: Pixels | None = None, part: Part = WHOLE
) -> tuple[Record, bool]:
    """The record of a user's own model, from a `.keras` or `.h5` file that carries no code.

    `pixels`: what it takes, where that is declared. Else its own first layers may say it. `part`: what of it becomes
    the model, where it has several inputs or outputs; the file is kept whole as `source`.

    Raises BadInput for a file that is no such model, a model without convolutions or dense layers, or pixels that do
    not suit it.
    """
    session = session_of(run)
    data = session.store.record(data_key) if data_key else None
    model = load_with_units(path, part, pixels)
    known_from = DECLARED
    if pixels is not None:
        adapt(model, pixels)
    elif (found := find_pixels(model)) is not None:
        pixels, known_from = found.pixels, found.because
    source = read_file(path)
    identity = model_file.identity(model)
    about = RegisteredAttributes(
        file=path.name,
        parameters=model.count_params(),
        data=read_as(DataParameters, data.parameters)["data"] if data else None,
        data_record=data.key if data else None,
        **said_of_pixels(pixels, known_from),
        **_said_of(part),
    )
    read = [Input("train_imgs", data.output("train_imgs").digest)] if data else []
    inputs = {"model": identity, "source": hashlib.sha256(source).hexdigest()} | {i.role: i.digest for i in read}
    recipe = Recipe(KIND.task, VERSION, {"file": path.name, **declared_parameters(pixels)}, inputs)
    return session.obtain(
        recipe,
        lambda: (
            [*model_outputs(model, about), NewOutput("source", source, "model", "application/octet-stream")],
            read,
        ),
        unit="model",
    )


def _said_of(part: Part) -> PartAttributes:
    said = PartAttributes()
    if part.hold:
        said["hold"] = list(part.hold)
    if part.output is not None:
        said["output"] = part.output
    return said


def load_model_file(path: Path, part: Part = WHOLE, pixels: Pixels | None = None) -> KerasModel:
    """What is looked at of the model in a file. Raises BadInput."""
    return part.of(
        model_file.load(path),
        pixels,
        lambda data, shape: as_input(decode(data).frames[0], (shape[0], shape[1], shape[2] or 3)),
    )


def load_with_units(path: Path, part: Part = WHOLE, pixels: Pixels | None = None) -> KerasModel:
    """The same. Raises BadInput for a file that holds none, or a model without units."""
    model = load_model_file(path, part, pixels)
    if not layers_with_units(model):
        raise BadInput(f"{path} has no layer with units: give a model with convolutions")
    return model


def label_of(data: str) -> str:
    """What a model is called that was trained on this data set: as "mnist", "folder", or a file's name."""
    return Path(data).stem if is_array_file(data) else data.partition(":")[0]


def check_images(model: KerasModel, shape: Sequence[int], size: tuple[int, int] | None = None) -> None:
    """Raise BadInput for images of this (height, width, channels) where the model takes others; at this size, where it
    takes any."""
    height, width, channels = model.input_shape[1:]
    wanted = (height, width, channels) if size is None else (height or size[0], width or size[1], channels)
    if any(want is not None and want != have for want, have in zip(wanted, shape, strict=True)):
        raise BadInput(
            f"the data set's images are {_write_shape(shape)}, the network takes {_write_shape(wanted)}: "
            f"name another set with --data{', or leave out --size' if size and None in (height, width) else ''}"
        )


def _write_shape(shape: Sequence[int | None]) -> str:
    return "x".join("any" if length is None else str(length) for length in shape)
