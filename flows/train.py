"""The flow `train`: a data set, a network trained on it, and every epoch's checkpoint."""

import time

from flows.forms.parameters import TrainParameters
from flows.results.summaries import TrainSummary
from flows.running.damage import makes_damaged_again
from flows.running.fields import form_flow
from flows.running.labels import tag_flow_run
from flows.running.models import obtain_trained_model
from flows.running.work import alive, work
from tasks.model.training import Scores
from tasks.session.attributes import read_as


@form_flow("train")
@makes_damaged_again
def train(parameters: TrainParameters) -> TrainSummary:
    """Train the reference network, or find that it has been trained. At its deadline it ends `Partial`, after an epoch.

    Returns `run`, `model` (a ref), `test_accuracy`, `test_loss`, `epochs`, how many records were `computed` and
    `reused`, and `seconds`.
    """
    begun = time.monotonic()
    with alive(parameters) as live, work(live, "train") as open_session:
        trained = obtain_trained_model(open_session, parameters)
        tag_flow_run(model=trained.name, data=parameters.data)
        scores = read_as(Scores, trained.record.output("model").attributes)
        closed = open_session.run.close("completed", {"model": trained.name, **scores})
    hows = [unit.how for unit in closed.units.values()]
    return TrainSummary(
        run=closed.id,
        model=trained.name,
        **scores,
        computed=hows.count("computed"),
        reused=hows.count("reused"),
        seconds=round(time.monotonic() - begun, 2),
    )
