"""Lineage as a tree that people read: for each record what it is, its parameters, its code, and where it ran."""

import json
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from flows.results.captions import attributes, outcome, response, short, short_key, title
from flows.results.documents import environment
from lib.words import duration, in_order, local_moment, parameter, plural, seconds_between
from storage.document import Json
from storage.lineage import Node
from storage.record import Record
from tasks.model.kinds.data import KIND as DATA
from tasks.session.kind import kind_of_task
from tasks.sweep.kinds.oip import KIND as OIP
from tasks.sweep.kinds.oip import OWN, unit_of

if TYPE_CHECKING:
    from storage.store import Store

T = TypeVar("T")

PICTURES = ("image/png", "image/gif", "image/webp", "video/mp4")
"""Media types of what is made to be looked at."""

_NARROW = 100  # characters: below, a digest gets a line of its own


def show_up(console: Console, store: "Store", heading: str, roots: Sequence[Node]) -> None:
    """Print what made something: the records above it, each where it first stands."""
    _Up(console, store).show(heading, roots)


def show_down(console: Console, heading: str, roots: Sequence[Node], own: Iterable[str] = ()) -> None:
    """Print every picture that depends on something, and what else does. `own`: keys of the records it is made by."""
    hidden = set(own)
    records = {
        node.record.key: node.record
        for root in roots
        for node in root.walk()
        if node.record is not None and node.record.key not in hidden
    }
    pictures = {key: _pictures(record) for key, record in records.items() if _pictures(record)}
    tree = Tree(Text(heading, "bold"), guide_style="dim")
    count = len({(title(records[key]), records[key].output(role).digest) for key in pictures for role in pictures[key]})
    tree.add(Text(f"{plural(count, 'picture depends', 'pictures depend')} on it"))
    oips = [record for record in records.values() if record.task == OIP.task]
    for same in _grouped(oips, lambda record: json.dumps([_common(record), record.recipe_inputs], sort_keys=True)):
        branch = tree.add(Group(Text("OIPs", "bold"), _facts({"optimised with": _common(same[0])})))
        for layer in _grouped(sorted(same, key=lambda record: in_order(title(record))), _layer_of):
            rows = _grid()
            for record, *again in _grouped(layer, lambda record: (title(record), record.outputs[0].digest)):
                about = attributes(record)
                words = [title(record), str(about.get("verdict", "")), response(about.get("response"))]
                digest = short(record.output(pictures[record.key][0]).digest)
                made = f", made {len(again) + 1} times" if again else ""
                rows.add_row(*map(Text, words), Text(f"picture {digest}{made}", "dim"))
            branch.add(Group(Text(f"{_layer_of(layer[0])}: {plural(rows.row_count, 'unit')}", "bold"), rows))
    rest = sorted(records.values(), key=lambda record: title(record))
    for head in ("dreams", "also"):
        group = [record for record in rest if kind_of_task(record.task).group == head]
        rows = _grid()
        for record in group:
            drawn = ", ".join(f"{role} {short(record.output(role).digest)}" for role in pictures.get(record.key, []))
            rows.add_row(Text(title(record)), Text(drawn or f"record {short_key(record.key)}", "dim"))
        if group:
            tree.add(Group(Text(head, "bold"), rows))
    console.print(tree)


class _Up:
    """One printed tree of what made something."""

    def __init__(self, console: Console, store: "Store") -> None:
        self._console = console
        self._store = store
        self._drawn: set[str] = set()
        self._ran: tuple[str, str] | None = None

    def show(self, heading: str, roots: Sequence[Node]) -> None:
        tree = Tree(Text(heading, "bold"), guide_style="dim")
        if not roots:
            tree.add(Text("no record made it", "dim"))
        # What everything else was made from comes first in a run, and is drawn where it is read.
        last_first = sorted(roots, key=lambda root: root.record is not None and not _one_of_many(root.record))
        for alike in _grouped(last_first, _likeness):
            self._grow(tree, alike[0], also=len(alike) - 1)
        self._console.print(tree)

    def _grow(self, tree: Tree, node: Node, *, roles: Sequence[str] = (), also: int = 0) -> None:
        """Draw a node and what is above it. A chain of one task (a training's epochs) is drawn as its last."""
        label = f"{', '.join(roles)}: " if roles else ""
        record = node.record
        if record is None:
            tree.add(Text(f"{label}{node.digest}, which no record made"))
            return
        name = title(record) + (f", and {also} more alike" if also else "")
        head = Text.assemble((label, "cyan"), (name, "bold"), f"  {outcome(record)}")
        if record.key in self._drawn:
            tree.add(Text.assemble(head, ("(see above)", "dim")))
            return
        chain = [node]
        while (before := _before(chain[-1])) is not None:
            chain.append(before)
        self._drawn |= {link.record.key for link in chain if link.record is not None}
        branch = tree.add(Group(head, *self._about(node, record, len(chain) - 1)))
        links = {id(link) for link in chain}
        above = {
            (child.digest, child.role, child.record.recipe if child.record else None): child
            for link in reversed(chain)
            for child in link.children
        }
        children = [
            child
            for child in sorted(
                above.values(), key=lambda child: child.record is None or child.record.task != DATA.task
            )
            if id(child) not in links and not (child.record and child.record.task == record.task)
        ]
        for alike in _grouped(children, _likeness):
            keys = {child.record.key for child in alike if child.record is not None}
            roles = [str(child.role) for child in alike] if len(keys) < 2 else []
            self._grow(branch, alike[0], roles=roles, also=max(len(keys) - 1, 0))

    def _about(self, node: Node, record: Record, before: int) -> list[RenderableType]:
        """All that there is to say of a record."""
        code = record.provenance.code
        changes = code.get("changes")
        version = f"commit {code.get('commit') or 'unknown'}, " + (
            f"with uncommitted changes {short(changes)}" if changes else "without uncommitted changes"
        )
        ran = (version, record.provenance.environment)
        seconds = duration(seconds_between(record.started, record.ended))
        identity = next((output.identity for output in record.outputs if output.identity), None)
        about = {
            "made": f"{local_moment(record.ended)} in {seconds} on {record.provenance.host}, "
            f"run {record.provenance.run or 'unknown'}, record {short_key(record.key)}",
            "task": f"{record.task}, version {record.version}",
            "parameters": _pairs(record.parameters),
            "before it": f"{plural(before, 'other')} of this task, each made from the one before" if before else "",
            "code": version if ran != self._ran else "the same, in the same environment",
            "environment": self._environment(record) if ran != self._ran else "",
        }
        self._ran = ran
        digests = {output.role: output.digest for output in record.outputs}
        if node.digest and record.task != DATA.task:
            digests = {node.output or "blob": node.digest}
        about["identity"] = short(identity or "")
        return [_facts(about), self._checksums(digests)]

    def _environment(self, record: Record) -> str:
        ran = environment(self._store, record)
        libraries, found = ran.pop("libraries", None), ran.pop("devices", None)
        devices: list[Json] = [_device(device) for device in found] if isinstance(found, list) else []
        numbers = {name: number for name, number in libraries.items() if number} if isinstance(libraries, dict) else {}
        told = ran | numbers | {"devices": devices}
        return _pairs(told) if ran else f"blob {record.provenance.environment}"

    def _checksums(self, digests: dict[str, str]) -> RenderableType:
        if self._console.width < _NARROW:
            lines = [Text.assemble((f"SHA-256 of {role}\n", "dim"), digest) for role, digest in digests.items()]
            return Group(*lines)
        rows = _grid()
        for role, digest in digests.items():
            rows.add_row(Text(f"SHA-256 of {role}", "dim"), digest)
        return rows


def _before(node: Node) -> Node | None:
    """The record of the same task that this one was made from."""
    assert node.record is not None
    for child in node.children:
        if child.record is not None and child.record.task == node.record.task and not child.repeated:
            return child
    return None


def _device(device: Json) -> str:
    return " ".join(map(str, device.values())) if isinstance(device, dict) else str(device)


def _pairs(values: dict[str, Json]) -> str:
    return " · ".join(f"{name} {parameter(content)}" for name, content in values.items() if content not in ([], {}))


def _facts(about: dict[str, str]) -> RenderableType:
    rows = _grid()
    for name, content in about.items():
        if content:
            rows.add_row(Text(name, "dim"), Text(content, overflow="fold"))
    return rows


def _grid() -> Table:
    return Table.grid(padding=(0, 2, 0, 0))


def _grouped(items: Iterable[T], key: Callable[[T], Hashable]) -> list[list[T]]:
    groups: dict[Hashable, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())


def _likeness(root: Node) -> Hashable:
    """Equal for units of a layer, dreams and originals that differ in nothing else: one of them is drawn."""
    record = root.record
    if record is None:
        return root.digest or ""
    return record.task, kind_of_task(record.task).alike(record)


def _one_of_many(record: Record) -> bool:
    """Whether a run has hundreds of records of this kind, which are alike: one of them is drawn."""
    return kind_of_task(record.task).counted in ("map", "dream")


def _layer_of(record: Record) -> str:
    return unit_of(record).layer


def _common(record: Record) -> str:
    return _pairs({name: content for name, content in record.parameters.items() if name not in OWN})


def _pictures(record: Record) -> list[str]:
    return [output.role for output in record.outputs if output.media_type in PICTURES]
