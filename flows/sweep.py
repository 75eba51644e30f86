"""The flow `oip-sweep`: OIPs of every map of the chosen layers, one flow run a layer, one task run a map."""

import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import TypeVar

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.checkpoints import sweep_checkpoints
from flows.forms.parameters import SweepParameters
from flows.results.reports import report_layer, report_sweep, show_progress
from flows.results.runs import LATEST_SWEEP
from flows.results.summaries import SweepSummary
from flows.results.sweep_summary import sweep_summary, units_made_before
from flows.running.accuracy import CHECKED
from flows.running.damage import makes_damaged_again
from flows.running.fields import form_flow
from flows.running.gallery_update import refresh_gallery
from flows.running.labels import tag_flow_run
from flows.running.outcome import end_in_states, end_partial, end_run, few
from flows.running.shards import Sharding
from flows.running.work import alive, work
from flows.running.work_pool import check_pool, open_pool
from flows.sweeping.image_shards import ImageWork
from flows.sweeping.layer_maps import make_maps
from flows.sweeping.layer_shards import LayerWork
from flows.sweeping.map_shards import MapWork
from flows.sweeping.plan import tell_plan
from flows.sweeping.sweep_context import better_recipes, obtain_sweep_model, open_sweep, sweep_recipes
from flows.sweeping.sweep_order import (
    Part,
    Units,
    find_made,
    fresh_first,
    neediest_first,
    note_made,
    refinements_title,
    takes_long,
    units_deferred,
    units_left,
    units_not_better,
)
from lib.network.units import Unit
from lib.oips.growth import Growth, QualityName
from lib.words import plural
from storage.store import Record, Store
from tasks.session.open_runs import find_shared
from tasks.session.progress import say
from tasks.session.recorded import PARTIAL, key_of, unusable_store
from tasks.sweep.context import MAPS_AT_ONCE, SweepContext
from tasks.sweep.exemplars import make_exemplars, missing_layers
from tasks.sweep.image_parts import missing_parts
from tasks.sweep.interpretability import interpretability_title, judge_layers
from tasks.sweep.kinds.oip import KIND as OIP
from tasks.sweep.layers import gather_layer
from tasks.sweep.naturalness import measure_naturalness, naturalness_title, shown_recipe
from tasks.sweep.negatives import make_negatives, negatives_recipes, negatives_title
from tasks.sweep.telling import telling_warnings
from tasks.sweep.weights import compare_weights

R = TypeVar("R")


class MapsFailed(Exception):
    """Some maps of a sweep failed, and all others are finished. `run`: what the store calls it."""

    def __init__(self, message: str, run: str) -> None:
        super().__init__(message)
        self.run = run


@form_flow("oip-sweep")
@makes_damaged_again
def oip_sweep(parameters: SweepParameters) -> State[SweepSummary]:
    """Optimise feature visualisations (OIPs) of a model.

    It ends `Failed`, naming the maps, where one failed; all others are finished then.

    A large network gets drafts of all maps first, and then better pictures, as far as there is time. At its deadline
    it ends `Partial`, saying how many maps are left. Those in the making are finished first, but for searches that go
    on until nothing is found, and for those that take more than five minutes longer.

    How natural the pictures are is measured after them, then they are judged, and the negative OIPs come last;
    checkpoints, where some are asked for, come first: each by a flow run of its own below this.

    Returns `flows.results.sweep_summary.sweep_summary`. Raises MapsFailed where it is called directly.
    """
    begun = time.monotonic()
    with alive(parameters) as live:
        with work(live, "oip-sweep") as open_session:
            check_pool(parameters.pool, ImageWork.flow, MapWork.flow, LayerWork.flow)
            run = open_session.run.id
            stored = obtain_sweep_model(open_session, parameters, live.found)
            earlier = sweep_checkpoints(open_session, parameters, stored, live.found.checkpoints, _sweep_as)
            with open_sweep(open_session, parameters, stored) as (context, units):
                open_session.pin(chain(sweep_recipes(context, units), better_recipes(context, units)))
                tell_plan(context, units, parameters.quality, parameters.maps_per_task)
                tag_flow_run(model=context.network.name, data=context.natural.name if context.natural else None)
                names = [layer.name for layer in units]
                troubles = earlier.failures
                warnings: list[str] = []
                if not open_session.deadline.passed:
                    if parameters.pool is not None and context.natural is not None:
                        _look_by_pool(context, names, parameters.pool, parameters.stalled_after)
                    make_exemplars(names, run, return_state=True).result()
                    warnings = [] if stored.trained_here else _warn(context, names)
                    troubles |= _failure("weights", compare_weights(names, run, return_state=True))
                troubles |= _sweep_layers(context, units, parameters)
                left, lesser = _take_stock(context, units, parameters.large_tensors)
                failed, waiting = _make_besides(context, units)
                troubles |= failed
                about = {
                    "model": context.network.name,
                    "data": context.natural.name if context.natural else None,
                    "layers": [[layer.name, [unit.index for unit in chosen]] for layer, chosen in units.items()],
                    "warnings": warnings,
                    CHECKED: context.checked,
                    "left": left,
                    "waiting": [
                        *earlier.waiting,
                        *([refinements_title(lesser)] if lesser else []),
                        *([] if left or lesser else waiting),  # else they go without saying
                    ],
                    "checkpoints": earlier.runs,
                    "seconds": round(time.monotonic() - begun, 2),
                }
                failed_units = context.tally.failures
                asked = [str(unit) for chosen in units.values() for unit in chosen]  # in the network's order
                failures = troubles | {unit: failed_units[unit] for unit in asked if unit in failed_units}
            for unit, message in failures.items():
                open_session.run.fail(unit, message, None if unit in troubles else OIP.task)
            open_session.run.close(
                "failed" if failures else "partial" if left or about["waiting"] else "completed", about
            )
            summary = sweep_summary(open_session.store, run)  # reads every picture again
            open_session.store.set_ref(LATEST_SWEEP, f"run:{run}")
        # What was known of each map while it was swept goes before the gallery knows as much of each again.
        del open_session, context
        refresh_gallery(parameters.store)
        report_sweep(Store.open(parameters.store, create=False), summary)
        return end_run(
            summary,
            "maps",
            len(summary["units"]),
            partial(MapsFailed, run=run),
            besides=troubles,
            waiting=summary["waiting"],
        )


@flow(
    name="layer",
    flow_run_name="{layer}",
    persist_result=False,
    task_runner=ThreadPoolTaskRunner(max_workers=MAPS_AT_ONCE),  # type: ignore[arg-type]
)
@end_in_states
def sweep_layer(
    layer: str,
    indices: list[int],
    whole: list[int] | None,
    quality: QualityName,
    maps_per_task: int,
    large_tensors: bool,
    run: str,
) -> State[None]:
    """Sweep some units of one layer in one pass, `maps_per_task` a task run; no task run begins after the deadline.

    Where these are the last that are wanted of the layer, `whole` are all that are: what there is of them is gathered,
    whatever failed.
    """
    context = find_shared(run, SweepContext)
    tally, stopped = context.tally_at(quality), context.tally
    units = [str(Unit(layer, index)) for index in indices]
    done = make_maps(context, layer, indices, quality, maps_per_task)
    if stopped.stopped:
        return Failed(message=str(stopped.stopped))
    if whole is not None and done == len(units):
        report_layer(context, _gather(context, layer, whole, large_tensors))
    failures = [unit for unit in units if tally.has_failed(unit)]  # in the network's order
    if failures:
        return Failed(message=f"{len(failures)} of {len(units)} maps failed: {few(failures)}")
    if done < len(units):
        return end_partial(f"{len(units) - done} of {len(units)} maps are left")
    return Completed(message=plural(len(units), "map"))


def _warn(context: SweepContext, layers: list[str]) -> list[str]:
    """What whoever trusts a network that somebody brought should know of it, said as soon as it is known."""
    warnings = [*(context.checked["warnings"] if context.checked else ()), *telling_warnings(context, layers)]
    for warning in warnings:
        say(f"Warning: {warning}")
    return warnings


def _sweep_as(parameters: SweepParameters, name: str) -> State[SweepSummary]:
    """Sweep by a flow run of its own, below this one."""
    return oip_sweep.with_options(flow_run_name=name)(parameters, return_state=True)


def _failure(name: str, state: State[R]) -> dict[str, str]:
    """Why that failed which maps do without; empty where it did not. Raises StoreUnusable."""
    if state.is_completed():
        return {}
    if stopped := unusable_store(state):
        raise stopped
    return {name: state.message or state.name or "failed"}


def _sweep_layers(context: SweepContext, units: Units, parameters: SweepParameters) -> dict[str, str]:
    """Sweep all that there is time for, in passes: drafts of all units, where there are drafts, and then better ones.

    Returns what went wrong with a layer as a whole, by its name. Raises StoreUnusable where no map can be stored any
    more.
    """
    troubles: dict[str, str] = {}
    note_made(context, units)
    for growth in context.passes:
        quality, asked = growth.quality, growth == context.growth
        todo = units_not_better(context, units) if asked else units_left(context, units, growth)
        tally = context.tally_at(quality)
        total = tally.done + sum(not tally.is_done(str(unit)) for chosen in todo.values() for unit in chosen)
        with show_progress(tally, total, "maps" if asked else f"maps-{quality}"):
            parts = _parts(context, todo, growth)
            if parameters.pool is None:
                settings = parameters.maps_per_task, parameters.large_tensors
                troubles |= _sweep_here(context, units, parts, growth, *settings)
            else:
                _sweep_by_pool(context, units, parts, growth, parameters, parameters.pool)
        if context.tally.stopped:
            raise context.tally.stopped
    return troubles


def _sweep_here(
    context: SweepContext,
    units: Units,
    parts: Iterable[Part],
    growth: Growth,
    maps_per_task: int,
    large_tensors: bool,
) -> dict[str, str]:
    """Sweep these parts in one pass in this process, a flow run each; returns what went wrong with a layer."""
    troubles: dict[str, str] = {}
    quality = growth.quality
    tally = context.tally_at(quality)
    sweep_part = sweep_layer.with_options(flow_run_name=context.title_at("{layer}", quality))
    for layer, part, last in parts:
        if context.session.deadline.passed or context.tally.stopped:
            break
        state = sweep_part(
            layer.name,
            [unit.index for unit in part],
            [unit.index for unit in units[layer]] if last and growth == context.growth else None,
            quality,
            maps_per_task,
            large_tensors,
            context.session.run.id,
            return_state=True,
        )
        if not (state.is_completed() or any(tally.has_failed(str(unit)) for unit in part)):
            troubles[layer.name] = state.message or state.name or "failed"
    return troubles


def _sweep_by_pool(
    context: SweepContext,
    units: Units,
    parts: Iterable[Part],
    growth: Growth,
    parameters: SweepParameters,
    pool: str,
) -> None:
    """Sweep these parts in one pass by the workers of a pool; of layers that are whole then, so is what comes after."""
    after, large, session = parameters.stalled_after, parameters.large_tensors, context.session
    whole: list[str] = []
    maps = MapWork(context, growth, whole.append, maps_per_task=parameters.maps_per_task, stalled_after=after)
    with open_pool(pool) as work_pool:
        sharding = Sharding(maps, work_pool, session, most=parameters.maps_per_shard, stalled_after=after)
        sharding.make([part for _, part, _ in list(parts)])
        if growth != context.growth:
            return
        layers = LayerWork(context, units, large_tensors=large, stalled_after=after)
        shown = [layer.name for layer, chosen in units.items() if layer.name in whole and _any_shown(context, chosen)]
        together = layers.in_shards(shown, parameters.maps_per_shard)
        Sharding(layers, work_pool, session, most=max(1, len(shown)), stalled_after=after).make(together)
    for layer, chosen in units.items():
        if layer.name in whole:
            report_layer(context, _gather(context, layer.name, [unit.index for unit in chosen], large))


def _look_by_pool(context: SweepContext, layers: Sequence[str], pool: str, stalled_after: float) -> None:
    """Have the parts of the data set shown to the network by the workers of a pool, where it is large."""
    parts = missing_parts(context, missing_layers(context, layers))
    if not parts:
        return
    images = ImageWork(context, parts, stalled_after=stalled_after)
    with open_pool(pool) as work_pool:
        Sharding(images, work_pool, context.session, most=1, stalled_after=stalled_after).make([parts])


def _make_besides(context: SweepContext, units: Units) -> tuple[dict[str, str], list[str]]:
    """How natural each layer's pictures are, what a judge says of them, where there is one, and the layer's negative
    OIPs, in what time there is when the maps are made.

    Returns those that failed, and why, and those that are left. Raises StoreUnusable.
    """
    session, tally = context.session, context.tally
    run = session.run.id
    failures: dict[str, str] = {}
    waiting: list[str] = []

    def is_late(title: str, there: bool) -> bool:
        """Whether it waits for the next run, as time is over and it is not there."""
        late = session.deadline.passed and not there
        waiting.extend([title] if late else [])
        return late

    def note(title: str, state: State[str]) -> None:
        waiting.extend([title] if state.name == PARTIAL else [])
        failures.update(_failure(title, state))

    for layer, chosen in units.items():
        title, indices = naturalness_title(layer.name), [unit.index for unit in chosen if tally.is_made(str(unit))]
        if indices and not is_late(title, session.find(shown_recipe(context, layer.name, indices)) is not None):
            note(title, measure_naturalness(layer.name, indices, run, return_state=True))
    if context.judge is not None:
        layers = {layer.name: [unit.index for unit in chosen] for layer, chosen in units.items()}
        state = judge_layers(layers, run, return_state=True)
        failures.update(_failure("interpretability", state))
        if state.name == PARTIAL:
            waiting.extend(interpretability_title(layer) for layer in layers if layer not in state.result())
    for layer, chosen in units.items():
        title, indices = negatives_title(layer.name), [unit.index for unit in chosen]
        if not is_late(title, any(map(session.find, negatives_recipes(context, layer.name, indices, layer.units)))):
            note(title, make_negatives(layer.name, indices, layer.units, run, return_state=True))
    return failures, waiting


def _parts(context: SweepContext, units: Units, growth: Growth) -> Iterator[Part]:
    """Which units of which layer to sweep in turn in a pass, and whether they are the layer's last.

    A layer after the other, unless there is a deadline: then units that were never made come before those of which
    there is a picture already, of an older model or with other settings; what is refined is ordered by need; and those
    whose search is long, or turns out to be, come last, when all others have had their turn.
    """
    if context.session.deadline.at is None:
        yield from fresh_first(units, set())
        return
    context.defers, context.deferred = True, set()
    if growth != context.passes[0]:
        context.deferred = {str(unit) for unit in takes_long(context, units)}
        yield from neediest_first(context, units_deferred(context, units, False))
    else:
        stale = units_made_before(context.session.store, context.network.name)
        yield from fresh_first(units, stale - {str(unit) for unit, _ in find_made(context, units, growth)})
    context.defers = False
    yield from fresh_first(units_deferred(context, units, True), set())


def _take_stock(context: SweepContext, units: Units, large_tensors: bool) -> tuple[int, int]:
    """How many units are left at the deadline, and how many have a picture of a lesser quality than was asked for.

    What was there already is the run's too, and layers are gathered.
    """
    growth, shown = context.growth, context.tally
    tally = context.tally_at(growth.quality)
    unvisited = {layer: [unit for unit in chosen if not tally.is_done(str(unit))] for layer, chosen in units.items()}
    for unit, record in find_made(context, unvisited):
        context.note_oips(str(unit), growth, record, "reused")
    for layer, waiting in unvisited.items():
        if waiting and _any_shown(context, units[layer]):
            record = _gather(context, layer.name, [unit.index for unit in units[layer]], large_tensors)
            report_layer(context, record)
    missing = [str(unit) for waiting in unvisited.values() for unit in waiting if not context.is_had(str(unit), growth)]
    left = sum(not shown.is_made(unit) for unit in missing)
    return left, len(missing) - left


def _any_shown(context: SweepContext, units: Iterable[Unit]) -> bool:
    return any(context.tally.is_made(str(unit)) for unit in units)


def _gather(context: SweepContext, layer: str, indices: list[int], large_tensors: bool) -> Record:
    failed = [index for index in indices if context.tally.has_failed(str(Unit(layer, index)))]
    made = gather_layer(layer, indices, failed, large_tensors, context.session.run.id, return_state=True)
    return context.session.store.record(key_of(made))
