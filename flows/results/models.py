"""What is known of the models in a store."""

from typing import TYPE_CHECKING

from typing_extensions import TypedDict

from storage.record import Record
from tasks.model.stored import LATEST
from tasks.session.attributes import read_as

if TYPE_CHECKING:
    from storage.store import Store

PREFIX = "model/"


class ModelNote(TypedDict):
    """What is known of a model.

    `ref`: the name that commands take, as `model/digits-1de27171`; `refs`: all its names; `latest`: whether
    `model/latest` is one of them. `identity`: a digest of its architecture and weights; `digest`: of its file.
    `test_accuracy`: from 0 to 1, None where it was not trained here. `parameters`: how many weights it has. `file`: the
    name of the file that it was registered from. `task`, `record`, `when`: what made it, its record's key, and the time
    (ISO 8601 in UTC).
    """

    ref: str
    refs: list[str]
    latest: bool
    identity: str | None
    digest: str
    data: str | None
    test_accuracy: float | None
    parameters: int | None
    file: str | None
    task: str
    record: str
    when: str


class _Said(TypedDict, total=False):
    """What the output `model` says of itself: more of a trained model, less of a registered one."""

    data: str | None
    test_accuracy: float | None
    parameters: int | None
    file: str | None


def list_models(store: "Store") -> list[ModelNote]:
    """What is known of every model that has a name, the newest first; what `dreamsweep models --json` lists.

    Raises StoreError where the record of a model is damaged.

    >>> import dreamsweep
    >>> for model in dreamsweep.list_models(dreamsweep.open_store()):
    ...     print(model["ref"], model["parameters"], model["test_accuracy"])
    model/folder-df2f13f9 897 1.0
    model/small-f9494d33 427 None
    """
    refs: dict[str, list[str]] = {}
    for name, target in store.refs().items():
        if name.startswith(PREFIX) and target.startswith("record:"):
            refs.setdefault(target, []).append(name)
    found = [_note(store.record(target.removeprefix("record:")), names) for target, names in refs.items()]
    return sorted(found, key=lambda model: model["when"], reverse=True)


def _note(record: Record, names: list[str]) -> ModelNote:
    output = record.output("model")
    said = read_as(_Said, output.attributes)
    return {
        "ref": min(names, key=lambda name: (name == LATEST, name)),
        "refs": sorted(names),
        "latest": LATEST in names,
        "identity": output.identity,
        "digest": output.digest,
        "data": said.get("data"),
        "test_accuracy": said.get("test_accuracy"),
        "parameters": said.get("parameters"),
        "file": said.get("file"),
        "task": record.task,
        "record": record.key,
        "when": record.ended,
    }
