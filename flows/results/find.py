"""What a person means by a text, and the lineage of it."""

from pathlib import Path
from typing import TYPE_CHECKING

from storage import lineage
from storage.document import Json
from storage.resolve import Found, resolve

if TYPE_CHECKING:
    from storage.lineage import Node
    from storage.store import Store


def find(store: "Store", what: str, run: str | None = None) -> Found:
    """What `what` means in this store; a unit means that of the latest run that has it, or of `run` (its id).

    A file whose bytes the store does not know is asked what its metadata say. Raises StoreError where that is nothing,
    or several things.
    """
    return resolve(store, what, run=run, said=read_metadata)


def is_file(path: Path) -> bool:
    """Whether there is a file at a path, which may be any text."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


_MOST_BYTES = 512 << 20
"""Of a picture or a film that is asked what it says of itself."""


def read_metadata(path: Path) -> dict[str, Json] | None:
    """What the file says of itself in its metadata; None where it says nothing, is no picture or cannot be read."""
    from lib.door.files import read_file
    from lib.errors import BadInput
    from lib.pictures.about import read_about

    try:
        return read_about(read_file(path, most=_MOST_BYTES))
    except BadInput:
        return None


def lineage_of(store: "Store", found: Found, *, down: bool) -> "list[Node]":
    """The trees of lineage of what was found; of a run, those of all that it has."""
    tree = lineage.down if down else lineage.up
    if found.run is None:
        return tree(store, found.name)
    keys = dict.fromkeys(result.record for result in found.run.units.values())
    there = set(store.questions().keys())
    return [node for key in keys if key in there for node in tree(store, key)]
