"""The flow `layer-shard`: what comes after the maps of some layers, made on a worker for a sweep of another process."""

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.forms.shard import FinishedLayer, LayerShardParameters
from flows.running.damage import makes_damaged_again
from flows.running.fields import form_flow
from flows.running.outcome import end_partial
from flows.running.shards import say_failures
from flows.sweeping.layer_shards import read_made
from flows.sweeping.shard_context import open_shard
from lib.network.units import indices_in
from lib.words import plural
from tasks.session.recorded import PARTIAL
from tasks.sweep.context import SweepContext
from tasks.sweep.layers import gather_layer
from tasks.sweep.naturalness import measure_naturalness
from tasks.sweep.negatives import make_negatives


@form_flow("layer-shard")
@makes_damaged_again
def layer_shard(parameters: LayerShardParameters) -> State[None]:
    """Gather the maps of some layers, measure how natural they are, and make the negative OIPs, for a sweep on a pool.

    A sweep with `--pool` submits it to the pool's workers when the maps are made. It ends `Failed`, with a line for
    each layer that failed, and `Partial` where its time was over. What it has made is in the store then.
    """
    failures: dict[str, str] = {}
    left = 0
    with open_shard(parameters, *parameters.layers) as context:
        for part in parameters.layers:
            states = _finish(context, part, parameters.large_tensors)
            reasons = [state.message or state.name or "failed" for state in states if not state.is_completed()]
            if reasons:
                failures[part.layer] = "; ".join(reasons)
            left += any(state.name == PARTIAL for state in states)
    total = len(parameters.layers)
    if failures:
        return Failed(message=say_failures(failures, total, "layers"))
    if left:
        return end_partial(f"{left} of {plural(total, 'layer')} are left")
    return Completed(message=plural(total, "layer"))


def _finish(context: SweepContext, part: FinishedLayer, large_tensors: bool) -> list[State[str]]:
    """Make what comes after the maps of a layer; how each of it ended."""
    layer, indices, run = part.layer, indices_in(part.units), context.session.run.id
    failed = indices_in(part.failed) if part.failed else []
    if part.likeness is not None:
        context.likeness[part.size] = part.likeness
    for unit, record in read_made(context.session.store, part.made).items():
        context.note_oips(unit, context.growth, record, "reused")
    return [
        gather_layer(layer, indices, failed, large_tensors, run, return_state=True),
        measure_naturalness(layer, indices, run, return_state=True),
        make_negatives(layer, indices, part.of, run, return_state=True),
    ]
