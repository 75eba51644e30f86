"""The checkpoints of a training, found by the lineage of the model that it came to."""

from collections.abc import Mapping

from lib.errors import BadInput
from storage.errors import StoreError
from storage.store import Output, Record, Store

ALL = "all"
_BETWEEN = "@"


def network_output(record: Record) -> Output:
    """The network in a record of a model or of a checkpoint. Raises StoreError where there is none."""
    return record.output("checkpoint" if record.task == "epoch" else "model")


def identity_of(record: Record) -> str:
    """The identity of the network in a record. Raises StoreError as `network_output`, and where it has none."""
    identity = network_output(record).identity
    if identity is None:
        raise StoreError(f"the network of record {record.key} has no identity: train or register it again")
    return identity


def checkpoints_of(store: Store, model: Record) -> dict[int, Record]:
    """The records of the epochs that a model was trained by, by their numbers, the first epoch first.

    None of a model that was not trained here. Of a checkpoint they are the epochs before it.
    """
    index = store.questions()
    found: dict[int, Record] = {}
    record: Record | None = model
    while record is not None:
        before = next((item.digest for item in record.inputs if item.role == "checkpoint"), None)
        made = [] if before is None else [one for one, role in index.producers(before) if role == "checkpoint"]
        record = made[-1] if made else None
        if record is not None:
            found[int(str(record.parameters["epoch"]))] = record
    return dict(sorted(found.items()))


def checkpoint_name(model: str, epoch: int) -> str:
    """What a checkpoint is called, as model/digits-1de27171@3."""
    return f"{model}{_BETWEEN}{epoch}"


def split_name(name: str) -> tuple[str, int | None]:
    """The model and the epoch that a name means; None where it names no epoch."""
    model, _, epoch = name.rpartition(_BETWEEN)
    return (model, int(epoch)) if model and epoch.isascii() and epoch.isdigit() else (name, None)


def choose(checkpoints: Mapping[int, Record], text: str, model: str) -> dict[int, Record]:
    """Those of a model's checkpoints that a text means: `all`, or epochs as `1,5,10`; the first epoch first.

    Raises BadInput where the model, which messages call `model`, has not all of them.
    """
    if not checkpoints:
        raise BadInput(f"{model} has no checkpoints: only models that were trained into this store have")
    epochs = list(checkpoints) if text == ALL else sorted({int(part) for part in text.split(",")})
    missing = [epoch for epoch in epochs if epoch not in checkpoints]
    if missing:
        raise BadInput(f"{model} has no checkpoint of epoch {missing[0]}: it has {_describe(list(checkpoints))}")
    return {epoch: checkpoints[epoch] for epoch in epochs}


def _describe(epochs: list[int]) -> str:
    first, last = epochs[0], epochs[-1]
    whole = len(epochs) > 2 and last - first == len(epochs) - 1
    return f"{first} to {last}" if whole else ", ".join(map(str, epochs))
