"""The flow `oip-shard`: some maps of one layer, made on a worker for a sweep that another process has open."""

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.forms.shard import ShardParameters
from flows.running.damage import makes_damaged_again
from flows.running.fields import form_flow
from flows.running.outcome import end_partial
from flows.running.shards import say_failures
from flows.sweeping.layer_maps import make_maps
from flows.sweeping.shard_context import open_shard
from lib.network.units import Unit, indices_in
from lib.words import plural
from tasks.sweep.context import MAPS_AT_ONCE


@form_flow("oip-shard", task_runner=ThreadPoolTaskRunner(max_workers=MAPS_AT_ONCE))
@makes_damaged_again
def oip_shard(parameters: ShardParameters) -> State[None]:
    """Make the feature visualisations (OIPs) of some maps of one layer, for a sweep on a work pool.

    A sweep with `--pool` submits it to the pool's workers. It ends `Failed`, with a line for each map that failed; and
    `Partial` where its time was over. What it has made is in the store then.
    """
    with open_shard(parameters, parameters) as context:
        deadline = context.session.deadline
        indices, quality = indices_in(parameters.units), parameters.quality
        context.defers = deadline.at is not None  # what takes long comes when all others have had their turn
        make_maps(context, parameters.layer, indices, quality, parameters.maps_per_task)
        if context.defers:
            context.defers = False
            later = [index for index in indices if str(Unit(parameters.layer, index)) in context.deferred]
            if later and not deadline.passed:
                make_maps(context, parameters.layer, later, quality, parameters.maps_per_task)
        tally, stopped = context.tally_at(quality), context.tally.stopped
        if stopped:
            return Failed(message=str(stopped))
        if tally.failed:
            return Failed(message=say_failures(tally.failures, len(indices), "maps"))
        if tally.done < len(indices):
            return end_partial(f"{len(indices) - tally.done} of {plural(len(indices), 'map')} are left")
        return Completed(message=f"{plural(len(indices), 'map')}: {tally.computed} computed, {tally.reused} reused")
