"""Flows that the command line runs itself: from their parameters to what is shown of them."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli.print_results import show_analysis, show_dreams, show_plan, show_sweep
from flows.forms.places import DATA_FOLDER, gallery_of, store_place
from flows.forms.private import umask_for
from lib.errors import BadInput
from lib.permissions import make_folders
from lib.pictures.names import show_name

if TYPE_CHECKING:
    from flows.forms.parameters import AnalyseParameters, DreamParameters, SweepParameters, TrainParameters
    from flows.results.plans import PlanSummary
    from flows.results.summaries import AnalysisSummary, DreamsSummary, SweepSummary, TrainSummary

PICTURES = DATA_FOLDER / "pictures"


def sweep_here(parameters: "SweepParameters", folder: Path | None, as_json: bool, *, ask: bool = False) -> int:
    """Sweep in this process, write the contact sheets to a folder, and show what came of it; returns the exit code.

    `ask`: whether a long sweep asks first, where there is a terminal.
    """
    from flows.cli.asking import asking
    from flows.cli.at_work import at_work
    from flows.cli.terminal import print_json

    place = parameters.store
    if folder is not None:
        _writable(folder)
    with at_work(parameters) as progress, asking(progress) if ask else nullcontext():
        answer = _swept(parameters)
    if answer is None:
        return _out_of_time(as_json)
    beside = _gallery(place)
    sheets = {}
    if folder is None and place == store_place(str(DATA_FOLDER / "store")):
        folder = PICTURES
    if folder is not None:
        sheets = {"contact_sheets": _exported_sheets(place, answer["run"], folder)}
    shown = {**answer, **beside, **sheets}
    print_json(shown) if as_json else show_sweep(shown)
    return 1 if answer["failures"] else 0


def plan_here(parameters: "SweepParameters", as_json: bool) -> int:
    """Show what a sweep would take; returns the exit code."""
    from flows.cli.at_work import at_work
    from flows.cli.terminal import print_json

    with at_work(parameters):
        from flows.plan import sweep_plan

        plan: PlanSummary | None = sweep_plan(parameters)
    if plan is None:
        return _out_of_time(as_json)
    print_json(plan) if as_json else show_plan(plan)
    return 0


def train_here(parameters: "TrainParameters", as_json: bool) -> int:
    """Train in this process, and show what came of it; returns the exit code."""
    from flows.cli.at_work import at_work
    from flows.cli.terminal import out, print_json
    from lib.words import duration, percent

    with at_work(parameters):
        from flows.train import train

        answer: TrainSummary | None = train(parameters)
    if answer is None:
        return _out_of_time(as_json)
    if as_json:
        print_json(answer)
        return 0
    console = out()
    accuracy = f"{percent(answer['test_accuracy'])} on the test set after {answer['epochs']} epochs"
    console.print(f"[bold]{answer['model']}[/bold]  {accuracy}")
    if not answer["computed"]:
        console.print("Nothing to compute: all of it was in the store already.")
    console.print(f"{answer['computed']} records computed, {answer['reused']} reused, in {duration(answer['seconds'])}")
    console.print(f"Next: dreamsweep sweep --model {answer['model']}", markup=False)
    return 0


def dream_here(parameters: "DreamParameters", as_json: bool) -> int:
    """Dream in this process, and show what came of it; returns the exit code."""
    from flows.cli.at_work import at_work
    from flows.cli.terminal import print_json

    _writable(parameters.out)
    with at_work(parameters):
        answer = _dreamed(parameters)
    shown = {**answer, **_gallery(parameters.store)}
    print_json(shown) if as_json else show_dreams(shown)
    return 1 if answer["failures"] else 0


def analyse_here(parameters: "AnalyseParameters", folder: Path | None, as_json: bool) -> int:
    """Analyse in this process, and show what came of it; returns the exit code."""
    from flows.cli.at_work import at_work
    from flows.cli.terminal import print_json

    if folder is not None:
        _writable(folder)
    with at_work(parameters):
        answer = _analysed(parameters)
    shown = {**answer, **_gallery(parameters.store)}
    if folder is not None:
        shown["folder"] = _exported(parameters.store, answer["run"], folder)
    print_json(shown) if as_json else show_analysis(shown)
    return 1 if answer["failures"] else 0


def _analysed(parameters: "AnalyseParameters") -> "AnalysisSummary":
    """The summary of an analysis, also of one in which results failed."""
    from flows.analyse import AnalysisFailed, analyse
    from flows.results.analysis_summary import analysis_summary
    from storage.store import Store

    try:
        return analyse(parameters)
    except AnalysisFailed as failed:
        return analysis_summary(Store.open(parameters.store), failed.run)


def _exported(place: str, run: str, folder: Path) -> str:
    """Write all pictures and tables of a run to FOLDER/RUN; return that folder."""
    from flows.results.export import plan_export, write_export
    from storage.resolve import Found
    from storage.store import Store

    store = Store.open(place)
    write_export(store, plan_export(store, [Found("run", run, run=store.run(run))]), folder / run)
    return str((folder / run).absolute())


def _dreamed(parameters: "DreamParameters") -> "DreamsSummary":
    """The summary of a dream, also of one in which pictures failed."""
    from flows.dream import DreamsFailed, dream
    from flows.results.dream_summary import dreams_summary
    from storage.store import Store

    try:
        return dream(parameters)
    except DreamsFailed as failed:
        return dreams_summary(Store.open(parameters.store), failed.run)


def _gallery(place: str) -> dict[str, str]:
    """The path of the gallery's first page, where runs in this store keep one."""
    folder = gallery_of(place)
    page = None if folder is None else folder / "index.html"
    return {} if page is None or not page.is_file() else {"gallery": str(page)}


def _out_of_time(as_json: bool) -> int:
    from flows.cli.terminal import print_json, say

    if as_json:
        print_json({"run": None, "model": None})
    else:
        say("The time limit was reached before training ended: dreamsweep rerun goes on from its last epoch")
    return 0


def _writable(folder: Path) -> None:
    """Raise BadInput now rather than after the sweep where pictures cannot be written to a folder."""
    try:
        make_folders(folder, umask_for(folder))
    except OSError as problem:
        raise BadInput(f"pictures cannot be written to {show_name(str(folder))}: {problem.strerror}") from problem


def _swept(parameters: "SweepParameters") -> "SweepSummary | None":
    """The summary of a sweep, also of one in which maps failed; None where it did not come to be one.

    Raises what kept it from being a sweep at all.
    """
    from flows.results.sweep_summary import sweep_summary
    from flows.sweep import MapsFailed, oip_sweep
    from storage.store import Store

    try:
        answer: SweepSummary | None = oip_sweep(parameters)
    except MapsFailed as failed:
        return sweep_summary(Store.open(parameters.store), failed.run)
    return answer


def _exported_sheets(place: str, run: str, folder: Path) -> dict[str, str]:
    """Write the contact sheets to FOLDER/RUN/LAYER.png; return their paths by layer."""
    from flows.results.export import sheets, write_export
    from storage.store import Store

    store = Store.open(place)
    plan = sheets(store, run)
    write_export(store, dict(plan.values()), folder / run)
    return {layer: str((folder / run / name).absolute()) for layer, (name, _) in plan.items()}
