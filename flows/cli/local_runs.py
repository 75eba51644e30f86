"""Flows that the command line runs itself: from their parameters to what is shown of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.forms.places import DATA_FOLDER, gallery_of, store_place
from lib.errors import BadInput
from lib.pictures.names import show_name

if TYPE_CHECKING:
    from flows.forms.parameters import AnalyseParameters, DreamParameters, SweepParameters, TrainParameters

PICTURES = DATA_FOLDER / "pictures"
_FEW_FILES = 20


def sweep_here(parameters: "SweepParameters", folder: Path | None, as_json: bool) -> int:
    """Sweep in this process, write the contact sheets to a folder, and show what came of it; returns the exit code."""
    from flows.cli.at_work import at_work
    from flows.cli.terminal import print_json

    place = parameters.store
    if folder is not None:
        _writable(folder)
    with at_work(place):
        answer = _swept(parameters)
    if answer is None:
        return _out_of_time(as_json)
    answer = _with_gallery(answer, place)
    if folder is None and place == store_place(str(DATA_FOLDER / "store")):
        folder = PICTURES
    if folder is not None:
        answer["contact_sheets"] = _exported_sheets(place, answer["run"], folder)
    if as_json:
        print_json(answer)
    else:
        _show(answer)
    return 1 if answer["failures"] else 0


def train_here(parameters: "TrainParameters", as_json: bool) -> int:
    """Train in this process, and show what came of it; returns the exit code."""
    from flows.cli.at_work import at_work
    from flows.cli.terminal import out, print_json
    from flows.results.captions import duration, percent

    with at_work(parameters.store):
        from flows.train import train

        answer: dict[str, Any] | None = train(parameters)
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
    with at_work(parameters.store):
        answer = _with_gallery(_dreamed(parameters), parameters.store)
    print_json(answer) if as_json else _show_dreams(answer)
    return 1 if answer["failures"] else 0


def analyse_here(parameters: "AnalyseParameters", folder: Path | None, as_json: bool) -> int:
    """Analyse in this process, and show what came of it; returns the exit code."""
    from flows.cli.at_work import at_work
    from flows.cli.terminal import print_json

    if folder is not None:
        _writable(folder)
    with at_work(parameters.store):
        answer = _with_gallery(_analysed(parameters), parameters.store)
    if folder is not None:
        answer["folder"] = _exported(parameters.store, answer["run"], folder)
    print_json(answer) if as_json else _show_analysis(answer)
    return 1 if answer["failures"] else 0


def _analysed(parameters: "AnalyseParameters") -> dict[str, Any]:
    """The summary of an analysis, also of one in which results failed."""
    from flows.analyse import AnalysisFailed, analyse
    from flows.results.analysis_summary import analysis_summary
    from storage.store import Store

    try:
        answer: Any = analyse(parameters)
    except AnalysisFailed as failed:
        return analysis_summary(Store.open(parameters.store), failed.run)
    return dict(answer)


def _exported(place: str, run: str, folder: Path) -> str:
    """Write all pictures and tables of a run to FOLDER/RUN; return that folder."""
    from flows.results.export import plan_export, write_export
    from storage.resolve import Found
    from storage.store import Store

    store = Store.open(place)
    write_export(store, plan_export(store, [Found("run", run, run=store.run(run))]), folder / run)
    return str((folder / run).absolute())


def _show_analysis(answer: Mapping[str, Any]) -> None:
    from flows.cli.terminal import escape, out, table
    from flows.results.captions import duration, number_of, percent

    console = out()
    if answer["accuracy"] is not None:
        console.print(f"{percent(answer['accuracy'])} of the test images are called what they are", markup=False)
    if answer["margins"]:
        rows = table("image", "label", "called", "margin", right=("margin",))
        for one in answer["margins"]:
            rows.add_row(one["image"], escape(one["label"]), escape(one["called"]), f"{one['margin']:.3f}")
        console.print(f"\nThe least sure images between {' and '.join(answer['pair'])}:", markup=False)
        console.print(rows)
    if (found := answer["classifiers"]) is not None:
        pair = " against ".join(found["classes"][label] for label in found["pair"])
        rows = table("linear classifier on", "values", "all classes", pair, right=("values", "all classes", pair))
        for row in found["rows"]:
            rows.add_row(escape(row["layer"]), f"{row['features']:,}", percent(row["all"]), percent(row["pair"]))
        console.print()
        console.print(rows)
    for layer, fcps in answer["fcps"].items():
        first, second = answer["pair"]
        counts = fcps["counts"]
        console.print(
            f"{layer}: {number_of(counts['only_first'], 'FCP')} of {first} alone, {counts['only_second']} of {second} "
            f"alone, {counts['both']} of both; alone they tell {percent(fcps['accuracy'])} of the test images apart",
            markup=False,
            soft_wrap=True,
        )
    console.print()
    for title, message in answer["failures"].items():
        console.print(f"failed: {title}: {message}", markup=False, soft_wrap=True)
    counted = f"{number_of(answer['computed'], 'result')} computed, {answer['reused']:,} reused"
    console.print(f"{counted}; {duration(answer['seconds'])}", markup=False)
    if answer["left"]:
        console.print(f"{number_of(answer['left'], 'result')} left: dreamsweep rerun goes on with them", markup=False)
    console.print(f"run {answer['run']} of {answer['model']}", markup=False)
    if "folder" in answer:
        console.print(answer["folder"], markup=False, soft_wrap=True)
    _show_gallery(answer)


def _dreamed(parameters: "DreamParameters") -> dict[str, Any]:
    """The summary of a dream, also of one in which pictures failed."""
    from flows.dream import DreamsFailed, dream
    from flows.results.dream_summary import dreams_summary
    from storage.store import Store

    try:
        answer: Any = dream(parameters)
    except DreamsFailed as failed:
        return dreams_summary(Store.open(parameters.store), failed.run)
    return dict(answer)


def _show_dreams(answer: Mapping[str, Any]) -> None:
    from flows.cli.terminal import out
    from flows.results.captions import duration, number_of

    console = out()
    for one in [*answer["extras"], *answer["pictures"]][:_FEW_FILES]:
        for file in one["files"]:
            console.print(file, markup=False, soft_wrap=True)
    if (more := len(answer["pictures"]) + len(answer["extras"]) - _FEW_FILES) > 0:
        console.print(f"and {more:,} more in {answer['out']}", markup=False, soft_wrap=True)
    for title, message in answer["failures"].items():
        said = message if message.startswith(title) else f"{title}: {message}"
        console.print(f"failed: {said}", markup=False, soft_wrap=True)
    counted = f"{number_of(answer['computed'], 'dream')} computed, {answer['reused']:,} reused"
    if not answer["computed"] and not answer["failures"] and not answer["left"]:
        counted = f"Nothing to compute: all {number_of(answer['reused'], 'dream')} were in the store already"
    console.print(f"{counted}; {duration(answer['seconds'])}", markup=False)
    if answer["left"]:
        console.print(f"{number_of(answer['left'], 'dream')} left: dreamsweep rerun goes on with them", markup=False)
    console.print(f"run {answer['run']} of {answer['model']}, {answer['objective']}", markup=False)
    _show_gallery(answer)


def _show_gallery(answer: Mapping[str, Any]) -> None:
    from flows.cli.terminal import out

    if "gallery" in answer:
        out().print(f"gallery: {answer['gallery']}", markup=False, soft_wrap=True)


def _with_gallery(answer: dict[str, Any], place: str) -> dict[str, Any]:
    """The summary, with the path of the gallery's first page where runs in this store keep one."""
    folder = gallery_of(place)
    page = None if folder is None else folder / "index.html"
    return answer if page is None or not page.is_file() else {**answer, "gallery": str(page)}


def _out_of_time(as_json: bool) -> int:
    from flows.cli.terminal import print_json, say

    if as_json:
        print_json({"run": None, "model": None})
    else:
        say("The time was over before the training was: dreamsweep rerun goes on from its last epoch")
    return 0


def _writable(folder: Path) -> None:
    """Raise BadInput now rather than after the sweep where pictures cannot be written to a folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise BadInput(f"pictures cannot be written to {show_name(str(folder))}: {problem.strerror}") from problem


def _swept(parameters: "SweepParameters") -> dict[str, Any] | None:
    """The summary of a sweep, also of one in which maps failed; None where it did not come to be one.

    Raises what kept it from being a sweep at all.
    """
    from flows.results.sweep_summary import sweep_summary
    from flows.sweep import MapsFailed, oip_sweep
    from storage.store import Store

    try:
        answer: Any = oip_sweep(parameters)
    except MapsFailed as failed:
        return sweep_summary(Store.open(parameters.store), failed.run)
    return None if answer is None else dict(answer)


def _exported_sheets(place: str, run: str, folder: Path) -> dict[str, str]:
    """Write the contact sheets to FOLDER/RUN/LAYER.png; return their paths by layer."""
    from flows.results.export import sheets, write_export
    from storage.store import Store

    store = Store.open(place)
    plan = sheets(store, run)
    write_export(store, dict(plan.values()), folder / run)
    return {layer: str((folder / run / name).absolute()) for layer, (name, _) in plan.items()}


def _swept_checkpoint(one: Mapping[str, Any]) -> str:
    from flows.results.captions import number_of

    if one["computed"] is None:
        return f"epoch {one['epoch']}: failed; run {one['run']}"
    counted = f"{number_of(one['computed'], 'map')} computed, {one['reused']:,} reused"
    left = f", {one['left']:,} left" if one["left"] else ""
    return f"epoch {one['epoch']}: {counted}{left}; run {one['run']}"


def _show(answer: Mapping[str, Any]) -> None:
    from flows.cli.show import verdict_table
    from flows.cli.terminal import out
    from flows.results.captions import duration, number_of

    console = out()
    console.print(verdict_table(answer["verdicts"]))
    console.print()
    for unit, message in list(answer["failures"].items())[:5]:
        console.print(f"failed: {unit}: {message}", markup=False)
    if (more := len(answer["failures"]) - 5) > 0:
        console.print(f"failed: {more} more; dreamsweep show {answer['run']}", markup=False)
    unreached = [unit["unit"] for unit in answer["units"] if unit["verdict"] == "unreached"]
    if unreached:
        console.print(f"unreached: {', '.join(unreached)}", markup=False)
    computed, reused = answer["computed"], answer["reused"]
    if not computed and not answer["failures"] and not answer["left"] and not answer["checkpoints"]:
        counted = f"Nothing to compute: all {number_of(reused, 'map')} were in the store already"
    else:
        counted = f"{number_of(computed, 'map')} computed, {reused:,} reused"
    for one in answer["checkpoints"]:
        console.print(_swept_checkpoint(one), markup=False)
    console.print(f"{counted}; {duration(answer['seconds'])}", markup=False)
    if answer["left"]:
        console.print(f"{number_of(answer['left'], 'map')} left: dreamsweep rerun goes on with them", markup=False)
    if answer["waiting"]:
        console.print(f"{', '.join(answer['waiting'])} left: dreamsweep rerun goes on with them", markup=False)
    console.print(f"run {answer['run']} of {answer['model']}", markup=False)
    sheets = answer.get("contact_sheets") or answer["sheets"]
    if sheets:
        console.print("contact sheets:")
        for layer, path in sheets.items():
            console.print(f"  {layer}  {path}", markup=False, soft_wrap=True)
    console.print(f"all pictures: dreamsweep export {answer['run']} --out DIR", markup=False)
    _show_gallery(answer)
