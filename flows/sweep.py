"""The flow `oip-sweep`: OIPs of every map of the chosen layers, one flow run a layer, one task run a map."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture, as_completed
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.parameters import RegisterParameters, SweepParameters
from flows.register import registered
from flows.summary import sweep_summary, verdict_rows
from flows.train import trained
from lib import model_file
from lib.errors import BadInput
from lib.trunk import responses_of
from lib.units import Layer, Unit, select_units
from storage.store import Recipe, Record
from tasks.data import pixel_range, store_data
from tasks.exemplars import exemplars_recipe, make_exemplars
from tasks.layers import gather_layer
from tasks.models import check_images, data_of, find_model
from tasks.oips import make_oips, oip_recipe
from tasks.progress import report
from tasks.recorded import key_of
from tasks.session import Session, session
from tasks.workshop import MAPS_AT_ONCE, Natural, Network, Workshop, opened, workshop_of

UNIT_RANGE = (0.0, 1.0)
LATEST = "sweep/latest"


@flow(name="oip-sweep", persist_result=False)
def oip_sweep(parameters: SweepParameters) -> Any:
    """Sweep a model. Ends `Failed`, naming the maps, where one failed; all others are finished then.

    Returns `flows.summary.sweep_summary`.
    """
    begun = time.monotonic()
    with session(parameters.store, "oip-sweep", parameters.model_dump(mode="json")) as open_session:
        run = open_session.run.id
        with _workshop(open_session, parameters) as (workshop, units):
            open_session.pin(_recipes(workshop, units))
            make_exemplars([layer.name for layer in units], run)
            failures: dict[str, str] = {}
            for layer, chosen in units.items():
                state = sweep_layer(
                    layer.name, [unit.index for unit in chosen], parameters.large_tensors, run, return_state=True
                )
                if not state.is_completed():
                    failures |= workshop.failures.get(layer.name) or {layer.name: state.message or "failed"}
            about = {
                "model": workshop.network.name,
                "data": workshop.natural.name if workshop.natural else None,
                "layers": [[layer.name, [unit.index for unit in chosen]] for layer, chosen in units.items()],
                "seconds": round(time.monotonic() - begun, 2),
            }
        for unit, message in failures.items():
            open_session.run.fail(unit, message)
        open_session.run.close("failed" if failures else "completed", about)
        summary = sweep_summary(open_session.store, run)  # reads every picture again
        open_session.store.set_ref(LATEST, f"run:{run}")
    create_table_artifact(table=verdict_rows(summary), key="verdicts", description=f"Sweep {run} of {about['model']}")
    if failures:
        return Failed(message=f"{len(failures)} of {len(summary['units'])} maps failed: {_few(list(failures))}")
    return summary


@flow(
    name="layer",
    flow_run_name="{layer}",
    persist_result=False,
    task_runner=ThreadPoolTaskRunner(max_workers=MAPS_AT_ONCE),  # type: ignore[arg-type]
)
def sweep_layer(layer: str, indices: list[int], large_tensors: bool, run: str) -> State[Any]:
    """Sweep some units of one layer, one task run each; then gather what there is, whatever failed."""
    workshop = workshop_of(run)
    futures: dict[PrefectFuture[Any], Unit] = {}
    for index in indices:
        unit = Unit(layer, index)
        futures[make_oips.submit(str(unit), run)] = unit
    report(layer, 0, len(indices))
    keys: dict[int, str] = {}
    failures: dict[str, str] = {}
    for done, future in enumerate(as_completed(list(futures)), 1):
        unit = futures[future]
        future.wait()
        if future.state.is_completed():
            keys[unit.index] = key_of(future.state)
        else:
            failures[str(unit)] = _message(future.state)
        report(layer, done, len(indices), f"{len(failures)} failed" if failures else "")
    # in the network's order, not in that in which they failed
    failures = {name: failures[name] for index in indices if (name := str(Unit(layer, index))) in failures}
    workshop.failures[layer] = failures
    key_of(gather_layer(layer, indices, keys, large_tensors, run, return_state=True))
    if failures:
        return Failed(message=f"{len(failures)} of {len(indices)} maps failed: {_few(list(failures))}")
    return Completed(message=f"{len(indices)} maps")


@contextmanager
def _workshop(open_session: Session, parameters: SweepParameters) -> Iterator[tuple[Workshop, dict[Layer, list[Unit]]]]:
    record, name = _model(open_session, parameters)
    output = record.output("model")
    assert output.identity is not None
    model = model_file.load(open_session.store.get(output.digest), name=name)
    units = _units(model, parameters)
    data = _data(open_session, parameters, record, model)
    natural = None
    if data is not None:
        images = data.output("train_imgs")
        natural = Natural(str(data.parameters["data"]), open_session.store.array(images.digest), images.digest)
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
    if parameters.model and Path(parameters.model).suffix in (".keras", ".h5"):
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
        if workshop.natural is not None:
            yield exemplars_recipe(workshop, layer.name)
        for unit in chosen:
            yield oip_recipe(workshop, unit)


def _message(state: State[Any]) -> str:
    message = state.message or state.name or "failed"
    return message.removeprefix("Task run encountered an exception ").strip()


def _few(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
