"""Lineage, both ways: what made a blob or a record, and what depends on it. It joins on blobs, by their digests."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from storage.index import Index
from storage.names import KEY
from storage.record import Record
from storage.store import Store


@dataclass
class Node:
    """One record in a tree of lineage, and the blob by which it hangs on its parent.

    Upwards the parent read `digest` as `role`, and `record` made it, as its output `output`; downwards `record` read
    `digest` as `role`, and the parent made it as `output`. `record` is None for a blob that no record made. A
    record's children are given where it stands first; where it stands again it is `repeated`, without them.
    """

    digest: str | None
    role: str | None
    output: str | None
    record: Record | None
    children: list["Node"] = field(default_factory=list)
    repeated: bool = False

    def walk(self) -> Iterator["Node"]:
        """This node and all below it, in the order in which a tree is printed."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))


def up(store: Store, name: str) -> list[Node]:
    """What made a blob (by its whole digest) or a record (by its key): one tree an artifact that has these bytes.

    Two units can yield the same picture: then there are two trees. Raises StoreError where there is no such record.
    """
    index = store.questions()
    if KEY.fullmatch(name):
        roots = [Node(None, None, None, store.record(name))]
    else:
        made = index.producers(name)
        roots = [Node(name, None, role, record) for record, role in made] or [Node(name, None, None, None)]
    # Each tree by itself: whoever asks about one of the artifacts is told all of it.
    return [root for made in roots for root in _grow([made], lambda record: _parents(index, record))]


def down(store: Store, name: str) -> list[Node]:
    """What depends on a blob (by its whole digest), or on any output of a record (by its key): one tree a reader."""
    index = store.questions()
    if KEY.fullmatch(name):
        record = store.record(name)
        return _grow([Node(None, None, None, record)], lambda record: _children(index, record))
    roots = [Node(name, role, None, record) for record, role in index.consumers(name)]
    return _grow(roots, lambda record: _children(index, record))


def _parents(index: Index, record: Record) -> list[Node]:
    nodes = []
    for item in record.inputs:
        recipes = set()
        found = []
        for made, output in index.producers(item.digest):
            # Of several executions of one recipe that made the same bytes, the first stands for all.
            if made.key != record.key and (made.recipe, output) not in recipes:
                recipes.add((made.recipe, output))
                found.append(Node(item.digest, item.role, output, made))
        nodes += found or [Node(item.digest, item.role, None, None)]
    return nodes


def _children(index: Index, record: Record) -> list[Node]:
    return [
        Node(output.digest, role, output.role, reader)
        for output in record.outputs
        for reader, role in index.consumers(output.digest)
        if reader.key != record.key
    ]


def _grow(roots: list[Node], below: Callable[[Record], list[Node]]) -> list[Node]:
    """Give every record its children where it first stands. Not by recursion: a training can have a thousand epochs."""
    seen: set[str] = set()
    waiting = list(reversed(roots))
    while waiting:
        node = waiting.pop()
        if node.record is None:
            continue
        if node.record.key in seen:
            node.repeated = True
            continue
        seen.add(node.record.key)
        node.children = below(node.record)
        waiting.extend(reversed(node.children))
    return roots
