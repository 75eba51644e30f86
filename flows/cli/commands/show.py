"""`dreamsweep show`: one thing of the store, and what is known of it."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flows.cli.options import AsJson, OfRun, StorePlace, What
from flows.cli.print_results import verdict_table
from flows.forms.places import store_place
from storage.document import Json
from tasks.sweep.on_data import NEVER, is_far

if TYPE_CHECKING:
    from rich.console import Console

    from storage.record import Record
    from storage.resolve import Found
    from storage.store import Store


def show(what: What, run: OfRun = None, store: StorePlace = None, as_json: AsJson = False) -> None:
    """Show what is known of a unit, model, run, picture or record."""
    from flows.cli import mailed
    from flows.cli.terminal import out, print_json

    opened, found = mailed.find_what(store_place(store), what, run)
    if opened is None or found.kind == "file":
        if as_json:
            print_json({"kind": "file", "digest": found.name, "said": found.said})
        else:
            mailed.show_said(out(), what, opened, found)
        return
    if found.said is not None and not as_json:
        out().print(mailed.heading(what, found), markup=False, soft_wrap=True)
    document = describe_found(opened, found)
    if as_json:
        print_json(document)
    elif found.kind == "run":
        _show_run(out(), document)
    elif found.kind == "record":
        _show_record(out(), found.artifacts[0][0], document)
    else:
        _show_blob(out(), document, found)


def describe_found(store: "Store", found: "Found") -> dict[str, Json]:
    """What was found as JSON; `kind` says what it is. Raises StoreError for a blob that is missing or damaged."""
    from flows.results.documents import record_document

    if found.run is not None:
        from flows.results.runs import list_runs, on_data_of, verdicts_of, with_unnoted

        known = next(run for run in list_runs(store) if run["run"] == found.run.id)
        (whole,) = with_unnoted(store, [found.run])
        counts = verdicts_of(store, whole)
        active = on_data_of(store, whole)
        return {"kind": "run", **asdict(found.run), **known, "verdicts_by_layer": counts, "on_data_by_layer": active}
    if found.kind == "record":
        return record_document(store, found.artifacts[0][0])
    path = store.path(found.name)
    return {
        "kind": "blob",
        "digest": found.name,
        "size": path.stat().st_size,
        "path": str(path),
        "said": found.said,
        "artifacts": [{"record": record.key, "role": role, "task": record.task} for record, role in found.artifacts],
    }


def _show_run(console: "Console", run: Mapping[str, Any]) -> None:
    from flows.cli.terminal import escape
    from lib.words import local_moment, plural

    console.print(f"[bold]run {run['run']}[/bold]  {escape(run['flow'])}, {run['state']}")
    _pairs(
        console,
        {
            "from": local_moment(run["opened"]),
            "to": local_moment(run["closed"]) or f"last heard of {local_moment(run['heard'])}",
            "model": run["model"] or "",
            "units": f"{run['computed']} computed, {run['reused']} reused, {run['failed']} failed",
            "parameters": run["parameters"],
        },
    )
    if run["verdicts_by_layer"]:
        console.print()
        console.print(verdict_table(run["verdicts_by_layer"], run["on_data_by_layer"]))
    if run["failures"]:
        console.print(f"\n{plural(len(run['failures']), 'failure')}", style="red")
        for unit, message in run["failures"].items():
            console.print(f"  {unit}: {message}", markup=False)


def _show_record(console: "Console", record: "Record", document: Mapping[str, Any]) -> None:
    from flows.cli.terminal import escape, table
    from flows.results.captions import outcome, short, short_key, title
    from lib.words import local_moment, parameter, size

    console.print(f"[bold]{escape(title(record))}[/bold]  {escape(outcome(record))}")
    about = {"record": short_key(record.key), "made": local_moment(record.ended), "run": record.provenance.run or ""}
    _pairs(console, about | {"parameters": record.parameters})
    console.print()
    rows = table("output", "digest", "what", "size", right=("size",))
    for output in document["outputs"]:
        what = output["media_type"] if not output["shape"] else f"{output['dtype']} {parameter(output['shape'])}"
        state = "" if output["state"] in ("whole", "remote") else f" [red]{output['state']}[/red]"
        rows.add_row(output["role"], short(output["digest"]), escape(what) + state, size(output["size"]))
    console.print(rows)
    for output in document["outputs"]:
        if output["path"]:
            console.print(f"{output['role']}: {output['path']}", markup=False, soft_wrap=True)
    unit = next((output["attributes"] for output in document["outputs"] if "oips" in output["attributes"]), None)
    if unit is not None:
        console.print()
        console.print(_oip_table(unit["oips"]))
        if document["on_data"] == NEVER:
            console.print("never on data: no image of the data set makes it respond")
        if is_far(unit):
            console.print("its response is far from anything natural: no image of the data set comes to a 20th of it")
        if unit.get("only_one_pattern"):
            console.print("all its OIPs show this one pattern")
        if unit.get("exemplars") and document["on_data"] != NEVER:
            console.print(f"best exemplars, by number in train_imgs: {parameter(unit['exemplars'])}", markup=False)


def _oip_table(oips: Iterable[Mapping[str, Any]]) -> Any:
    from flows.cli.terminal import table
    from lib.words import number, parameter

    columns = ("response", "pre_activation", "seed", "start", "length_scales")
    rows = table("OIP", *(name.replace("_", " ") for name in columns), right=("OIP", "response", "pre activation"))
    for place, oip in enumerate(oips):
        rows.add_row(
            str(place),
            *(number(oip[name], 4) if isinstance(oip[name], float) else parameter(oip[name]) for name in columns),
        )
    return rows


def _show_blob(console: "Console", document: Mapping[str, Any], found: "Found") -> None:
    from flows.results.captions import outcome, short_key, title
    from lib.words import size

    console.print(f"blob {document['digest']}, {size(document['size'])}", markup=False)
    console.print(document["path"], markup=False, soft_wrap=True)
    for record, role in found.artifacts:
        console.print(f"{role} of {title(record)} {outcome(record)}".rstrip(), markup=False)
        console.print(f"  record {short_key(record.key)}", markup=False)
    if not found.artifacts:
        console.print("No record made it.", markup=False)


def _pairs(console: "Console", about: Mapping[str, Any]) -> None:
    """Names and what they stand for, in two columns; a mapping with a line for each of its own."""
    from flows.cli.terminal import escape, table
    from lib.words import parameter

    rows = table("", "")
    rows.show_header = False
    for name, content in about.items():
        if isinstance(content, Mapping):
            for at, (key, item) in enumerate(content.items()):
                rows.add_row(f"[dim]{name if at == 0 else ''}[/dim]", f"{escape(key)}: {escape(parameter(item))}")
        elif content:
            rows.add_row(f"[dim]{name}[/dim]", escape(parameter(content)))
    console.print(rows)
