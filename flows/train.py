"""The flow `train`: a data set, a network trained on it, and every epoch's checkpoint."""

import time
from typing import Any

from prefect import flow

from flows.forms.parameters import TrainParameters
from flows.running.models import obtain_trained_model
from flows.running.outcome import end_in_states
from flows.running.work import work


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
