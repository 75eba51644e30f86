"""`dreamsweep lineage`: what made a picture, and what depends on a checkpoint."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import AsJson, OfRun, StorePlace, What
from flows.forms.places import store_place
from storage.document import Json

if TYPE_CHECKING:
    from storage.lineage import Node
    from storage.record import Record
    from storage.resolve import Found
    from storage.store import Store


def lineage(
    what: What,
    down: Annotated[
        bool, typer.Option("--down", metavar="", help="List what depends on it, not what made it.")
    ] = False,
    run: OfRun = None,
    store: StorePlace = None,
    as_json: AsJson = False,
) -> None:
    """Say what made a picture, back to the data set; with --down, which pictures depend on a checkpoint."""
    from flows.cli import mailed
    from flows.cli.lineage_tree import show_down, show_up
    from flows.cli.terminal import out, print_json
    from flows.results.find import lineage_of

    opened, found = mailed.find_what(store_place(store), what, run)
    if opened is None or found.kind == "file":
        if as_json:
            print_json(unknown(found, down=down))
        else:
            mailed.show_said(out(), what, opened, found)
        return
    if found.said is not None and not as_json:
        out().print(mailed.heading(what, found), markup=False, soft_wrap=True)
    roots = lineage_of(opened, found, down=down)
    if as_json:
        print_json(describe_lineage(opened, found, roots, down=down))
    elif down:
        show_down(out(), heading(found), roots, _own(found))
    else:
        show_up(out(), opened, heading(found), roots)


def heading(found: "Found") -> str:
    """What was found, in a line."""
    from flows.results.captions import title

    if found.run is not None:
        return f"run {found.run.id}"
    if found.kind == "record":
        return title(found.artifacts[0][0])
    return f"blob {found.name}"


def describe_lineage(store: "Store", found: "Found", roots: Iterable["Node"], *, down: bool) -> dict[str, Json]:
    """Lineage as JSON: every record of the trees by its key, once, with its environment.

    `roots` are keys. Each input of a record says `made_by`: keys of records of these trees; none where no record made
    that blob. Downwards, `pictures` lists every picture that depends on what was asked for. `said` is what a file of
    other bytes than the store's says of itself.
    """
    from flows.results.documents import environment

    trees = list(roots)
    records = {node.record.key: node.record for tree in trees for node in tree.walk() if node.record is not None}
    makers: dict[str, list[str]] = {}
    for key, record in records.items():
        for output in record.outputs:
            makers.setdefault(output.digest, []).append(key)
    environments = {record.provenance.environment: record for record in records.values()}
    document: dict[str, Json] = {
        "what": found.name,
        "kind": found.kind,
        "said": found.said,
        "direction": "down" if down else "up",
        "roots": list(dict.fromkeys(tree.record.key for tree in trees if tree.record is not None)),
        "records": {key: _record(record, makers) for key, record in records.items()},
        "environments": {digest: environment(store, record) for digest, record in environments.items()},
    }
    if down:
        own = _own(found)
        document["pictures"] = [
            picture for record in records.values() if record.key not in own for picture in _pictures(record)
        ]
    return document


def unknown(found: "Found", *, down: bool) -> dict[str, Json]:
    """The same of a file that the store does not know: nothing but what it says of itself."""
    document: dict[str, Json] = {
        "what": found.name,
        "kind": found.kind,
        "said": found.said,
        "direction": "down" if down else "up",
        "roots": [],
        "records": {},
        "environments": {},
    }
    return document | {"pictures": []} if down else document


def _own(found: "Found") -> set[str]:
    """Keys of the record that was asked for: it does not depend on itself."""
    return {record.key for record, _ in found.artifacts} if found.kind == "record" else set()


def _record(record: "Record", makers: dict[str, list[str]]) -> dict[str, Json]:
    document = asdict(record)
    for item in document["inputs"]:
        item["made_by"] = makers.get(item["digest"], [])
    return {"key": record.key, **document}


def _pictures(record: "Record") -> list[dict[str, Json]]:
    from flows.cli.lineage_tree import PICTURES
    from flows.results.captions import title

    return [
        {
            "unit": output.attributes.get("unit"),
            "layer": output.attributes.get("layer"),
            "title": title(record),
            "verdict": output.attributes.get("verdict"),
            "role": output.role,
            "digest": output.digest,
            "record": record.key,
        }
        for output in record.outputs
        if output.media_type in PICTURES
    ]
