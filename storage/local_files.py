"""A store's files in a folder on this machine.

A write is a temporary file on the same file system, fsync, rename, fsync of the folder. A process that is killed at any
moment leaves the old file or the new one, and at most a temporary file, which garbage collection clears away.
"""

import errno
import hashlib
import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from storage import lock
from storage.collection.writers import temporary_name
from storage.errors import StoreUnusable
from storage.files import PIECE, Entry, Kept, share
from storage.mishaps.passing import lacks_descriptors, passes_in_folder
from storage.mishaps.patience import Patience, get_on, reason_of

FULL = {errno.ENOSPC, errno.EDQUOT}
READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}
R = TypeVar("R")


class LocalFiles:
    """Files in a folder on this machine (see `storage.files.Files`). Many threads and processes may share it."""

    def __init__(self, folder: Path) -> None:
        self.folder: Path | None = folder
        self.local = folder
        self.root = str(folder)
        self._folder = folder
        self._patience = Patience(self.root, passes_in_folder, known=True)

    def read(self, path: str) -> bytes:
        """The bytes of a file. Raises FileNotFoundError."""
        return self._ask("read", (self._folder / path).read_bytes)

    def read_range(self, path: str, first: int, last: int) -> bytes:
        """The bytes of a file from one place to before another. Raises FileNotFoundError."""

        def read() -> bytes:
            with (self._folder / path).open("rb") as file:
                file.seek(first)
                return file.read(last - first)

        return self._ask("read", read)

    def read_many(self, paths: Iterable[str]) -> dict[str, bytes]:
        """The bytes of those files that are there."""
        found = {}
        for path in paths:
            with suppress(FileNotFoundError):
                found[path] = self.read(path)
        return found

    def write(self, path: str, data: bytes) -> None:
        """Put these bytes there, in place of what was, atomically and durably."""
        target = self._folder / path
        self._ask("written", lambda: self._name(self._temporary(lambda file: file.write(data)), target))

    def keep(self, path: str, data: bytes) -> None:
        """Put these bytes there unless they are there already; either way the file counts as written now.

        Comparing them costs less than an fsync, and heals a file whose bytes have changed on disk.
        """
        target = self._folder / path
        try:
            same = target.stat().st_size == len(data) and target.read_bytes() == data
            if same:
                _renew(target)
                return
        except OSError:
            pass  # whatever it was, writing will say
        self.write(path, data)

    def keep_file(self, source: Path, place: Callable[[str], str]) -> Kept:
        """As `Files.keep_file`: a file in the store's own `tmp/` is kept itself, where files can have two names."""

        def keep() -> Kept:
            found = hashlib.sha256()

            def pieces() -> Iterator[bytes]:
                while piece := original.read(PIECE):
                    get_on()
                    found.update(piece)
                    yield piece

            def copy(file: BinaryIO) -> None:
                # What is hashed is what is written: a file that somebody writes to meanwhile gives a whole copy of
                # another.
                file.writelines(pieces())

            with source.open("rb") as original:
                temporary = self._second_name(source)
                if temporary is None:
                    temporary = self._temporary(copy)
                else:
                    with _gone_unless_it_ends_well(temporary):
                        deque(pieces(), maxlen=0)
                        share(temporary, self._folder, 0o666)
                        os.utime(temporary)  # whoever collects garbage goes by when it came here
                        os.fsync(original.fileno())
            digest, size = found.hexdigest(), temporary.stat().st_size
            target = self._folder / place(digest)
            if _holds(target, digest, size):
                temporary.unlink()
                _renew(target)
            else:
                self._name(temporary, target)
            return Kept(digest, size)

        source.stat()  # what is wrong with the file itself is not the store's
        return self._ask("written", keep)

    def exists(self, path: str) -> bool:
        """Whether there is a file at this path."""
        return self.size(path) is not None

    def size(self, path: str) -> int | None:
        """The size of a file in bytes; None where there is none."""

        def look() -> int | None:
            try:
                status = (self._folder / path).stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
            return status.st_size if stat.S_ISREG(status.st_mode) else None

        return self._ask("read", look)

    def listing(self, folder: str) -> dict[str, Entry]:
        """Every file under a folder, by path."""
        return self._ask("read", lambda: dict(self._walk(folder)))

    def _walk(self, folder: str) -> Iterator[tuple[str, Entry]]:
        with suppress(FileNotFoundError), os.scandir(self._folder / folder) as entries:
            for entry in entries:
                path = f"{folder}/{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    yield from self._walk(path)
                else:
                    with suppress(FileNotFoundError):  # gone since the folder was opened
                        status = entry.stat()
                        yield path, Entry(status.st_size, status.st_mtime)

    def move(self, path: str, to: str) -> None:
        """Move a file. Raises FileNotFoundError."""
        source, target = self._folder / path, self._folder / to
        moved = False

        def move() -> None:
            nonlocal moved
            if not moved:
                if not source.exists():
                    raise FileNotFoundError(path)
                self._make(target.parent)
                source.replace(target)
                moved = True
            _fsync(target.parent)
            _fsync(source.parent)

        self._ask("written", move)

    def delete(self, path: str) -> None:
        """Remove a file, if it is there."""
        file = self._folder / path

        def delete() -> None:
            file.unlink(missing_ok=True)
            with suppress(FileNotFoundError):
                _fsync(file.parent)
            if path.startswith("trash/"):
                _remove_empty(file.parent, self._folder / "trash")

        self._ask("written", delete)

    def writing(self) -> AbstractContextManager[None]:
        """Held while a commit is under way; keeps `collecting` out."""
        return self._held(lock.writing)

    def collecting(self) -> AbstractContextManager[None]:
        """Held while files are moved to the trash; no commit is under way."""
        return self._held(lock.collecting)

    def make(self, folders: Iterable[str]) -> None:
        """Create the root and these folders in it where they are missing."""

        def make() -> None:
            self._folder.mkdir(parents=True, exist_ok=True)
            for folder in folders:
                self._make(self._folder / folder)

        self._ask("created", make)

    @contextmanager
    def _held(self, kind: "Callable[[Path, Path], AbstractContextManager[None]]") -> Iterator[None]:
        """One of the locks, for which descriptors are needed."""
        with ExitStack() as stack:
            self._ask("locked", lambda: stack.enter_context(kind(self._folder / "records", self._folder / "blobs")))
            yield

    def _temporary(self, fill: Callable[[BinaryIO], object]) -> Path:
        """A new file under tmp/ that holds what `fill` writes to it, on disk."""
        path = self._folder / "tmp" / temporary_name()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        try:
            handle = os.open(path, flags, 0o666)
        except FileNotFoundError:
            self._make(path.parent)
            handle = os.open(path, flags, 0o666)
        with _gone_unless_it_ends_well(path), os.fdopen(handle, "wb") as file:
            share(handle, self._folder, 0o666)
            fill(file)
            file.flush()
            os.fsync(handle)
        return path

    def _second_name(self, source: Path) -> Path | None:
        """Another name under tmp/ for a file that lies there. None for other files, and where files have but one."""
        folder = self._folder / "tmp"
        path = folder / temporary_name()
        try:
            if not folder.samefile(source.parent):
                return None
            path.hardlink_to(source)
        except OSError:
            return None  # whatever it was, the copy will say
        return path

    def _name(self, temporary: Path, target: Path) -> None:
        """Give a file its name, durably; a failure leaves neither."""
        with _gone_unless_it_ends_well(temporary):
            try:
                temporary.replace(target)
            except FileNotFoundError:
                self._make(target.parent)
                temporary.replace(target)
        _fsync(target.parent)

    def _make(self, folder: Path) -> None:
        """Create a folder under the root, durably. A root that has gone (unmounted) is not made again."""
        if folder.is_dir():
            return
        if folder == self._folder:
            raise StoreUnusable(f"the store {self.root} has gone: bring it back, or name another with --store")
        self._make(folder.parent)
        with suppress(FileExistsError):
            folder.mkdir()
            # Whose group is handed on to what is made in it, stays so.
            share(folder, self._folder, 0o777 | folder.stat().st_mode & stat.S_ISGID)
        _fsync(folder.parent)

    def _ask(self, verb: str, question: Callable[[], R]) -> R:
        try:
            return self._patience.ask(question)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._unusable(error, verb) from error

    def _unusable(self, error: OSError, verb: str) -> StoreUnusable:
        if error.errno in FULL:
            return StoreUnusable(f"the store {self.root} is full: free some space, or name another store with --store")
        if error.errno in READ_ONLY and verb != "read":
            return StoreUnusable(
                f"the store {self.root} is read-only: make it writable, or name another store with --store"
            )
        if error.errno in READ_ONLY:
            return StoreUnusable(f"the store {self.root} may not be read: change its permissions, or name another")
        if lacks_descriptors(error):
            return StoreUnusable(
                f"the store {self.root} could not be {verb}, as too many files are open: end other programs, or allow "
                "more with `ulimit -n`"
            )
        return StoreUnusable(
            f"the store {self.root} could not be {verb} ({reason_of(error)}): mend that, or name another with --store"
        )


@contextmanager
def _gone_unless_it_ends_well(file: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        file.unlink(missing_ok=True)
        raise


def _holds(target: Path, digest: str, size: int) -> bool:
    """Whether a file is there and whole."""
    try:
        if target.stat().st_size != size:
            return False
        with target.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == digest
    except OSError:
        return False  # whatever it was, writing will say


def _renew(target: Path) -> None:
    """Give a file that was there already a new lease from garbage collection."""
    os.utime(target)
    # Whoever wrote it may not have got as far as this.
    _fsync(target.parent)


def _remove_empty(folder: Path, end: Path) -> None:
    """Remove a folder of the trash, and those around it, if empty. Elsewhere somebody may be about to use one."""
    with suppress(OSError):
        while folder != end:
            folder.rmdir()
            folder = folder.parent


def _fsync(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:  # some network file systems cannot
            raise
    finally:
        os.close(handle)
