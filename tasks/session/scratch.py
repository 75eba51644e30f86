"""Room for an output that is too large for memory, until the store has it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.collection.writers import has_died, temporary_name
from storage.errors import StoreUnusable
from storage.local_files import FULL
from storage.store import Store


@contextmanager
def scratch(store: Store, ending: str) -> Iterator[Path]:
    """The path of a file to be written inside, and gone afterwards.

    It lies in the folder of the store's own unfinished files: there is room for what goes into the store, and what a
    killed process leaves there is collected as garbage, or of a remote store removed by the next one. Once it is handed
    to the store nobody may write to it: it may be the blob. Raises StoreUnusable where the disk is full.
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


def is_taken_over(store: Store) -> bool:
    """Whether a file of `scratch` becomes the store's own without a copy: on this machine, where files can have two
    names."""
    if store.files.folder is None:
        return False
    with scratch(store, "") as file, scratch(store, "") as other:
        file.touch()
        try:
            other.hardlink_to(file)
        except OSError:
            return False
    return True


def scratch_folder(store: Store) -> Path:
    """The folder of the store's own unfinished files, on this machine. Raises StoreUnusable where there can be none."""
    if store.files.folder is not None:
        folder = store.files.folder / "tmp"
        folder.mkdir(exist_ok=True)
        return folder
    folder = store.blobs.cache() / "tmp"
    folder.mkdir(exist_ok=True)
    for left in folder.iterdir():  # no garbage collection sees this machine's cache
        if has_died(left.name):
            left.unlink(missing_ok=True)
    return folder
