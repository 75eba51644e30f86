"""Training as artifacts: a checkpoint an epoch, and at the end the model, its history and its plot."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from typing_extensions import TypedDict

from lib import words
from lib.data.dataset import Dataset
from lib.deadline import OutOfTime
from lib.draw.plots import history_plot
from lib.network import model_file
from lib.training.settings import TrainSettings
from lib.training.training import TrainedEpoch, train
from storage.clock import now
from storage.store import Input, NewOutput, Recipe, Record
from tasks.model.checkpoints import identity_of, network_output
from tasks.model.data import load_data
from tasks.model.kinds.epoch import KIND as EPOCH
from tasks.model.kinds.model import KIND as MODEL
from tasks.model.outputs import KERAS, ModelAttributes, model_outputs
from tasks.session.attributes import read_as
from tasks.session.progress import report
from tasks.session.recorded import record_task
from tasks.session.session import Session, session_of

VERSION = 1


class Scores(TypedDict):
    """How good a model is that was trained here, after so many epochs."""

    test_accuracy: float
    test_loss: float
    epochs: int


class TrainedAttributes(ModelAttributes, Scores):
    """What the outputs of a model say that was trained here."""


class _EpochAttributes(TypedDict):
    test_accuracy: float


@record_task("train", run_name="train")
def train_model(data_key: str, settings: TrainSettings, run: str) -> tuple[Record, bool]:
    """The record of a network trained on a stored data set: `.keras`, `.h5`, history as JSON and as a plot.

    Every epoch has a record of its own, which a killed training goes on from: an epoch's recipe says which settings,
    data and epochs before it. Raises OutOfTime after the epoch in which the session's deadline passed.
    """
    session = session_of(run)
    data_record = session.store.record(data_key)
    data = load_data(session.store, data_record)
    settings = settings.for_images(len(data.train_imgs))
    arrays = {name: data_record.output(name).digest for name in ("train_imgs", "y_train", "test_imgs", "y_test")}
    recipe = Recipe(MODEL.task, VERSION, asdict(settings), arrays)
    read = [Input(role, digest) for role, digest in arrays.items()]

    def compute() -> tuple[list[NewOutput], list[Input]]:
        last, checkpoint = _train(session, data, settings, arrays, read)
        model = model_file.load(last.checkpoint, name="the last checkpoint")
        about = TrainedAttributes(
            data=data.name,
            data_record=data_record.key,
            test_accuracy=last.metrics["test_accuracy"],
            test_loss=last.metrics["test_loss"],
            epochs=last.number,
            parameters=int(model.count_params()),
        )
        outputs = [
            *model_outputs(model, about),
            NewOutput("history", _json([dict(metrics) for metrics in last.history]), "history", "application/json"),
            NewOutput("history_plot", history_plot(_columns(last)), "plot", "image/png"),
        ]
        return outputs, [*read, Input("checkpoint", checkpoint.output("checkpoint").digest)]

    return session.obtain(recipe, compute, unit="model")


def _train(
    session: Session, data: Dataset, settings: TrainSettings, inputs: dict[str, str], read: list[Input]
) -> tuple[TrainedEpoch, Record]:
    """The last epoch and its record, from the last whole epoch that the store holds."""
    assert settings.epochs is not None

    def recipe(number: int) -> Recipe:
        return Recipe(EPOCH.task, VERSION, {**asdict(settings), "epoch": number}, inputs)

    resume = previous = None
    for number in range(settings.epochs, 0, -1):
        previous = session.find(recipe(number))
        if previous is not None:
            metrics = json.loads(session.store.get(previous.output("metrics").digest))
            checkpoint = session.store.get(network_output(previous).digest)
            resume = TrainedEpoch(number, checkpoint, identity_of(previous), metrics[-1], tuple(metrics))
            session.run.add(f"epoch {number}", previous, "reused")
            break
    records = [previous] if previous else []
    begun = [now()]

    def keep(epoch: TrainedEpoch) -> None:
        outputs = [
            NewOutput(
                "checkpoint",
                epoch.checkpoint,
                "checkpoint",
                KERAS,
                attributes={"data": data.name, **epoch.metrics},
                identity=epoch.identity,
            ),
            NewOutput("metrics", _json([dict(metrics) for metrics in epoch.history]), "metrics", "application/json"),
        ]
        before = [Input("checkpoint", records[-1].output("checkpoint").digest)] if records else []
        record, _ = session.obtain(
            recipe(epoch.number), lambda: (outputs, [*read, *before]), unit=f"epoch {epoch.number}", started=begun[-1]
        )
        records.append(record)
        begun.append(now())
        if session.deadline.passed and epoch.number < (settings.epochs or 0):
            raise OutOfTime(f"{epoch.number} of {settings.epochs} epochs are trained")

    def progress(number: int, done: int, steps: int, loss: float) -> None:
        assert settings.epochs is not None
        report(
            "training",
            (number - 1) * steps + done,
            settings.epochs * steps,
            _note(number, settings, loss, records),
            of="steps",
        )

    last = train(data, settings, on_epoch=keep, resume=resume, progress=progress)
    return last, records[-1]


def _note(epoch: int, settings: TrainSettings, loss: float, records: list[Record]) -> str:
    note = f"epoch {epoch} of {settings.epochs}, loss {words.number(loss, 4)}"
    if not records:
        return note
    accuracy = read_as(_EpochAttributes, records[-1].output("checkpoint").attributes)["test_accuracy"]
    return f"{note}, test accuracy {words.percent(accuracy)}"


def _columns(epoch: TrainedEpoch) -> dict[str, list[float]]:
    return {name: [float(metrics[name]) for metrics in epoch.history] for name in epoch.metrics if name != "epoch"}


def _json(value: Sequence[Mapping[str, float]]) -> bytes:
    return json.dumps(value, sort_keys=True, indent=1).encode()
