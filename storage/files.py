"""What a store needs of the place where its files lie: a folder on this machine, or a bucket behind fsspec."""

import os
import re
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

UMASK = "DREAMSWEEP_UMASK"
"""The environment variable with the user's own umask, in octal, where a process has one under which nobody else reads
what it makes."""


PIECE = 2**20
"""Bytes of a file that are held in memory at once."""

_USER = re.compile(r"(\b[a-zA-Z][\w+.-]*:/{1,2})[^\s/]*@")


def without_password(text: str) -> str:
    """A text, as an address or a message with one, in which no address says a user's name or password.

    >>> without_password("ftp://me:secret@host/store cannot be used")
    'ftp://host/store cannot be used'
    """
    return _USER.sub(r"\1", text)


def users_umask() -> int | None:
    """The umask for what users keep at places of their own; None where it is that of this process."""
    given = os.environ.get(UMASK)
    return None if given is None else int(given, 8)


def share(made: Path | int, root: Path, mode: int) -> None:
    """Give what was made in a store's folder (its path, or descriptor) the permissions of the user's own umask.

    Only where the root is open to others than its owner; the process may have a umask under which nothing is.
    """
    umask = users_umask()
    if umask is not None and root.stat().st_mode & 0o077:
        with suppress(PermissionError):  # some file systems keep none
            os.chmod(made, mode & ~umask)  # noqa: PTH101 - it may be a descriptor


@dataclass(frozen=True)
class Entry:
    """One file of a listing: its size in bytes, and when it was last written (seconds since 1970)."""

    size: int
    modified: float


@dataclass(frozen=True)
class Kept:
    """A file that was copied into the store: the SHA-256 and the size, in bytes, of the copy."""

    digest: str
    size: int


class Files(Protocol):
    """Files under one root, by paths such as `runs/20261122-101530-a1b2c3.json`.

    A write is atomic and durable: whoever reads sees the old bytes or the new ones, and what was written before is on
    disk when `write` returns. Every method raises StoreUnusable where the place itself fails (read-only, full, away).
    """

    root: str
    # The folder itself where the files lie on this machine, else None.
    folder: Path | None
    # Where this machine keeps its own index of the store, and copies of remote blobs.
    local: Path

    def read(self, path: str) -> bytes:
        """The bytes of a file. Raises FileNotFoundError."""

    def read_range(self, path: str, first: int, last: int) -> bytes:
        """The bytes of a file from one place to before another, as far as there are any. Raises FileNotFoundError."""

    def read_many(self, paths: Iterable[str]) -> dict[str, bytes]:
        """The bytes of those files that are there."""

    def write(self, path: str, data: bytes) -> None:
        """Put these bytes there, in place of what was."""

    def keep(self, path: str, data: bytes) -> None:
        """Put these bytes there unless they are there already; either way the file counts as written now."""

    def keep_file(self, source: Path, place: Callable[[str], str]) -> Kept:
        """As `keep`, with a copy of a file at `place(its SHA-256)`; it is read in pieces and never held in memory.

        `source` stays as it is. One that lies in the store's own `tmp/` may be kept itself, and not a copy: nobody may
        write to it any more. Raises FileNotFoundError where there is none.
        """

    def exists(self, path: str) -> bool:
        """Whether there is a file at this path."""

    def size(self, path: str) -> int | None:
        """The size of a file in bytes; None where there is none."""

    def listing(self, folder: str) -> dict[str, Entry]:
        """Every file under a folder, by path; one listing (of a remote store, a request a thousand files)."""

    def move(self, path: str, to: str) -> None:
        """Move a file. Raises FileNotFoundError."""

    def delete(self, path: str) -> None:
        """Remove a file, if it is there."""

    def writing(self) -> AbstractContextManager[None]:
        """Held while a commit is under way. Many may hold it at once; it keeps `collecting` out."""

    def collecting(self) -> AbstractContextManager[None]:
        """Held while files are moved to the trash: waits for the commits under way and keeps new ones waiting."""
