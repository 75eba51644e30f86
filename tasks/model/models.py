"""Models by the names that people use, and the registration of a user's own."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import TypedDict

from lib.errors import BadInput
from lib.network import model_file
from lib.network.keras_model import KerasModel
from lib.network.units import layers_with_units
from storage.errors import StoreError
from storage.resolve import resolve
from storage.store import Input, NewOutput, Recipe, Record, Store
from tasks.model.checkpoints import checkpoint_name, checkpoints_of, choose, identity_of, network_output, split_name
from tasks.model.data import DataParameters
from tasks.model.training import ModelAttributes, model_outputs
from tasks.session.attributes import read_as
from tasks.session.recorded import record_task
from tasks.session.session import session_of

VERSION = 1
LATEST = "model/latest"


@dataclass(frozen=True)
class StoredModel:
    """A model of the store, or a checkpoint of its training: its record, and the name that reaches it."""

    record: Record
    name: str

    @property
    def digest(self) -> str:
        """The digest of the network's file. Raises StoreError where the record has none."""
        return network_output(self.record).digest

    @property
    def identity(self) -> str:
        """What stands for the network in recipes. Raises StoreError where the record has none."""
        return identity_of(self.record)


class RegisteredAttributes(ModelAttributes):
    """What the outputs of a model say that was registered from a file, of this name."""

    file: str


class _DataRecord(TypedDict):
    data_record: str | None


def name_model(store: Store, record: Record, label: str) -> str:
    """Give a model its refs, `model/LABEL-IDENTITY` and the latest; return the first."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "-", label)[:40].strip("-") or "model"
    name = f"model/{plain}-{identity_of(record)[:8]}"
    for ref in (name, LATEST):
        store.set_ref(ref, f"record:{record.key}")
    return name


def find_model(store: Store, name: str | None) -> StoredModel:
    """The model that a ref or a digest's beginning names; None: the latest. With `@3` behind it, its third epoch's
    checkpoint.

    Raises BadInput where there is none, or the name is unknown, ambiguous or something else's.
    """
    if name is None and LATEST not in store.refs():
        raise BadInput("the store has no model yet: `dreamsweep train`, or `dreamsweep sweep --train`")
    try:
        made = [record for record, _ in resolve(store, name or LATEST).artifacts]
    except StoreError as problem:
        model, epoch = split_name(name or "")
        if epoch is None:
            raise BadInput(str(problem)) from problem
        found = find_model(store, model)
        chosen = choose(checkpoints_of(store, found.record), str(epoch), found.name)
        return StoredModel(chosen[epoch], checkpoint_name(found.name, epoch))
    networks = {"model", "checkpoint"}
    record = next((record for record in made if networks & {output.role for output in record.outputs}), None)
    if record is None:
        raise BadInput(f"{name!r} is no model: `dreamsweep models` lists them")
    wanted = f"record:{record.key}"
    refs = sorted(ref for ref, target in store.refs().items() if target == wanted and ref != LATEST)
    return StoredModel(record, refs[0] if refs else network_output(record).digest[:12])


@record_task("register", run_name="{path}")
def register_model(path: Path, data_key: str | None, run: str) -> tuple[Record, bool]:
    """The record of a user's own model, from a `.keras` or `.h5` file that carries no code.

    Raises BadInput for a file that is no such model, or a model without convolutions or dense layers.
    """
    session = session_of(run)
    data = session.store.record(data_key) if data_key else None
    model = model_file.load(path)
    if not layers_with_units(model):
        raise BadInput(f"{path} has no layer with units: a model with convolutions is wanted")
    try:
        source = path.read_bytes()
    except OSError as problem:
        raise BadInput(f"{path} cannot be read: {problem.strerror}") from problem
    identity = model_file.identity(model)
    about = RegisteredAttributes(
        file=path.name,
        parameters=model.count_params(),
        data=read_as(DataParameters, data.parameters)["data"] if data else None,
        data_record=data.key if data else None,
    )
    read = [Input("train_imgs", data.output("train_imgs").digest)] if data else []
    inputs = {"model": identity, "source": hashlib.sha256(source).hexdigest()} | {i.role: i.digest for i in read}
    recipe = Recipe("register", VERSION, {"file": path.name}, inputs)
    return session.obtain(
        recipe,
        lambda: (
            [*model_outputs(model, about), NewOutput("source", source, "model", "application/octet-stream")],
            read,
        ),
        unit="model",
    )


def check_images(model: KerasModel, shape: Sequence[int], size: tuple[int, int] | None = None) -> None:
    """Raise BadInput for images of this (height, width, channels) where the model, at this size, takes others."""
    wanted: tuple[int | None, int | None, int] = model.input_shape[1:]
    if size is not None:
        wanted = (*size, wanted[2])
    if any(want is not None and want != have for want, have in zip(wanted, shape, strict=True)):
        raise BadInput(
            f"the data set's images are {_write_shape(shape)}, the network takes {_write_shape(wanted)}: "
            f"name another set with --data{', or leave out --size' if size else ''}"
        )


def _write_shape(shape: Sequence[int | None]) -> str:
    return "x".join("any" if length is None else str(length) for length in shape)


def data_of(store: Store, model: Record) -> Record | None:
    """The record of the data set that a model was trained on or registered with; None where there was none."""
    if model.task == "epoch":
        images = next(item.digest for item in model.inputs if item.role == "train_imgs")
        return next((made for made, _ in reversed(store.questions().producers(images)) if made.task == "data"), None)
    key = read_as(_DataRecord, model.output("model").attributes)["data_record"]
    return store.record(key) if key else None
