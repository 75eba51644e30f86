"""Blobs of the store as files of a gallery: a file on the same disk has two names then, and takes its room once."""

from collections.abc import Callable
from functools import partial

from storage.store import Store
from tasks.gallery.folder.writer import StoredFile


def stored(store: Store, digest: str) -> Callable[[], bytes | StoredFile]:
    """What gives a blob for `Site.file`, verified. It raises BlobMissing and BlobCorrupt, and StoreUnusable."""
    return partial(_stored, store, digest)


def _stored(store: Store, digest: str) -> bytes | StoredFile:
    if store.files.folder is None:
        # not by a second name: the copy in this machine's cache would stay there for as long as the gallery has one
        return store.path(digest).read_bytes()
    return StoredFile(str(store.path(digest)))
