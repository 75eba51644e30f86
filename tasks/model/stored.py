"""The models of a store, found by the names that people use. Importing this costs little: no Prefect, no TensorFlow."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from typing_extensions import TypedDict

from lib.errors import BadInput
from lib.network.pixels import PLAIN, Pixels
from storage.errors import NothingFound, StoreError
from storage.refs import FORMER
from storage.resolve import resolve
from storage.store import Record, Store
from tasks.model.checkpoints import checkpoint_name, checkpoints_of, choose, identity_of, network_output, split_name
from tasks.model.kinds.register import KIND as REGISTER
from tasks.model.pixels import SaidOfPixels
from tasks.session.attributes import read_as

PREFIX = "model/"
"""How the names of models begin."""
LATEST = f"{PREFIX}latest"
_MOST = 5
"""Models that a message names."""


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
    def pixels(self) -> Pixels | None:
        """What the network takes: 0..1 where it was trained here, else what is declared; None where nothing is."""
        if self.trained_here:
            return PLAIN
        said = read_as(SaidOfPixels, network_output(self.record).attributes).get("pixels")
        return None if said is None else Pixels.parse(said)

    @property
    def pixels_from(self) -> str | None:
        """How it is known what a registered model takes; None where it is not."""
        return read_as(SaidOfPixels, network_output(self.record).attributes).get("pixels_from")

    @property
    def hold(self) -> Sequence[str]:
        """At what inputs beside the image are held, each as "age=0.5"."""
        return read_as(_SaidOfParts, network_output(self.record).attributes).get("hold", ())

    @property
    def trained_here(self) -> bool:
        """Whether it was trained into this store, and so takes pictures as they are."""
        return self.record.task != REGISTER.task

    @property
    def identity(self) -> str:
        """What stands for the network in recipes. Raises StoreError where the record has none."""
        return identity_of(self.record)


class _SaidOfParts(TypedDict, total=False):
    hold: list[str]


class _DataRecord(TypedDict):
    data_record: str | None


class _DataClasses(TypedDict):
    classes: list[str]


def find_model(store: Store, name: str | None) -> StoredModel:
    """The model that a ref or a digest's beginning names; None: the latest. With `@3` behind it, its third epoch's
    checkpoint. A ref may be given without its `model/`.

    Raises BadInput where there is none, or the name is unknown, ambiguous or something else's.
    """
    refs = store.refs()
    if name is None and LATEST not in refs:
        raise BadInput("the store has no model yet: `dreamsweep train`, or `dreamsweep sweep --train`")
    if name is not None and {f"{PREFIX}{name}", f"{FORMER}{PREFIX}{name}"} & set(refs):
        name = f"{PREFIX}{name}"
    try:
        made = [record for record, _ in resolve(store, name or LATEST).artifacts]
    except StoreError as problem:
        model, epoch = split_name(name or "")
        if epoch is None:
            near = nearest_model(name or "", [ref for ref in refs if ref.startswith(PREFIX)])
            if isinstance(problem, NothingFound) and "did you mean" in near:
                raise BadInput(f"there is no model {name!r}{near}") from problem
            raise BadInput(str(problem)) from problem
        whole = find_model(store, model)
        chosen = choose(checkpoints_of(store, whole.record), str(epoch), whole.name)
        return StoredModel(chosen[epoch], checkpoint_name(whole.name, epoch))
    networks = {"model", "checkpoint"}
    found = [record for record in made if networks & {output.role for output in record.outputs}]
    if not found:
        raise BadInput(f"{name!r} is no model: `dreamsweep models` lists them")
    # of the same bytes there are several records where pixels were declared later: refs point at the one that counts
    record = next((record for record in found if f"record:{record.key}" in refs.values()), found[0])
    wanted = f"record:{record.key}"
    own = sorted(
        ref for ref, target in refs.items() if target == wanted and ref != LATEST and not ref.startswith(FORMER)
    )
    return StoredModel(record, own[0] if own else network_output(record).digest[:12])


def nearest_model(name: str, own: Iterable[str]) -> str:
    """How a message goes on that there is no such model."""
    short = {ref.removeprefix(PREFIX): ref for ref in own}
    near = difflib.get_close_matches(name.removeprefix(PREFIX), short, n=_MOST, cutoff=0.5)
    if near:
        return f": did you mean {', '.join(short[one] for one in near)}?"
    if not short:
        return ": the store has none"
    more = f" and {len(short) - _MOST} more, which dreamsweep models lists" if len(short) > _MOST else ""
    return f": there is {', '.join(list(short.values())[:_MOST])}{more}"


def data_of(store: Store, model: Record) -> Record | None:
    """The record of the data set that a model was trained on or registered with; None where there was none."""
    if model.task == "epoch":
        return data_of_images(store, next(item.digest for item in model.inputs if item.role == "train_imgs"))
    key = read_as(_DataRecord, model.output("model").attributes)["data_record"]
    return store.record(key) if key else None


def data_of_images(store: Store, images: str) -> Record | None:
    """The record of the data set whose training images are this blob; None where the store has none."""
    return next((made for made, _ in reversed(store.questions().producers(images)) if made.task == "data"), None)


def classes_of(data: Record) -> tuple[str, ...]:
    """The names of the classes of a data set."""
    return tuple(read_as(_DataClasses, data.parameters)["classes"])
