"""Room for an output that is too large for memory, until the store has it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.collection.writers import temporary_name
from storage.errors import StoreUnusable
from storage.local_files import FULL
from storage.store import Store


@contextmanager
def scratch(store: Store, ending: str) -> Iterator[Path]:
    """The path of a file to be written inside, and gone afterwards.

    It lies in the folder of the store's own unfinished files: there is room for what goes into the store, and what a
    killed process leaves there is collected as garbage. Raises StoreUnusable where the disk is full.
    """
    folder = scratch_folder(store)
    path = folder / temporary_name(ending)
    try:
        yield path
    except OSError as error:
        if error.errno in FULL:
            raise StoreUnusable(
                f"the disk of {folder} is full: free some space there, or name another store with --store (for a "
                "remote store, set XDG_CACHE_HOME)"
            ) from error
        raise
    finally:
        path.unlink(missing_ok=True)


def scratch_folder(store: Store) -> Path:
    """The folder of the store's own unfinished files, on this machine."""
    folder = store.files.local / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
