"""What is known of the models in a store."""

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from typing_extensions import TypedDict

from storage.record import Record
from storage.refs import FORMER
from tasks.model.kinds.model import KIND as TRAINED
from tasks.model.stored import LATEST, PREFIX
from tasks.session.attributes import read_as

if TYPE_CHECKING:
    from storage.store import Store


class ModelNote(TypedDict):
    """What is known of a model.

    `ref`: the name that commands take, as `model/digits-1de27171`; `refs`: all its names; `latest`: whether
    `model/latest` is one of them. `identity`: a digest of its architecture and weights; `digest`: of its file.
    `test_accuracy`: from 0 to 1, None where it was not trained here. `parameters`: how many weights it has. `file`: the
    name of the file that it was registered from. `task`, `record`, `when`: what made it, its record's key, and the time
    (ISO 8601 in UTC).

    `pixels`: what it takes, as "0..1", None where that is not known; `pixels_from`: what that is known from.
    `hold`: at what inputs beside the image are held, as "age=0.5"; `output`: which of several outputs was kept.
    `accuracy`: that of the training, else that of the latest analysis of its test images, `accuracy_on` a data set;
    None where it was never measured.
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
    pixels: str | None
    pixels_from: str | None
    accuracy: float | None
    accuracy_on: str | None
    hold: list[str]
    output: str | None


class _Said(TypedDict, total=False):
    """What the output `model` says of itself: more of a trained model, less of a registered one."""

    data: str | None
    test_accuracy: float | None
    parameters: int | None
    file: str | None
    pixels: str | None
    pixels_from: str | None
    hold: list[str]
    output: str | None


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
        if name.removeprefix(FORMER).startswith(PREFIX) and target.startswith("record:"):
            refs.setdefault(target, []).append(name)
    named = {target: names for target, names in refs.items() if any(name.startswith(PREFIX) for name in names)}
    analyses = _Analyses(store)
    found = [
        _describe(store.record(target.removeprefix("record:")), names, analyses) for target, names in named.items()
    ]
    return sorted(found, key=lambda model: model["when"], reverse=True)


def describe_model(store: "Store", record: Record) -> ModelNote:
    """What is known of the model of a record, whether it has a name or not. Raises StoreError where it has no model."""
    names = [name for name, target in store.refs().items() if target == f"record:{record.key}"]
    return _describe(record, names, _Analyses(store))


class _Analyses:
    """What analyses came to; the runs are read once, and only where somebody asks."""

    def __init__(self, store: "Store") -> None:
        self._store = store

    @cached_property
    def _accuracies(self) -> dict[str, tuple[float, str]]:
        """By the name that a run has for the model, of the latest: the accuracy, and of which data set."""
        found = {}
        for run in self._store.runs():
            accuracy, model = run.summary.get("accuracy"), run.summary.get("model")
            if run.flow == "analyse" and isinstance(accuracy, float) and isinstance(model, str):
                found[model] = (accuracy, str(run.summary.get("data") or ""))
        return found

    def accuracy(self, names: Iterable[str]) -> tuple[float | None, str | None]:
        """That of the latest analysis of a model that has these names."""
        return next((self._accuracies[name] for name in names if name in self._accuracies), (None, None))


def _describe(record: Record, names: list[str], analyses: _Analyses) -> ModelNote:
    output = record.output("model")
    said = read_as(_Said, output.attributes)
    own = sorted(name for name in names if name.startswith(PREFIX))
    trained = record.task == TRAINED.task  # on pictures as they are
    accuracy, on = said.get("test_accuracy"), said.get("data")
    if accuracy is None:
        accuracy, on = analyses.accuracy([*(name.removeprefix(FORMER) for name in names), output.digest[:12]])
    return {
        "ref": min(own, key=lambda name: (name == LATEST, name), default=output.digest[:12]),
        "refs": own,
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
        "pixels": said.get("pixels") or ("0..1" if trained else None),
        "pixels_from": said.get("pixels_from") or ("it was trained here" if trained else None),
        "accuracy": accuracy,
        "accuracy_on": on,
        "hold": said.get("hold") or [],
        "output": said.get("output"),
    }
