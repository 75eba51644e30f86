"""The flow `oip-sweep`: OIPs of every map of the chosen layers, one flow run a layer, one task run a map."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.fan_out import fan_out
from flows.gallery import refreshed
from flows.outcome import ended, ended_partial, few, told
from flows.parameters import RegisterParameters, SweepParameters, is_model_file
from flows.register import registered
from flows.reports import report_layer, report_sweep, shown_progress
from flows.summary import made_before, sweep_summary
from flows.train import trained
from flows.work import work
from lib import model_file
from lib.errors import BadInput
from lib.trunk import responses_of
from lib.units import Layer, Unit, select_units
from storage.store import Recipe, Record
from tasks.data import UNIT_RANGE, pixel_range, store_data
from tasks.exemplars import make_exemplars, pass_recipes
from tasks.layers import gather_layer
from tasks.models import check_images, data_of, find_model
from tasks.negatives import make_negatives, negatives_recipes, negatives_title
from tasks.oips import make_oips, name_of, oip_recipe
from tasks.progress import report
from tasks.recorded import PARTIAL, key_of
from tasks.session import Session
from tasks.transient import store_unusable
from tasks.weights import compare_weights, weights_recipe
from tasks.workshop import MAPS_AT_ONCE, Natural, Network, Workshop, natural_of, opened, workshop_of

LATEST = "sweep/latest"

Units = dict[Layer, list[Unit]]


class MapsFailed(Exception):
    """Some maps of a sweep failed, and all others are finished. `run`: what the store calls it."""

    def __init__(self, message: str, run: str) -> None:
        super().__init__(message)
        self.run = run


@flow(name="oip-sweep", persist_result=False)
@told
def oip_sweep(parameters: SweepParameters) -> Any:
    """Sweep a model. Ends `Failed`, naming the maps, where one failed; all others are finished then.

    At its deadline it ends `Partial`, saying how many maps are left; those in the making are finished first. The
    negative OIPs come last.

    Returns `flows.summary.sweep_summary`. Raises MapsFailed where it is called directly.
    """
    begun = time.monotonic()
    with work(parameters, "oip-sweep") as open_session:
        run = open_session.run.id
        with _workshop(open_session, parameters) as (workshop, units):
            open_session.pin(_recipes(workshop, units))
            names = [layer.name for layer in units]
            make_exemplars(names, run, return_state=True).result()
            troubles = _failure("weights", compare_weights(names, run, return_state=True))
            troubles |= _sweep_layers(workshop, units, parameters)
            left = _take_stock(workshop, units, parameters.large_tensors)
            failed, waiting = _make_negatives(workshop, units)
            troubles |= failed
            about = {
                "model": workshop.network.name,
                "data": workshop.natural.name if workshop.natural else None,
                "layers": [[layer.name, [unit.index for unit in chosen]] for layer, chosen in units.items()],
                "left": left,
                "waiting": waiting,
                "seconds": round(time.monotonic() - begun, 2),
            }
            failures = troubles | {
                str(unit): workshop.failures[unit]
                for chosen in units.values()
                for unit in chosen
                if unit in workshop.failures
            }
        for unit, message in failures.items():
            open_session.run.fail(unit, message)
        open_session.run.close("failed" if failures else "partial" if left or waiting else "completed", about)
        summary = sweep_summary(open_session.store, run)  # reads every picture again
        open_session.store.set_ref(LATEST, f"run:{run}")
    report_sweep(open_session.store, summary, refreshed(parameters.store))
    return ended(summary, "maps", len(summary["units"]), partial(MapsFailed, run=run), besides=troubles)


@flow(
    name="layer",
    flow_run_name="{layer}",
    persist_result=False,
    task_runner=ThreadPoolTaskRunner(max_workers=MAPS_AT_ONCE),  # type: ignore[arg-type]
)
@told
def sweep_layer(
    layer: str, indices: list[int], whole: list[int] | None, maps_per_task: int, large_tensors: bool, run: str
) -> State[Any]:
    """Sweep some units of one layer, `maps_per_task` a task run; no task run begins after the deadline.

    Where these are the last that are wanted of the layer, `whole` are all that are: what there is of them is gathered,
    whatever failed.
    """
    workshop = workshop_of(run)
    units = [Unit(layer, index) for index in indices]
    groups = [units[first : first + maps_per_task] for first in range(0, len(units), maps_per_task)]
    report(layer, 0, len(units))

    def go_on() -> bool:
        return not (workshop.session.deadline.passed or workshop.stopped)

    submits = (partial(make_oips.submit, name_of(group), [str(unit) for unit in group], run) for group in groups)
    done, bad = 0, None
    for state in fan_out(submits, MAPS_AT_ONCE, go_on):
        if not state.is_completed():
            error = state.result(raise_on_failure=False)
            workshop.stopped = workshop.stopped or store_unusable(error)
            bad = state
        done = sum(unit in workshop.made or unit in workshop.failures for unit in units)
        failed = sum(unit in workshop.failures for unit in units)
        report(layer, done, len(units), f"{failed} failed" if failed else "")
    if done < len(units) and bad and go_on():  # a task run that did not even come to its work
        lost = [unit for unit in units if unit not in workshop.made and unit not in workshop.failures]
        workshop.failures |= dict.fromkeys(lost, bad.message or bad.name or "failed")
        done = len(units)
    if done < len(units):
        report(layer, len(units), len(units), f"stopped with {len(units) - done} left")
    if workshop.stopped:
        return Failed(message=str(workshop.stopped))
    if whole is not None and done == len(units):
        report_layer(workshop, _gathered(workshop, layer, whole, large_tensors))
    failures = [str(unit) for unit in units if unit in workshop.failures]  # in the network's order
    if failures:
        return Failed(message=f"{len(failures)} of {len(units)} maps failed: {few(failures)}")
    if done < len(units):
        return ended_partial(f"{len(units) - done} of {len(units)} maps are left")
    return Completed(message=f"{len(units)} maps")


def _failure(name: str, state: State[Any]) -> dict[str, str]:
    """Why that failed which maps do without; empty where it did not. Raises StoreUnusable."""
    if state.is_completed():
        return {}
    if stopped := store_unusable(state.result(raise_on_failure=False)):
        raise stopped
    return {name: state.message or state.name or "failed"}


def _sweep_layers(workshop: Workshop, units: Units, parameters: SweepParameters) -> dict[str, str]:
    """Sweep all that there is time for. Returns what went wrong with a layer as a whole, by its name.

    Raises StoreUnusable where no map can be stored any more.
    """
    troubles = {}
    with shown_progress(workshop, sum(map(len, units.values())), "maps"):
        for layer, part, last in _parts(workshop, units):
            if workshop.session.deadline.passed or workshop.stopped:
                break
            state = sweep_layer(
                layer.name,
                [unit.index for unit in part],
                [unit.index for unit in units[layer]] if last else None,
                parameters.maps_per_task,
                parameters.large_tensors,
                workshop.session.run.id,
                return_state=True,
            )
            if not (state.is_completed() or any(unit in workshop.failures for unit in part)):
                troubles[layer.name] = state.message or state.name or "failed"
    if workshop.stopped:
        raise workshop.stopped
    return troubles


def _make_negatives(workshop: Workshop, units: Units) -> tuple[dict[str, str], list[str]]:
    """The negative OIPs of each layer, in what time there is when the maps are made.

    Returns those that failed, and why, and those that are left. Raises StoreUnusable.
    """
    session = workshop.session
    failures: dict[str, str] = {}
    waiting = []
    for layer, chosen in units.items():
        indices = [unit.index for unit in chosen]
        there = any(map(session.find, negatives_recipes(workshop, layer.name, indices, layer.units)))
        if session.deadline.passed and not there:
            waiting.append(negatives_title(layer.name))
            continue
        state = make_negatives(layer.name, indices, layer.units, session.run.id, return_state=True)
        if state.name == PARTIAL:
            waiting.append(negatives_title(layer.name))
        failures |= _failure(negatives_title(layer.name), state)
    return failures, waiting


def _parts(workshop: Workshop, units: Units) -> list[tuple[Layer, list[Unit], bool]]:
    """Which units of which layer to sweep in turn, and whether they are the layer's last.

    A layer after the other, unless there is a deadline: then units that were never made come before those of which
    there is a picture already, of an older model or with other settings.
    """
    stale: set[str] = set()
    if workshop.session.deadline.at is not None:
        stale = made_before(workshop.session.store, workshop.network.name)
        stale -= {str(unit) for unit in _there(workshop, units)}
    fresh = {layer: [unit for unit in chosen if str(unit) not in stale] for layer, chosen in units.items()}
    rest = {layer: [unit for unit in chosen if str(unit) in stale] for layer, chosen in units.items()}
    parts = [(layer, part, not rest[layer]) for layer, part in fresh.items() if part]
    return parts + [(layer, part, True) for layer, part in rest.items() if part]


def _there(workshop: Workshop, units: Units) -> dict[Unit, Record]:
    """The units whose records are in the store already."""
    found = {unit: workshop.session.find(oip_recipe(workshop, unit)) for chosen in units.values() for unit in chosen}
    return {unit: record for unit, record in found.items() if record is not None}


def _take_stock(workshop: Workshop, units: Units, large_tensors: bool) -> int:
    """How many units are left at the deadline. What was there already is the run's too, and layers are gathered."""
    session = workshop.session
    unvisited = {
        layer: [unit for unit in chosen if unit not in workshop.made and unit not in workshop.failures]
        for layer, chosen in units.items()
    }
    for unit, record in _there(workshop, unvisited).items():
        session.run.add(str(unit), record, "reused")
        workshop.made[unit] = record.key
    for layer, waiting in unvisited.items():
        if waiting and any(unit in workshop.made for unit in units[layer]):
            record = _gathered(workshop, layer.name, [unit.index for unit in units[layer]], large_tensors)
            report_layer(workshop, record)
    return sum(unit not in workshop.made for waiting in unvisited.values() for unit in waiting)


def _gathered(workshop: Workshop, layer: str, indices: list[int], large_tensors: bool) -> Record:
    failed = [index for index in indices if Unit(layer, index) in workshop.failures]
    made = gather_layer(layer, indices, failed, large_tensors, workshop.session.run.id, return_state=True)
    return workshop.session.store.record(key_of(made))


@contextmanager
def _workshop(open_session: Session, parameters: SweepParameters) -> Iterator[tuple[Workshop, dict[Layer, list[Unit]]]]:
    record, name = _model(open_session, parameters)
    output = record.output("model")
    assert output.identity is not None
    model = model_file.load(open_session.store.get(output.digest), name=name)
    units = _units(model, parameters)
    data = _data(open_session, parameters, record, model)
    natural = None if data is None else natural_of(open_session.store, data)
    workshop = Workshop(
        open_session,
        Network(model, name, output.digest, output.identity),
        parameters.growth,
        pixel_range(data) if data else UNIT_RANGE,
        natural,
        _size(model, parameters, natural),
        parameters.batch,
    )
    with opened(workshop):
        yield workshop, units


def _model(open_session: Session, parameters: SweepParameters) -> tuple[Record, str]:
    first = parameters.train_parameters()
    if first is not None:
        if parameters.model is not None:
            raise BadInput("a model to sweep and one to train first are both given: leave one of them out")
        return trained(open_session, first, parameters.layers)
    if parameters.model and is_model_file(parameters.model):
        file = RegisterParameters(
            store=parameters.store, file=Path(parameters.model), data=parameters.data, data_dir=parameters.data_dir
        )
        model = model_file.load(file.file)
        _units(model, parameters)  # so that a layer's typo leaves no record
        if file.data is None:
            _size(model, parameters, None)
        return registered(open_session, file, parameters.size)
    found = find_model(open_session.store, parameters.model)
    return found.record, found.name


def _units(model: Any, parameters: SweepParameters) -> dict[Layer, list[Unit]]:
    """The units to sweep, by layer. Raises BadInput where there are none, or images of the size do not suit them."""
    chosen = select_units(model, parameters.layers)
    if parameters.size is not None:
        responses_of(model, [layer.name for layer in chosen], size=parameters.size)
    return {layer: [Unit(layer.name, index) for index in indices] for layer, indices in chosen.items()}


def _data(open_session: Session, parameters: SweepParameters, record: Record, model: Any) -> Record | None:
    """The record of the data set whose images are the exemplars. Raises BadInput where the network takes others."""
    if parameters.data is None or parameters.train is not None:
        data = data_of(open_session.store, record)
        if data is not None:
            check_images(model, (data.output("train_imgs").shape or ())[1:], parameters.size)
        return data
    made = store_data(
        parameters.data,
        parameters.data_dir,
        open_session.run.id,
        suits=lambda data: check_images(model, data.input_shape, parameters.size),
        return_state=True,
    )
    return open_session.store.record(key_of(made))


def _size(model: Any, parameters: SweepParameters, natural: Natural | None) -> tuple[int, int] | None:
    """The images' (height, width) where it is not the network's own; a network of a free size takes the data set's."""
    if parameters.size is not None or None not in model.input_shape[1:3]:
        return parameters.size
    if natural is None:
        raise BadInput("the network takes images of any size: choose one with --size, as 64x64")
    height, width = natural.images.shape[1:3]
    return int(height), int(width)


def _recipes(workshop: Workshop, units: Mapping[Layer, Sequence[Unit]]) -> Iterator[Recipe]:
    """What the sweep may find in the store."""
    for layer, chosen in units.items():
        yield weights_recipe(workshop, layer.name)
        yield from pass_recipes(workshop, layer.name)
        yield from negatives_recipes(workshop, layer.name, [unit.index for unit in chosen], layer.units)
        for unit in chosen:
            yield oip_recipe(workshop, unit)
