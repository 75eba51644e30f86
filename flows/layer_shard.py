"""The flow `layer-shard`: what comes after the maps of one layer, made on a worker for a sweep of another process."""

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.forms.shard import LayerShardParameters
from flows.running.damage import makes_damaged_again
from flows.running.fields import form_flow
from flows.running.outcome import end_partial
from flows.running.shards import say_failures
from flows.sweeping.layer_shards import read_made
from flows.sweeping.shard_context import open_shard
from lib.network.units import indices_in
from tasks.session.recorded import PARTIAL
from tasks.sweep.layers import gather_layer
from tasks.sweep.naturalness import measure_naturalness
from tasks.sweep.negatives import make_negatives


@form_flow("layer-shard")
@makes_damaged_again
def layer_shard(parameters: LayerShardParameters) -> State[None]:
    """Gather the maps of one layer, measure how natural they are, and make the negative OIPs, for a sweep on a pool.

    A sweep with `--pool` submits it to the pool's workers when the maps of a layer are made. It ends `Failed`, saying
    why, and `Partial` where its time was over. What it has made is in the store then.
    """
    layer, indices = parameters.layer, indices_in(parameters.units)
    failed = indices_in(parameters.failed) if parameters.failed else []
    with open_shard(parameters) as context:
        run = context.session.run.id
        if parameters.likeness is not None:
            context.likeness[parameters.size] = parameters.likeness
        for unit, record in read_made(context.session.store, parameters.made).items():
            context.note_oips(unit, context.growth, record, "reused")
        states = [
            gather_layer(layer, indices, failed, parameters.large_tensors, run, return_state=True),
            measure_naturalness(layer, indices, run, return_state=True),
            make_negatives(layer, indices, parameters.of, run, return_state=True),
        ]
    reasons = [state.message or state.name or "failed" for state in states if not state.is_completed()]
    if reasons:
        return Failed(message=say_failures({layer: "; ".join(reasons)}, 1, "layers"))
    if any(state.name == PARTIAL for state in states):
        return end_partial(f"{layer} is not finished")
    return Completed(message=f"{layer} is finished")
