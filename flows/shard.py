"""The flow `oip-shard`: some maps of one layer, made on a worker for a sweep that another process has open."""

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.forms.shard import ShardParameters
from flows.running.damage import makes_damaged_again
from flows.running.fields import form_flow
from flows.running.joining import check_code, join_run
from flows.running.labels import tag_flow_run
from flows.running.outcome import end_partial
from flows.running.shards import say_failures
from flows.sweeping.layer_maps import make_maps
from lib.network.units import Unit, indices_in
from lib.words import plural
from tasks.model.context import open_context
from tasks.model.network import natural_of
from tasks.sweep.context import MAPS_AT_ONCE, SweepContext
from tasks.sweep.exemplars import exemplars_recipe, make_exemplars, note_exemplars


@form_flow("oip-shard", task_runner=ThreadPoolTaskRunner(max_workers=MAPS_AT_ONCE))
@makes_damaged_again
def oip_shard(parameters: ShardParameters) -> State[None]:
    """Make the feature visualisations (OIPs) of some maps of one layer, for a sweep on a work pool.

    A sweep with `--pool` submits it to the pool's workers. It ends `Failed`, with a line for each map that failed; and
    `Partial` where its time was over. What it has made is in the store then.
    """
    check_code(parameters)
    with _open_shard(parameters) as context:
        deadline = context.session.deadline
        tag_flow_run(model=context.network.name)
        indices, quality = indices_in(parameters.units), parameters.quality
        _find_exemplars(context, parameters.layer)
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


@contextmanager
def _open_shard(parameters: ShardParameters) -> Iterator[SweepContext]:
    """The context in which the sweep would make these maps itself, open while inside. Raises StoreError."""
    with join_run(parameters) as (joined, network):
        store, data = joined.store, parameters.data_record
        natural = None if data is None else natural_of(store, store.record(data))
        *lesser, growth = parameters.passes
        context = SweepContext(joined, network, growth, natural, parameters.size, parameters.batch, tuple(lesser))
        with open_context(context):
            yield context


def _find_exemplars(context: SweepContext, layer: str) -> None:
    """The layer's exemplars, which the sweep has made; here only where they have gone since."""
    if context.natural is None:
        return
    record = context.session.find(exemplars_recipe(context, layer))
    if record is None:
        make_exemplars([layer], context.session.run.id, return_state=True).result()
    else:
        note_exemplars(context, layer, record)
