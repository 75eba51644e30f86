"""`dreamsweep rerun`: a run that is not finished, or that makes again what was lost."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.local_runs import analyse_here, dream_here, sweep_here, train_here
from flows.cli.losses import queued, take_from_queue
from flows.cli.options import AsJson, Given, StorePlace, fill_in, from_form
from flows.forms.every_run import Limits
from flows.forms.parameters import AnalyseParameters, DreamParameters, SweepParameters, TrainParameters
from flows.forms.places import store_place
from flows.results.runs import find_run
from lib.errors import BadInput

if TYPE_CHECKING:
    from storage.document import Json
    from storage.runs import RunRecord
    from storage.store import Store

_Parameters = SweepParameters | TrainParameters | DreamParameters | AnalyseParameters
_FORMS: dict[str, type[_Parameters]] = {
    "oip-sweep": SweepParameters,
    "train": TrainParameters,
    "dream": DreamParameters,
    "analyse": AnalyseParameters,
}
_KINDS = "sweep, dream, analysis or training"

_NO_DIFFERENCE = {
    *Limits.model_fields,
    "store",
    "model",
    "maps_per_task",
    "batch",
    "pool",
    "maps_per_shard",
    "images_per_part",
    "pictures_per_shard",
}
"""Parameters in which runs may differ that do the same; of models it is their summaries that tell."""


@from_form(Limits, first=["run"], without=["stalled_after"])
def rerun(
    given: Given,
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN",
            help="The run to finish, as dreamsweep runs lists it; or the id of its flow run in Prefect.",
            show_default=False,
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="The folder to write pictures to: contact sheets as DIR/RUN/LAYER.png, those of an analysis as "
            "DIR/RUN/analysis/...",
        ),
    ] = None,
    store: StorePlace = None,
    as_json: AsJson = False,
) -> int:
    from storage.store import Store

    limits = fill_in(Limits, given).model_dump(exclude={"stalled_after"})
    opened = Store.open(store_place(store), create=False)
    found = find_run(opened, run) if run is not None else _next(opened)
    if found.flow not in _FORMS:
        raise BadInput(f"run {found.id} is a {found.flow}: only a {_KINDS} can be run again")
    asked: Given = {**found.parameters, "store": store_place(store)} | limits
    if found.flow != "train" and asked.get("train") is None:
        # the latest model may be another one by now, and a file may have changed
        asked["model"] = found.summary.get("model") or asked.get("model")
    try:
        parameters = fill_in(_FORMS[found.flow], asked)
    except BadInput as problem:
        raise BadInput(f"run {found.id} cannot be run again as it was ({problem}): start a new one") from problem
    code = _run(parameters, folder, as_json)
    if code == 0:
        take_from_queue(opened, found.id)
    return code


def _run(parameters: _Parameters, folder: Path | None, as_json: bool) -> int:
    if isinstance(parameters, SweepParameters):
        return sweep_here(parameters, folder, as_json)
    if isinstance(parameters, DreamParameters):
        return dream_here(parameters.model_copy(update={"out": folder}) if folder else parameters, as_json)
    if isinstance(parameters, AnalyseParameters):
        return analyse_here(parameters, folder, as_json)
    return train_here(parameters, as_json)


def _next(store: "Store") -> "RunRecord":
    """The first that `dreamsweep verify --repair` has queued, or else the latest that is unfinished."""
    waiting = queued(store)
    return store.run(waiting[0]) if waiting else _latest(store)


def _latest(store: "Store") -> "RunRecord":
    """The latest run that failed, was stopped, crashed, was partial or died, and that no later one has finished.

    Where it is of a checkpoint, among others that are not finished either, the run within which all were to be swept.
    """
    finished: list[RunRecord] = []
    unfinished: list[RunRecord] = []
    for run in reversed(store.runs()):
        if run.state == "completed":
            finished.append(run)
        elif run.flow in _FORMS and not any(_same(run, later) for later in finished):
            unfinished.append(run)
    if not unfinished:
        raise BadInput(f"no {_KINDS} is unfinished: dreamsweep runs lists them")
    latest = unfinished[0]
    around = (run for run in unfinished if run.parameters.get("checkpoints") and _within(latest, run))
    return next(around, latest)


def _within(run: "RunRecord", other: "RunRecord") -> bool:
    """Whether a run was opened while another was open, or is that other."""
    return other.opened <= run.opened and (other.closed is None or run.opened <= other.closed)


def _same(run: "RunRecord", later: "RunRecord") -> bool:
    """Whether two runs were to do the same; one that was killed may not know which model it had."""

    def asked(run: "RunRecord") -> dict[str, "Json"]:
        # a parameter that there was not yet is as if it had been left as it is
        given = {name: value for name, value in run.parameters.items() if value not in (None, usual.get(name))}
        return {name: value for name, value in given.items() if name not in _NO_DIFFERENCE}

    form = _FORMS.get(run.flow)
    usual = {} if form is None else {name: field.default for name, field in form.model_fields.items()}
    models = {one.summary.get("model") for one in (run, later)} - {None}
    return run.flow == later.flow and len(models) <= 1 and asked(run) == asked(later)
