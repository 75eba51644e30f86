"""Who writes a gallery's files: this process, or for a large gallery a second one beside it."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Queue
from typing import Any

from lib.errors import BadInput
from lib.gallery.rendering import Page, Renderer
from lib.permissions import give, make_folders

OWN = ".gallery"
"""The folder of what is not the gallery's pages, in the gallery's."""
NEW = ("new", "new-2")
"""In it, what the first and the second process write until it is whole."""

_BATCH = 16  # files: to send each by itself would cost more than to write it
_AHEAD = 32  # batches that wait for the second process, while the first one reads what comes next

Late = Callable[[], bytes]
"""Makes bytes where they are written: it and what it holds can be sent to another process (a `partial`, no closure)."""


@dataclass(frozen=True)
class StoredFile:
    """A file that never changes, and that a gallery on the same disk may share: as the store's blobs."""

    path: str


Content = bytes | Page | Late | StoredFile
Job = tuple[str, Content]


class Writer:
    """Writes pages and files into the folder of a gallery.

    `new`: what a file is called until it is whole; `umask`: that of files and folders, None: this process's.
    """

    def __init__(
        self, out: Path, sections: Sequence[tuple[str, str]], new: str = NEW[0], *, umask: int | None = None
    ) -> None:
        self._umask = umask
        self._out = str(out)
        self._new = f"{out}/{OWN}/{new}"
        self._renderer = Renderer(sections)
        self._folders: set[str] = set()
        self._permissions: tuple[int, int, int] | None = None

    def write(self, address: str, what: Content, *, durable: bool = False) -> int:
        """Put a page or bytes there, so that whoever reads sees the old ones or the new ones; gives their number.

        A file of the store is linked to where it is on the same disk and has the permissions that one of the gallery
        has; else it is copied. No file is ever written to once it has its name, so that none of the store's is.

        Files are not waited for to reach the disk, but for those that are `durable`. Raises BadInput where the folder
        cannot be written to.
        """
        if isinstance(what, Page):
            what = self._renderer.html(what).encode()
        elif callable(what):
            what = what()
        path = f"{self._out}/{address}"
        try:
            self._make_folder(path)
            if isinstance(what, StoredFile):
                if (size := self._link(what.path, path)) is not None:
                    return size
                what = Path(what.path).read_bytes()
            self._new_file(what, durable)
            os.replace(self._new, path)  # noqa: PTH105
        except OSError as problem:
            raise BadInput(f"{path} cannot be written: {problem.strerror}") from problem
        return len(what)

    def _new_file(self, data: bytes, durable: bool = False) -> None:
        # a file that is there may be another name of one of the store's
        handle = os.open(self._new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(handle, left) :]
            give(handle, self._umask)
            if durable:
                os.fsync(handle)
        except BaseException:
            os.unlink(self._new)  # noqa: PTH108
            raise
        finally:
            os.close(handle)

    def _make_folder(self, path: str) -> None:
        folder = path.rpartition("/")[0]
        if folder not in self._folders:
            if not os.path.isdir(folder):  # noqa: PTH112
                make_folders(Path(folder), self._umask)
            self._folders.add(folder)

    def _link(self, source: str, path: str) -> int | None:
        """Give a file of the store another name here; its size, or None where it must be copied."""
        status = os.stat(source)  # noqa: PTH116
        if (status.st_mode & 0o7777, status.st_uid, status.st_gid) != self._own_permissions():
            return None
        try:
            try:
                os.link(source, path)
                return status.st_size
            except FileExistsError:
                os.link(source, self._new)
        except OSError:  # it is on another disk, or this one has no links, or no more of this file
            return None
        os.replace(self._new, path)  # noqa: PTH105
        with suppress(FileNotFoundError):  # where both are names of this file already, that changes nothing
            os.unlink(self._new)  # noqa: PTH108
        return status.st_size

    def _own_permissions(self) -> tuple[int, int, int]:
        """Mode, owner and group of what is written here."""
        if self._permissions is None:
            self._new_file(b"")
            status = os.stat(self._new)  # noqa: PTH116
            os.unlink(self._new)  # noqa: PTH108
            self._permissions = status.st_mode & 0o7777, status.st_uid, status.st_gid
        return self._permissions


class SecondWriter:
    """A writer in a process of its own. It ends with `close`, and by itself when this process is gone.

    Args:
        wrote: told the address and the bytes of each file when it is there.

    A pipe to one process and no pool of them: a pool's processes would wait for ever for a parent that was killed.
    """

    def __init__(
        self,
        out: Path,
        sections: Sequence[tuple[str, str]],
        wrote: Callable[[str, int], None],
        *,
        umask: int | None = None,
    ) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would copy locks that other threads hold
        self._wrote = wrote
        self._jobs: list[Job] = []
        self._ahead = 0
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_work, args=(theirs, out, list(sections), os.getpid(), umask), name="gallery", daemon=True
        )
        self._process.start()
        theirs.close()

    def accept(self, address: str, what: Content) -> bool:
        """Take this, unless there is enough to do already; returns whether it was taken. It is written some time before
        `finish` returns.

        Raises what writing earlier ones raised.
        """
        if self._ahead >= _AHEAD:
            while self._ahead and self._pipe.poll():
                self._hear()
            if self._ahead >= _AHEAD:
                return False
        self._jobs.append((address, what))
        if len(self._jobs) >= _BATCH:
            self._send()
        return True

    def finish(self) -> None:
        """Wait until all is written. Raises what that raised."""
        if self._jobs:
            self._send()
        while self._ahead:
            self._hear()

    def close(self) -> None:
        """End the process: at once, but for the files that it was already given."""
        self._pipe.close()
        self._process.join()

    def _send(self) -> None:
        jobs, self._jobs = self._jobs, []
        try:
            self._pipe.send(jobs)
        except OSError:
            raise self._gone() from None
        self._ahead += 1

    def _hear(self) -> None:
        try:
            answer = self._pipe.recv()
        except (EOFError, OSError):
            raise self._gone() from None
        self._ahead -= 1
        if isinstance(answer, Exception):
            raise answer
        for address, size in answer:
            self._wrote(address, size)

    def _gone(self) -> RuntimeError:
        self._process.join(1)
        return RuntimeError(f"the process that writes the gallery's files is gone (exit {self._process.exitcode})")


def _work(
    pipe: "Connection[Any, Any]", out: Path, sections: Sequence[tuple[str, str]], parent: int, umask: int | None
) -> None:
    """Write what comes through the pipe until its other end is closed."""
    # Ctrl-C reaches both processes, and the parent decides what becomes of the gallery
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    writer = Writer(out, sections, NEW[1], umask=umask)
    waiting: Queue[list[Job] | None] = Queue()
    threading.Thread(target=_receive, args=(pipe, waiting), daemon=True).start()
    while (jobs := waiting.get()) is not None:
        answer: Any = []
        try:
            for address, what in jobs:
                if os.getppid() != parent:  # killed: another generation may have its turn now
                    return
                answer.append((address, writer.write(address, what)))
        except Exception as problem:  # raised where it is heard
            answer = problem
        try:
            pipe.send(answer)
        except OSError:
            return


def _receive(pipe: "Connection[Any, Any]", waiting: "Queue[list[Job] | None]") -> None:
    """Take what comes at once: a pipe has room for a few pages, and who sends more waits until they are taken."""
    try:
        while True:
            waiting.put(pipe.recv())
    except (EOFError, OSError):
        pass  # the other process has ended, or closed its end
    finally:
        waiting.put(None)
