"""What a run shows of its results in Prefect's UI: markdown with a small picture of each contact sheet, and links.

The server keeps these in its database, so the pictures in them are small; links lead to the picture server, which `up`
runs, since browsers follow no link from a web page to a file: to pages of the gallery, where these are there.
"""

import base64
import io
import math
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast
from uuid import UUID

from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact
from prefect.client.schemas.objects import State

from flows.results.links import Links
from flows.results.plans import COLUMNS as PLAN_COLUMNS
from flows.results.plans import PlanSummary, plan_notes, plan_rows
from flows.results.summaries import AnalysisSummary, DreamsSummary, RunSummary, SweepSummary
from flows.results.sweep_summary import COLUMNS
from lib.network.units import Unit
from lib.pictures.png import first_rows
from lib.words import accuracy, percent
from storage.store import Record, Store
from tasks.analysis.kinds.fcps import KIND as FCPS
from tasks.session.progress import listen
from tasks.session.tally import Tally
from tasks.sweep.context import SweepContext
from tasks.sweep.kinds.layer import layer_title
from tasks.sweep.on_data import NEVER, OnData, on_data

WIDTH, HEIGHT = 720, 960
"""Pixels of a small contact sheet, at most; of a longer one the upper part is shown."""
_SUPPORT = 4  # rows below the last that is shown, of which a resampled one is made too
SECONDS_BETWEEN = 2.0
"""The progress bar moves no more often: the server has the task runs to write down as well."""
FEWER_AT_ONCE = 12
"""Layers of a sweep whose sheets stand on its page; of a larger network the first ones."""


@contextmanager
def show_progress(tally: Tally, total: int, what: str) -> Iterator[None]:
    """While inside, how many of all maps (or dreams) are done is a progress bar among the flow run's artifacts."""
    artifact = cast(UUID, create_progress_artifact(0.0, key=what, description=f"{total} {what}"))
    shown = time.monotonic()

    def show() -> None:
        nonlocal shown
        shown = time.monotonic()
        update_progress_artifact(artifact, 100 * tally.done / max(total, 1))

    def heard(*_: object) -> None:
        if time.monotonic() - shown > SECONDS_BETWEEN:
            show()

    with listen(heard):
        yield
    show()


def report_layer(context: SweepContext, record: Record) -> None:
    """The layer's contact sheet and verdicts, as an artifact of the flow run (or task run) in which this is called."""
    layer, run = str(record.parameters["layer"]), context.session.run.id
    counts = dict.fromkeys(COLUMNS, 0)
    active: Counter[OnData] = Counter()
    units = [str(Unit(layer, int(str(index)))) for index in record.parameters["units"]]  # type: ignore[union-attr]
    for verdict, known in _found(context, units):
        counts[verdict] += 1
        if known is not None:
            active[known] += 1
    table = _table({layer: counts}, {layer: active} if active else {})
    store = context.session.store
    links = Links(store)
    lines = [f"# {_linked(layer, links.page(record))}", *table, *_sheet(store, links, run, layer, record)]
    _publish(f"layer-{layer}", lines, f"{layer} of run {run}")


def report_sweep(store: Store, summary: SweepSummary) -> None:
    """A sweep's verdicts, failures and contact sheets, as an artifact of its flow run."""
    _publish("sweep", sweep_lines(store, summary), f"{summary['model']}, run {summary['run']}")


def report_plan(plan: PlanSummary) -> None:
    """What a sweep takes, as an artifact of the flow run in which this is called."""
    rows = [list(PLAN_COLUMNS), ["---", *["---:"] * (len(PLAN_COLUMNS) - 1)], *plan_rows(plan)]
    table = "\n".join("| " + " | ".join(cells) + " |" for cells in rows)
    _publish("plan", [f"# {_text(plan['model'])}", table, *map(_text, plan_notes(plan))], f"Plan of {plan['model']}")


def report_analysis(store: Store, summary: AnalysisSummary) -> None:
    """What an analysis found, with a small picture of each comparison, as an artifact of the flow run."""
    _publish("analysis", analysis_lines(store, summary), f"{summary['model']}, run {summary['run']}")


def analysis_lines(store: Store, summary: AnalysisSummary) -> list[str]:
    """The same as lines of markdown."""
    run, links = str(summary["run"]), Links(store)
    made = [store.record(one["record"]) for one in summary["made"]]
    lines = [
        f"# {_linked(summary['model'] or 'Analysis', links.network(made[0] if made else None))}",
        f"{summary['computed']} results computed, {summary['reused']} reused, {summary['left']} left · "
        f"{_linked(f'run {run}', links.run(run))}",
        *_gallery(links),
        *_warnings(summary["warnings"]),
    ]
    if summary["accuracy"] is not None:
        lines.append(f"Accuracy on the test images of {_text(summary['data'])}: {percent(summary['accuracy'])}.")
    for output in summary["outputs"]:
        if output["accuracy"] is not None:
            lines.append(f"Accuracy of output {_text(output['output'])}: {percent(output['accuracy'])}.")
        if output["labels"]:
            cells = [["label", "accuracy", "has it", "said to have it"], ["---", "---:", "---:", "---:"]]
            for label in output["labels"]:
                shares = (label["accuracy"], label["has"], label["given"])
                cells.append([_text(label["name"]), *(percent(share, unknown="") for share in shares)])
            lines.append("\n".join("| " + " | ".join(row) + " |" for row in cells))
    lines += [f"{_text(note[:1].upper() + note[1:])}." for note in summary["notes"]]
    if (table := summary["classifiers"]) is not None:
        pair = " against ".join(_text(table["classes"][label]) for label in table["pair"])
        rows = [["linear probe on", "all classes", pair], ["---", "---:", "---:"]]
        for row in table["rows"]:
            told = (
                accuracy(row["all"], row.get("all_interval")),
                accuracy(row["pair"], row.get("pair_interval"), unknown=""),
            )
            rows.append([_text(row["layer"]), *told])
        if (majority := table.get("majority")) is not None:
            rows.append(["the majority's share", percent(majority["all"]), percent(majority["pair"], unknown="")])
        lines.append("\n".join("| " + " | ".join(cells) + " |" for cells in rows))
    lines += _failures(summary)
    for one, record in zip(summary["made"], made, strict=True):
        if record.task == FCPS.task:
            title, what, picture = str(one["title"]), "What both classes have in common", record.output("picture")
            lines.append(f"## {_linked(title, links.page(record))}")
            lines += _small(store, picture.digest, what, links.picture(run, title))
    return lines


def report_night(store: str, steps: Mapping[str, State[Any]]) -> None:
    """How each part of a night ended, and what the sweep found, as an artifact of the night's flow run."""
    lines = ["# Last night"]
    for name, state in steps.items():
        said = f": {_text(state.message)}" if state.message else ""
        lines.append(f"- **{name}**: {state.name}{said}")
    for name, lines_of in (("oip-sweep", sweep_lines), ("dream", dream_lines), ("analyse", analysis_lines)):
        summary = steps[name].result(raise_on_failure=False) if name in steps else None
        if summary is not None and not isinstance(summary, BaseException):
            lines += lines_of(Store.open(store), summary)
    _publish("night", lines, "What ran in a night, and how it ended")


def report_dreams(store: Store, summary: DreamsSummary) -> None:
    """What was dreamed, with a few small pictures, and what failed, as an artifact of the flow run."""
    _publish("dreams", dream_lines(store, summary), f"{summary['model']}, run {summary['run']}")


def dream_lines(store: Store, summary: DreamsSummary) -> list[str]:
    """The same as lines of markdown."""
    run, links = str(summary["run"]), Links(store)
    dreams = [*summary["extras"], *summary["pictures"]]
    shown = [(one, store.record(one["record"])) for one in dreams[:FEWER_AT_ONCE]]
    model = links.network(next((record for _, record in shown if "model" in record.recipe_inputs), None))
    lines = [
        f"# {_text(summary['objective'] or 'Dreams')}",
        f"{summary['computed']} dreams computed, {summary['reused']} reused, {summary['left']} left · "
        f"{_linked(summary['model'], model)} · {_text(summary['mode'])} · "
        f"{_linked(f'all dreams of run {run}', links.run(run))}",
        *_gallery(links),
        *_failures(summary),
    ]
    for one, record in shown:
        picture = next((output for output in record.outputs if output.media_type == "image/png"), None)
        if picture is not None:
            title = str(one["title"])
            lines.append(f"## {_linked(title, links.page(record))}")
            lines += _small(store, picture.digest, "The dream", links.picture(run, title))
    if len(dreams) > FEWER_AT_ONCE:
        lines.append(f"{len(dreams) - FEWER_AT_ONCE} more: see {_linked('all dreams', links.run(run))}")
    return lines


def sweep_lines(store: Store, summary: SweepSummary) -> list[str]:
    """The same as lines of markdown."""
    run, links = str(summary["run"]), Links(store)
    units = store.run(run).units
    gathered = {
        layer: store.record(units[title].record)
        for layer in summary["verdicts"]
        if (title := layer_title(layer)) in units
    }
    lines = [
        f"# {_linked(summary['model'] or 'Sweep', links.network(next(iter(gathered.values()), None)))}",
        f"{summary['computed']} maps computed, {summary['reused']} reused, {summary['left']} left · "
        f"{_linked(f'all pictures of run {run}', links.run(run))}",
        *_gallery(links),
        *_warnings(summary["warnings"]),
        *_table(
            summary["verdicts"],
            summary["on_data"],
            {layer: page for layer, record in gathered.items() if (page := links.page(record)) is not None},
        ),
    ]
    lines += _failures(summary)
    for layer, record in list(gathered.items())[:FEWER_AT_ONCE]:
        lines += [f"## {_linked(layer, links.page(record))}", *_sheet(store, links, run, layer, record)]
    if len(gathered) > FEWER_AT_ONCE:
        more = len(gathered) - FEWER_AT_ONCE
        lines.append(f"{more} more layers: see {_linked('all pictures', links.run(run))}")
    return lines


def _gallery(links: Links) -> list[str]:
    address = links.start()
    return (
        [] if address is None else [f"[The gallery]({address}) shows each unit, dream and image on a page of its own."]
    )


def _warnings(warnings: Sequence[str]) -> list[str]:
    return [f"**Warning**: {_text(warning)}" for warning in warnings]


def _found(context: SweepContext, units: Sequence[str]) -> Iterator[tuple[str, OnData | None]]:
    """What each unit came to, and whether any image of the data set makes it respond."""
    tally = context.tally
    made = [unit for unit in units if tally.is_made(unit)]
    for record in context.session.store.read_records(map(tally.key_of, made)):
        about = record.output("oips").attributes
        yield str(about["verdict"]), on_data(about)
    yield from (("failed" if tally.has_failed(unit) else "left", None) for unit in units if not tally.is_made(unit))


def _table(
    verdicts: Mapping[str, Mapping[str, int]],
    known: Mapping[str, Mapping[OnData, int]],
    pages: Mapping[str, str] | None = None,
) -> list[str]:
    head = ["layer", *COLUMNS]
    rows = [
        [_linked(layer, (pages or {}).get(layer)), *(str(counts[column]) for column in COLUMNS)]
        for layer, counts in verdicts.items()
    ]
    if known:
        head.append("never on data")
        rows = [[*row, str(known.get(layer, {}).get(NEVER, 0))] for row, layer in zip(rows, verdicts, strict=True)]
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return ["\n".join("| " + " | ".join(cells) + " |" for cells in lines)]


def _failures(summary: RunSummary) -> list[str]:
    failures = summary["failures"]
    if not failures:
        return []
    broke = summary["state"] == "failed"
    lines = [
        "## Failed" if broke else "## Passed over until their files change",
        *(f"- {_text(name)}: {_text(why)}" for name, why in list(failures.items())[:20]),
    ]
    if (more := len(failures) - 20) > 0:
        lines.append(f"- and {more} more: `dreamsweep show {summary['run']}`")
    return [*lines, *(["`dreamsweep rerun`, or Retry here, computes these and no others again."] if broke else [])]


def _sheet(store: Store, links: Links, run: str, layer: str, record: Record) -> list[str]:
    return _small(store, record.output("sheet").digest, "The contact sheet", links.picture(run, layer))


def _small(store: Store, digest: str, what: str, whole: str | None) -> list[str]:
    """A small picture, and a link to the whole one where there is one."""
    picture, cut = thumbnail(store.get(digest))
    data = base64.b64encode(picture).decode()
    shown = f"{what}, its upper part" if cut else what
    return [f"![{shown}](data:image/webp;base64,{data})", *([f"[{what}, whole]({whole})"] if whole else [])]


def thumbnail(png: bytes) -> tuple[bytes, bool]:
    """A picture as WebP of at most `WIDTH` by `HEIGHT` pixels, and whether its lower part was left out."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as whole:
        width, height = whole.size
    smaller = min(1.0, WIDTH / width)
    # No more is decoded than is shown: a sheet of thousands of maps would take half a gigabyte.
    with Image.open(io.BytesIO(first_rows(png, math.ceil((HEIGHT + _SUPPORT) / smaller)))) as upper:
        small = upper.convert("RGB")
    if smaller < 1:
        small = small.resize((WIDTH, max(1, round(small.height * smaller))), Image.Resampling.LANCZOS)
    cut = round(height * smaller) > HEIGHT
    if cut:
        small = small.crop((0, 0, small.width, HEIGHT))
    file = io.BytesIO()
    small.save(file, "WEBP", quality=60, method=2)  # half the time of 4, for 5 % more bytes
    return file.getvalue(), cut


def _publish(key: str, lines: list[str], description: str) -> None:
    plain = re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")
    create_markdown_artifact("\n\n".join(lines) + "\n", key=plain, description=description)


def _text(words: object) -> str:
    """Words of a user's, as text and nothing else."""
    return re.sub(r"([\\`*_{}\[\]()#+!|<>~&])", r"\\\1", " ".join(str(words).split()))


def _linked(words: object, address: str | None) -> str:
    """Words of a user's, as text that leads to an address where there is one."""
    return _text(words) if address is None else f"[{_text(words)}]({address})"
