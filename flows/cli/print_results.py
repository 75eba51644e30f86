"""What the command line shows of a run that it has made."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flows.results.plans import PlanSummary

_FEW_FILES = 20
_FEW_UNITS = 20
_NEVER = "never on data"


def show_analysis(answer: Mapping[str, Any]) -> None:
    from flows.cli.terminal import escape, out, table
    from lib.words import accuracy, count, duration, number, percent, plural

    console = out()
    _show_warnings(answer)
    if answer["accuracy"] is not None:
        console.print(f"accuracy on the test images: {percent(answer['accuracy'])}", markup=False)
    for one in answer["outputs"]:
        if one["accuracy"] is not None:
            console.print(f"accuracy of output {one['output']}: {percent(one['accuracy'])}", markup=False)
        if one["labels"]:
            rows = table(
                "label", "accuracy", "has it", "said to have it", right=("accuracy", "has it", "said to have it")
            )
            for label in one["labels"]:
                shares = (percent(label[name], unknown="") for name in ("accuracy", "has", "given"))
                rows.add_row(escape(label["name"]), *shares)
            console.print(rows)
    for note in answer["notes"]:
        console.print(f"{note[:1].upper()}{note[1:]}.", markup=False, soft_wrap=True)
    if answer["margins"]:
        rows = table("image", "label", "predicted", "margin", right=("margin",))
        for one in answer["margins"]:
            rows.add_row(one["image"], escape(one["label"]), escape(one["called"]), number(one["margin"], 2))
        console.print(f"\nThe images with the smallest margin between {' and '.join(answer['pair'])}:", markup=False)
        console.print(rows)
    if (found := answer["classifiers"]) is not None:
        pair = " against ".join(found["classes"][label] for label in found["pair"])
        rows = table("linear probe on", "values", "all classes", pair, right=("values", "all classes", pair))
        for row in found["rows"]:
            told = [accuracy(row[kind], row.get(f"{kind}_interval"), unknown="") for kind in ("all", "pair")]
            rows.add_row(escape(row["layer"]), count(row["features"]), *told)
        if (majority := found.get("majority")) is not None:
            rows.add_row("the majority's share", "", *(percent(majority[kind], unknown="") for kind in ("all", "pair")))
        console.print()
        console.print(rows)
    for layer, fcps in answer["fcps"].items():
        first, second = answer["pair"]
        counts = fcps["counts"]
        console.print(
            f"{layer}: {plural(counts['only_first'], 'FCP')} of {first} only, {counts['only_second']} of {second} "
            f"only, {counts['both']} of both; by these alone the accuracy is {percent(fcps['accuracy'])}",
            markup=False,
            soft_wrap=True,
        )
    console.print()
    for title, message in answer["failures"].items():
        console.print(f"failed: {title}: {message}", markup=False, soft_wrap=True)
    counted = f"{plural(answer['computed'], 'result')} computed, {count(answer['reused'])} reused"
    console.print(f"{counted}; {duration(answer['seconds'])}", markup=False)
    if answer["left"]:
        console.print(f"{plural(answer['left'], 'result')} left: dreamsweep rerun goes on with them", markup=False)
    console.print(f"run {answer['run']} of {answer['model']}", markup=False)
    if "folder" in answer:
        console.print(answer["folder"], markup=False, soft_wrap=True)
    _show_gallery(answer)


def show_plan(plan: "PlanSummary") -> None:
    from flows.cli.terminal import out, table
    from flows.results.plans import COLUMNS, plan_notes, plan_rows

    console = out()
    console.print(plan["model"], markup=False, style="bold")
    rows = table(*COLUMNS, right=COLUMNS[1:])
    for cells in plan_rows(plan):
        rows.add_row(*cells)
    console.print(rows)
    for note in plan_notes(plan):
        console.print(note, markup=False, soft_wrap=True)


def show_dreams(answer: Mapping[str, Any]) -> None:
    from flows.cli.terminal import out
    from lib.words import count, duration, plural

    console = out()
    for one in [*answer["extras"], *answer["pictures"]][:_FEW_FILES]:
        for file in one["files"]:
            console.print(file, markup=False, soft_wrap=True)
    if (more := len(answer["pictures"]) + len(answer["extras"]) - _FEW_FILES) > 0:
        console.print(f"and {count(more)} more in {answer['out']}", markup=False, soft_wrap=True)
    for title, message in answer["failures"].items():
        said = message if message.startswith(title) else f"{title}: {message}"
        console.print(f"failed: {said}", markup=False, soft_wrap=True)
    counted = f"{plural(answer['computed'], 'dream')} computed, {count(answer['reused'])} reused"
    if not answer["computed"] and not answer["failures"] and not answer["left"]:
        counted = f"Nothing to compute: all {plural(answer['reused'], 'dream')} were in the store already"
    console.print(f"{counted}; {duration(answer['seconds'])}", markup=False)
    if answer["left"]:
        console.print(f"{plural(answer['left'], 'dream')} left: dreamsweep rerun goes on with them", markup=False)
    console.print(f"run {answer['run']} of {answer['model']}, {answer['objective']}", markup=False)
    _show_gallery(answer)


def _show_warnings(answer: Mapping[str, Any]) -> None:
    from flows.cli.terminal import out

    for warning in answer["warnings"]:
        out().print(f"warning: {warning}", markup=False, soft_wrap=True)


def _show_gallery(answer: Mapping[str, Any]) -> None:
    from flows.cli.terminal import out

    if "gallery" in answer:
        out().print(f"gallery: {answer['gallery']}", markup=False, soft_wrap=True)


def _checkpoint_line(one: Mapping[str, Any]) -> str:
    from lib.words import count, plural

    if one["computed"] is None:
        return f"epoch {one['epoch']}: failed; run {one['run']}"
    counted = f"{plural(one['computed'], 'map')} computed, {count(one['reused'])} reused"
    left = f", {count(one['left'])} left" if one["left"] else ""
    return f"epoch {one['epoch']}: {counted}{left}; run {one['run']}"


def show_sweep(answer: Mapping[str, Any]) -> None:
    from flows.cli.terminal import out
    from lib.words import count, duration, plural

    console = out()
    console.print(verdict_table(answer["verdicts"], answer["on_data"]))
    console.print()
    _show_warnings(answer)
    for unit, message in list(answer["failures"].items())[:5]:
        console.print(f"failed: {unit}: {message}", markup=False)
    if (more := len(answer["failures"]) - 5) > 0:
        console.print(f"failed: {more} more; dreamsweep show {answer['run']}", markup=False)
    unreached = [unit["unit"] for unit in answer["units"] if unit["verdict"] == "unreached"]
    if unreached:
        others = f" and {count(len(unreached) - _FEW_UNITS)} more" if len(unreached) > _FEW_UNITS else ""
        console.print(f"unreached: {', '.join(unreached[:_FEW_UNITS])}{others}", markup=False)
    if drafts := sum(unit.get("quality") == "draft" for unit in answer["units"]):
        console.print(f"drafts: {plural(drafts, 'map')}", markup=False)
    computed, reused = answer["computed"], answer["reused"]
    if not (computed or answer["failures"] or answer["left"] or answer["waiting"] or answer["checkpoints"]):
        counted = f"Nothing to compute: all {plural(reused, 'map')} were in the store already"
    else:
        counted = f"{plural(computed, 'map')} computed, {count(reused)} reused"
    for one in answer["checkpoints"]:
        console.print(_checkpoint_line(one), markup=False)
    console.print(f"{counted}; {duration(answer['seconds'])}", markup=False)
    if answer["left"]:
        console.print(f"{plural(answer['left'], 'map')} left: dreamsweep rerun goes on with them", markup=False)
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


def verdict_table(verdicts: Mapping[str, Mapping[str, int]], on_data: Mapping[str, Mapping[str, int]]) -> Any:
    """How many units of each layer came to which verdict: a rich table with a row a layer, and one for all.

    Where it is known of any, how many units no image of the data set makes respond stands in a column of its own.
    """
    from flows.cli.terminal import escape, table
    from flows.results.sweep_summary import COLUMNS
    from lib.verdict_colours import VERDICTS

    left = any(counts.get("left") for counts in verdicts.values())
    kinds = [kind for kind in COLUMNS if left or kind != "left"]
    beside = [_NEVER] if on_data else []
    rows = table("layer", "units", *kinds, *beside, right=("units", *kinds, *beside))

    def row(name: str, counts: Mapping[str, int], known: Mapping[str, int]) -> None:
        cells = [
            f"[{VERDICTS[kind].terminal}]{counts[kind]}[/]" if counts.get(kind) else "[dim]·[/dim]" for kind in kinds
        ]
        if beside:
            cells.append(f"[magenta]{known['never']}[/]" if known.get("never") else "[dim]·[/dim]")
        rows.add_row(name, str(sum(counts.values())), *cells)

    for layer, counts in verdicts.items():
        row(escape(layer), counts, on_data.get(layer, {}))
    if len(verdicts) > 1:
        rows.add_section()
        every = {kind: sum(counts.get(kind, 0) for counts in verdicts.values()) for kind in kinds}
        row("[bold]all[/bold]", every, {"never": sum(counts.get("never", 0) for counts in on_data.values())})
    return rows
