"""Lineage as a tree that people read: for each record what it is, its parameters, its code, and where it ran."""

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from flows.captions import duration, number_of, outcome, seconds_between, short, title, value, when
from flows.documents import environment
from storage.lineage import Node
from storage.record import Record

if TYPE_CHECKING:
    from storage.store import Store

_OWN = ("unit", "layer", "index", "units", "attributes")
"""Parameters in which units and layers of one sweep differ."""


def show_up(console: Console, store: "Store", heading: str, roots: Sequence[Node]) -> None:
    """Print what made something: the records above it, each where it first stands."""
    tree = Tree(Text(heading, "bold"), guide_style="dim")
    if not roots:
        tree.add(Text("no record made it", "dim"))
    drawn: set[str] = set()
    for alike in _alike(roots):
        _grow(store, tree, alike[0], drawn, also=len(alike) - 1)
    console.print(tree)


def show_down(console: Console, heading: str, roots: Sequence[Node]) -> None:
    """Print every picture that depends on something, by what it was made with, and how many other things do."""
    records: dict[str, Record] = {}
    for root in roots:
        start = root.children if root.output is None and root.digest is None else [root]
        for node in (below for child in start for below in child.walk()):
            if node.record is not None:
                records.setdefault(node.record.key, node.record)
    pictures = [record for record in records.values() if _pictures(record)]
    tree = Tree(Text(heading, "bold"), guide_style="dim")
    tree.add(Text(f"{number_of(sum(len(_pictures(record)) for record in pictures), 'picture')} depend on it"))
    for group in _groups(pictures):
        first = group[0]
        layer = (
            first.output(_pictures(first)[0]).attributes.get("layer")
            or str(first.parameters.get("unit", "")).rpartition("/")[0]
        )
        name = f"{layer}: {number_of(len(group), 'unit')}" if first.task == "oip" else title(first)
        branch = tree.add(Group(Text(name, "bold"), _facts(_common(first))))
        rows = _grid()
        for record in group:
            for role in _pictures(record):
                rows.add_row(
                    Text(title(record)),
                    Text(outcome(record)),
                    Text(f"{role} {short(record.output(role).digest)}", "dim"),
                )
        branch.add(rows)
    others = [record for record in records.values() if not _pictures(record)]
    if others:
        branch = tree.add(Text("also", "bold"))
        for record in others:
            branch.add(Text(f"{title(record)}  {outcome(record)}  record {short(record.key)}"))
    console.print(tree)


def _grow(store: "Store", tree: Tree, node: Node, drawn: set[str], *, also: int = 0) -> None:
    """Draw a node and what is above it. A chain of one task (a training's epochs) is drawn as its last."""
    record = node.record
    label = f"{node.role}: " if node.role else ""
    if record is None:
        tree.add(Text(f"{label}{node.digest}, which no record made"))
        return
    name = title(record) + (f" and {also} more" if also else "")
    head = Text.assemble((label, "cyan"), (name, "bold"), f"  {outcome(record)}")
    if record.key in drawn:
        tree.add(Text.assemble(head, ("  (above)", "dim")))
        return
    drawn.add(record.key)
    end, steps = node, 0
    while (before := _before(end)) is not None:
        end, steps = before, steps + 1
        drawn.add(before.record.key if before.record else "")
    branch = tree.add(Group(head, _facts(_about(store, node, record, steps))))
    # What the first of a chain was made from, the last of it was made from too.
    for child in sorted(end.children, key=lambda child: child.record is not None and child.record.task == "data"):
        if child.record is not record:
            _grow(store, branch, child, drawn)
    if steps:
        known = {child.digest for child in end.children}
        for child in node.children:
            if child.digest not in known and (child.record is None or child.record.task != record.task):
                _grow(store, branch, child, drawn)


def _before(node: Node) -> Node | None:
    assert node.record is not None
    for child in node.children:
        if child.record is not None and child.record.task == node.record.task and not child.repeated:
            return child
    return None


def _about(store: "Store", node: Node, record: Record, steps: int) -> dict[str, Any]:
    """All that there is to say of a record, by name."""
    code = record.provenance.code
    changes = code.get("changes")
    version = f"commit {code.get('commit') or 'unknown'}"
    ran = environment(store, record)
    libraries = {name: number for name, number in ran.pop("libraries", {}).items() if number} if ran else {}
    devices = ran.pop("devices", [])
    if devices:
        ran["devices"] = [_device(device) for device in devices]
    about: dict[str, Any] = {
        "blob": node.digest or {output.role: output.digest for output in record.outputs},
        "identity": next((output.identity for output in record.outputs if output.identity), None),
        "record": record.key,
        "made": f"{when(record.ended)}, in {duration(seconds_between(record.started, record.ended))}, "
        f"on {record.provenance.host}, by run {record.provenance.run or 'none'}",
        "parameters": _pairs(record.parameters),
        "code": f"{version}, {f'with uncommitted changes {short(changes)}' if changes else 'no uncommitted changes'}"
        f", task {record.task} version {record.version}",
        "environment": "  ".join(filter(None, [_pairs(ran), _pairs(libraries)])) or record.provenance.environment,
    }
    if steps:
        about["before it"] = f"{number_of(steps, 'record')} of the same task, each made from the one before"
    if record.task == "data":
        about["checksums"] = {output.role: output.digest for output in record.outputs}
    return {name: content for name, content in about.items() if content}


def _device(device: Any) -> str:
    if not isinstance(device, dict):
        return str(device)
    return " ".join(str(item) for item in device.values())


def _pairs(values: dict[str, Any]) -> str:
    return " · ".join(f"{name} {value(content)}" for name, content in values.items())


def _facts(about: dict[str, Any]) -> RenderableType:
    rows = _grid()
    for name, content in about.items():
        if isinstance(content, dict):
            for at, (key, item) in enumerate(content.items()):
                rows.add_row(Text(name if at == 0 else "", "dim"), Text(f"{key} {item}", overflow="fold"))
        else:
            rows.add_row(Text(name, "dim"), Text(value(content), overflow="fold"))
    return rows


def _grid() -> Table:
    return Table.grid(padding=(0, 2, 0, 0))


def _alike(roots: Iterable[Node]) -> list[list[Node]]:
    """Roots in groups that differ in nothing but their unit: one of each is drawn."""
    groups: dict[str, list[Node]] = {}
    for root in roots:
        groups.setdefault(_likeness(root.record) if root.record else root.digest or "", []).append(root)
    # What everything else was made from comes first in a run, and is drawn where it is needed.
    return sorted(groups.values(), key=lambda group: group[0].record is not None and group[0].record.task != "oip")


def _groups(records: Iterable[Record]) -> list[list[Record]]:
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(_likeness(record), []).append(record)
    return list(groups.values())


def _likeness(record: Record) -> str:
    layer = str(record.parameters.get("unit", record.parameters.get("layer", ""))).rpartition("/")[0]
    if record.task != "oip":
        return record.key
    return json.dumps([record.task, layer, _common(record), record.recipe_inputs], sort_keys=True)


def _common(record: Record) -> dict[str, Any]:
    common = {name: content for name, content in record.parameters.items() if name not in _OWN}
    return {"parameters": _pairs(common)} if common else {}


def _pictures(record: Record) -> list[str]:
    return [output.role for output in record.outputs if output.media_type == "image/png"]
