"""Immutable bytes, named by their SHA-256. No bytes that do not match their digest ever leave this module."""

import hashlib
import io
import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from storage.document import digest_of
from storage.errors import BlobCorrupt, BlobGone, BlobMissing, StoreError, StoreUnusable
from storage.files import Files, Kept
from storage.local_files import LocalFiles
from storage.mishaps.passing import is_bad_sector, passes_in_folder
from storage.mishaps.patience import Patience, reason_of
from storage.mishaps.quarantine import Quarantine
from storage.names import blob_path

if TYPE_CHECKING:
    import numpy as np

MAPPED_FROM = 2**20
"""Bytes of an array above which it is mapped, and not read: each that is mapped costs a file descriptor."""

R = TypeVar("R")

READINGS = 2
"""What arrives changed is read once more: it may have been changed on its way here, and be whole where it lies."""

# What tells a file that has been verified from one that was replaced or changed since: inode, size, time in ns.
Signature = tuple[int, int, int]


class Blobs:
    """The blobs of one store. Any number of threads may share it."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._verified: dict[str, Signature] = {}
        self._fetching = threading.Lock()
        self._patience = Patience(str(files.local), passes_in_folder, known=True)

    @cached_property
    def _quarantine(self) -> Quarantine:
        return Quarantine(self._files)

    def put(self, data: bytes) -> str:
        """Store these bytes, durably; return their digest."""
        digest = digest_of(data)
        self._files.keep(blob_path(digest), data)
        return digest

    def put_file(self, source: Path) -> Kept:
        """Store a copy of a file, durably and in pieces. Raises StoreError where the file cannot be read."""
        try:
            return self._files.keep_file(source, blob_path)
        except OSError as error:
            raise StoreError(f"the file {source} cannot be stored ({error.strerror or error})") from error

    def get(self, digest: str) -> bytes:
        """The bytes of this digest, verified. Raises BlobMissing, BlobCorrupt."""
        for _ in range(READINGS):
            try:
                data = self._files.read(blob_path(digest))
            except FileNotFoundError:
                raise self._missing(digest) from None
            except StoreUnusable as error:
                if is_bad_sector(error.__cause__):
                    raise self._corrupt(digest) from error
                raise
            if digest_of(data) == digest:
                return data
        raise self._corrupt(digest)

    def is_whole(self, digest: str) -> bool:
        """Whether the bytes of this digest are there; they are read once a process and whenever they have changed."""
        try:
            self.path(digest)
        except BlobGone:
            return False
        return True

    def set_aside(self, digest: str) -> str | None:
        """Move a blob that is damaged to the trash; return the folder there, None where it is whole after all, or gone.

        It stays where it is in a store that cannot be written to.
        """

        def check(data: bytes) -> None:
            if digest_of(data) != digest:
                raise ValueError("its bytes do not match its digest")

        return self._quarantine.folder if self._quarantine.put(digest, blob_path(digest), check) else None

    def path(self, digest: str) -> Path:
        """A file on this machine that holds these bytes, verified once a process and whenever it has changed since.

        Read it, never write to it. Of a remote store it is a copy in this machine's cache.
        Raises BlobMissing, BlobCorrupt.
        """
        path = self._files.local / blob_path(digest)
        if self._files.folder is None:
            with self._fetching:
                if not self._holds(path, digest):
                    LocalFiles(self.cache()).write(blob_path(digest), self.get(digest))
                    self._verified[digest] = _signature(path)
        elif not path.exists():
            raise self._missing(digest)
        elif not self._holds(path, digest):
            raise self._corrupt(digest)
        return path

    def array(self, digest: str) -> "np.ndarray[Any, Any]":
        """The array of an `.npy` blob, read-only; a large one is memory-mapped.

        Raises as `path`, and StoreError where the blob is no `.npy` or holds pickled objects.
        """
        import numpy as np

        path = self.path(digest)
        try:
            # Neither is `np.load`: handed a zip or a pickle, that would return something else than an array.
            if path.stat().st_size > MAPPED_FROM:
                return self._read(path, lambda: np.lib.format.open_memmap(path, mode="r"))
            array = np.lib.format.read_array(io.BytesIO(self._read(path, path.read_bytes)), allow_pickle=False)
        except ValueError as error:
            if "Python objects" in str(error) or "Object arrays" in str(error):
                raise StoreError(
                    f"blob {digest} holds pickled Python objects, which are never loaded: store plain numbers"
                ) from None
            raise StoreError(f"blob {digest} is not an .npy array ({error}): ask for its bytes or its path") from None
        array.setflags(write=False)
        return array

    def _read(self, path: Path, question: Callable[[], R]) -> R:
        """What is read of a file here, as often as it takes. Raises StoreUnusable, and FileNotFoundError."""
        try:
            return self._patience.ask(question)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StoreUnusable(
                f"{path} could not be read ({reason_of(error)}): mend that, or name another store"
            ) from error

    def _holds(self, path: Path, digest: str) -> bool:
        """Whether the file at this path holds the bytes of this digest; remembered as long as the file is the same."""
        try:
            signature = _signature(path)
            if self._verified.get(digest) == signature:
                return True
            if self._read(path, lambda: _hash(path)) != digest:
                return False
        except FileNotFoundError:
            return False
        except StoreUnusable as error:
            if is_bad_sector(error.__cause__):
                return False
            raise
        self._verified[digest] = signature
        return True

    def is_here(self, digest: str) -> bool:
        """Whether this machine has a file with these bytes, so that nothing has to be fetched."""
        return self._holds(self._files.local / blob_path(digest), digest)

    def cache(self) -> Path:
        """The folder on this machine for copies of what is in a remote store. Raises StoreUnusable."""
        try:
            self._files.local.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnusable(
                f"no copies of remote blobs can be kept in {self._files.local} ({error.strerror}): set XDG_CACHE_HOME"
            ) from error
        return self._files.local

    def _missing(self, digest: str) -> BlobMissing:
        return BlobMissing(f"the store {self._files.root} has no blob {digest}: run again what makes it", digest)

    def _corrupt(self, digest: str) -> BlobCorrupt:
        return BlobCorrupt(
            f"blob {digest} in the store {self._files.root} is damaged (its bytes do not match its digest) and "
            "was not used: run `dreamsweep verify` to set it aside, then run again what makes it",
            digest,
        )


def _signature(path: Path) -> Signature:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
