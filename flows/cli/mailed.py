"""Pictures whose bytes no store here has, mailed or changed: what their files say of how they were made."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib.printable import printable
from storage.errors import StoreUnusable

if TYPE_CHECKING:
    from rich.console import Console

    from storage.resolve import Found
    from storage.store import Store

_FIRST = ("task", "role", "parameters", "inputs", "recipe")
"""What is said of a dream, in the order in which people want to know it."""


def find_what(place: str, what: str, run: str | None) -> "tuple[Store | None, Found]":
    """The store and what is meant in it; no store, where there is none and a file speaks for itself.

    Raises StoreError where neither store nor file says what is meant.
    """
    from flows.forms.form import at_home
    from flows.results.find import find, is_file, read_metadata
    from storage.resolve import Found
    from storage.store import Store

    try:
        store = Store.open(place, create=False)
    except StoreUnusable:
        path = at_home(Path(what))
        # what is no file, as a pipe, would be waited for
        if (about := read_metadata(path) if is_file(path) else None) is None:
            raise
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return None, Found("file", digest, said=about)
    return store, find(store, what, run)


def heading(what: str, found: "Found") -> str:
    """What is known of a file of other bytes than the store's, in a sentence."""
    if found.kind == "file":
        return f"{_line(what)} is not of this store, which does not know its recipe either. The file itself says:"
    return (
        f"{_line(what)} is not what it was in the store: it was changed, or saved anew. It says that it is the "
        f"{_line(found.said and found.said.get('role'))} of the following."
    )


def show_said(console: "Console", what: str, store: "Store | None", found: "Found") -> None:
    """Print what a file that no store here knows says of itself; of its inputs, whether this store knows them."""
    from rich.table import Table
    from rich.text import Text

    from lib.words import parameter

    assert found.said is not None
    console.print(heading(what, found), markup=False, soft_wrap=True)
    rows = Table.grid(padding=(0, 2, 0, 0))

    def row(name: str, content: str) -> None:
        rows.add_row(Text(_line(name), "dim"), Text(_line(content), overflow="fold"))

    for name, content in sorted(found.said.items(), key=lambda item: (*_FIRST, item[0]).index(item[0])):
        if isinstance(content, Mapping):
            for at, (key, item) in enumerate(content.items()):
                known = _known(store, item) if name == "inputs" else ""
                row(name if at == 0 else "", f"{key}: {parameter(item)}{known}")
        else:
            row(name, parameter(content))
    row("SHA-256", found.name)
    console.print(rows)


def _known(store: "Store | None", digest: Any) -> str:
    """What the store knows under this digest or identity, to be added to it."""
    from flows.results.captions import title

    if store is None or not isinstance(digest, str):
        return ""
    index = store.questions()
    records = [record for record, _ in [*index.producers(digest), *index.of_identity(digest)]]
    return f" (in this store: {title(records[-1])})" if records else " (not in this store)"


def _line(text: Any) -> str:
    """A stranger's text as one line of plain text that cannot steer the terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in printable(text))
