"""What made a picture, and what was made of a model."""

from pathlib import Path

from flows.results.captions import title as caption
from flows.results.find import find, lineage_of
from storage.errors import StoreError
from storage.lineage import Node
from storage.store import Store

__all__ = ["caption", "lineage"]


def lineage(store: Store, what: str | Path, *, down: bool = False, run: str | None = None) -> list[Node]:
    """Say what made a picture, back to the data set; with `down`, what depends on a model or on data.

    Args:
        store: an open store.
        what: a picture's file, as a dream or an export wrote it; a unit, a model, a run, the key of a record, or the
            beginning of a digest.
        down: which results depend on it, not what made it.
        run: the id of the sweep whose unit is meant. By default the latest that has it.

    Returns:
        Trees of records. `tree.walk()` gives all nodes of one, in the order in which they are printed: `node.record` is
        what ran (None for a blob that no record made), with its parameters, code, host and times; `node.role` is as
        what the record above read its output; `caption(node.record)` says it in a few words. A record that stands in a
        tree twice has its children where it stands first.

    Raises:
        StoreError: the store knows no such thing.

    >>> import dreamsweep
    >>> store = dreamsweep.open_store()
    >>> for tree in dreamsweep.lineage(store, "Conv2D_2/3", run="20261128-064935-7df015"):
    ...     print(sorted({dreamsweep.caption(node.record) for node in tree.walk()}))
    ['Conv2D_2/3', 'data set folder:small', 'exemplars of Conv2D_2', 'model from the file small.keras']
    """
    found = find(store, str(what), run)
    if found.kind == "file":
        raise StoreError(
            f"{what} is not of the store {store.root}: `dreamsweep lineage {what}` prints what the file says of itself"
        )
    return lineage_of(store, found, down=down)
