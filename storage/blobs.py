"""Immutable bytes, named by their SHA-256. No bytes that do not match their digest ever leave this module."""

import hashlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.document import digest_of
from storage.errors import BlobCorrupt, BlobMissing, StoreError, StoreUnusable
from storage.files import Files, Kept
from storage.local_files import LocalFiles
from storage.names import blob_path

if TYPE_CHECKING:
    import numpy as np

# What tells a file that has been verified from one that was replaced or changed since: inode, size, time in ns.
Signature = tuple[int, int, int]


class Blobs:
    """The blobs of one store. Any number of threads may share it."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._verified: dict[str, Signature] = {}
        self._fetching = threading.Lock()

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
        try:
            data = self._files.read(blob_path(digest))
        except FileNotFoundError:
            raise self._missing(digest) from None
        if digest_of(data) != digest:
            raise self._corrupt(digest)
        return data

    def path(self, digest: str) -> Path:
        """A file on this machine that holds these bytes, verified once a process and whenever it has changed since.

        Read it, never write to it. Of a remote store it is a copy in this machine's cache.
        Raises BlobMissing, BlobCorrupt.
        """
        path = self._files.local / blob_path(digest)
        if self._files.folder is None:
            with self._fetching:
                if not self._holds(path, digest):
                    LocalFiles(self._cache()).write(blob_path(digest), self.get(digest))
                    self._verified[digest] = _signature(path)
        elif not path.exists():
            raise self._missing(digest)
        elif not self._holds(path, digest):
            raise self._corrupt(digest)
        return path

    def array(self, digest: str) -> "np.ndarray[Any, Any]":
        """The array of an `.npy` blob, memory-mapped and read-only.

        Raises as `path`, and StoreError where the blob is no `.npy` or holds pickled objects.
        """
        import numpy as np

        path = self.path(digest)
        try:
            # Not `np.load`: handed a zip or a pickle, that would return something else than an array.
            return np.lib.format.open_memmap(path, mode="r")
        except ValueError as error:
            if "Python objects" in str(error):
                raise StoreError(
                    f"blob {digest} holds pickled Python objects, which are never loaded: store plain numbers"
                ) from None
            raise StoreError(f"blob {digest} is not an .npy array ({error}): ask for its bytes or its path") from None

    def _holds(self, path: Path, digest: str) -> bool:
        """Whether the file at this path holds the bytes of this digest; remembered as long as the file is the same."""
        try:
            signature = _signature(path)
            if self._verified.get(digest) == signature:
                return True
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                    return False
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StoreUnusable(
                f"{path} could not be read ({error.strerror}): mend that, or name another store"
            ) from error
        self._verified[digest] = signature
        return True

    def _cache(self) -> Path:
        try:
            self._files.local.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnusable(
                f"no copies of remote blobs can be kept in {self._files.local} ({error.strerror}): set XDG_CACHE_HOME"
            ) from error
        return self._files.local

    def _missing(self, digest: str) -> BlobMissing:
        return BlobMissing(f"the store {self._files.root} has no blob {digest}: run again what makes it")

    def _corrupt(self, digest: str) -> BlobCorrupt:
        return BlobCorrupt(
            f"blob {digest} in the store {self._files.root} is damaged (its bytes do not match its digest) and "
            "was not used: run `dreamsweep verify` to set it aside, then run again what makes it"
        )


def _signature(path: Path) -> Signature:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns
