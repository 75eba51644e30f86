"""The flow `train`: a data set, a network trained on it, and every epoch's checkpoint."""

import time
from collections.abc import Sequence
from typing import Any

from prefect import flow

from flows.forms.parameters import TrainParameters
from flows.running.outcome import end_in_states
from flows.running.work import work
from lib.data.dataset import Dataset
from lib.network.units import select_units
from lib.training import reference
from storage.store import Record
from tasks.model.data import store_data
from tasks.model.models import name_model
from tasks.model.training import train_model
from tasks.session.recorded import key_of
from tasks.session.session import Session


@flow(name="train", persist_result=False)
@end_in_states
def train(parameters: TrainParameters) -> dict[str, Any]:
    """Train the reference network, or find that it has been trained. At its deadline it ends `Partial`, after an epoch.

    Returns `run`, `model` (a ref), `test_accuracy`, `test_loss`, `epochs`, how many records were `computed` and
    `reused`, and `seconds`.
    """
    begun = time.monotonic()
    with work(parameters, "train") as open_session:
        record, name = obtain_trained_model(open_session, parameters)
        about = record.output("model").attributes
        summary = {"model": name} | {key: about[key] for key in ("test_accuracy", "test_loss", "epochs")}
        closed = open_session.run.close("completed", summary)
    hows = [unit.how for unit in closed.units.values()]
    return {
        "run": closed.id,
        **summary,
        "computed": hows.count("computed"),
        "reused": hows.count("reused"),
        "seconds": round(time.monotonic() - begun, 2),
    }


def obtain_trained_model(
    open_session: Session, parameters: TrainParameters, layers: Sequence[str] | None = None
) -> tuple[Record, str]:
    """The record of the trained model, and its ref; within a flow run.

    Raises BadInput before anything is stored for images that the network cannot take, and where it has not the
    `layers` that are wanted of it.
    """

    def suits(data: Dataset) -> None:
        select_units(reference.build(data.input_shape, len(data.classes)), layers)

    run = open_session.run.id
    data_key = key_of(store_data(parameters.data, parameters.data_dir, run, suits=suits, return_state=True))
    model_key = key_of(train_model(data_key, parameters.settings, run, return_state=True))
    record = open_session.store.record(model_key)
    return record, name_model(open_session.store, record, parameters.data.partition(":")[0])
