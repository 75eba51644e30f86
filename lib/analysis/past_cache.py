"""Writes that go past the system's cache to the disk: gigabytes that nobody reads soon.

In the cache they would fill all memory there is, and to make room for them there takes the processors away from what
computes them: on virtual machines it costs more than the disk. What goes past it must lie at multiples of a page, in
memory and in the file; the ends of a write that do not are written through the cache, and so is everything where the
file system has no other way.
"""

import errno
import mmap
import os
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import numpy as np

from lib.arrays import Bytes

PAGE = max(4096, mmap.PAGESIZE)
_ROOM = 2**23
"""Bytes that a thread writes at once, past the cache."""
_REFUSED = {errno.EINVAL, errno.EOPNOTSUPP}
"""What a file system says that has no such thing, or has it for larger pages alone."""


class PastCache:
    """A file that is there, and that any number of threads write to at once, each where no other does.

    Raises OSError where the file cannot be written to.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        self._direct, self._refused = -1, False
        self._rooms = threading.local()
        with suppress(OSError, AttributeError):  # tmpfs has no such thing, nor has macOS
            self._direct = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_DIRECT)
        if self._direct >= 0:
            # where the file has no room yet, as after HDF5 laid it out, ext4 has threads write one after the other
            with suppress(OSError):  # whatever is wrong is told by the write that meets it
                os.posix_fallocate(self._file, 0, os.fstat(self._file).st_size)

    def __enter__(self) -> "PastCache":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            if kind is None:
                os.fdatasync(self._file)  # what was written through the cache may fail as late as this
        finally:
            try:
                os.close(self._file)
            finally:
                if self._direct >= 0:
                    os.close(self._direct)

    def write(self, data: Bytes, at: int) -> None:
        """Write bytes [N] at a place in the file. Raises OSError."""
        end = at + len(data)
        first, last = -(-at // PAGE) * PAGE, end // PAGE * PAGE
        if self._direct < 0 or self._refused or first >= last:
            self._through(data, at)
            return
        self._through(data[: first - at], at)
        room = self._room()
        for start in range(first, last, _ROOM):
            stop = min(start + _ROOM, last)
            some = room[: stop - start]
            np.copyto(some, data[start - at : stop - at])
            if not self._past(some, start):
                self._through(some, start)
        self._through(data[last - at :], last)

    def let_go(self) -> None:
        """Have the cache forget what had to be written through it, once that is on the disk. Raises OSError."""
        if (self._direct < 0 or self._refused) and hasattr(os, "posix_fadvise"):
            os.fdatasync(self._file)
            os.posix_fadvise(self._file, 0, 0, os.POSIX_FADV_DONTNEED)

    def _room(self) -> Bytes:
        """Memory that begins at a page, this thread's own."""
        if not hasattr(self._rooms, "bytes"):
            self._rooms.bytes = np.frombuffer(mmap.mmap(-1, _ROOM), np.uint8)
        room: Bytes = self._rooms.bytes
        return room

    def _past(self, data: Bytes, at: int) -> bool:
        """Whether whole pages could be written past the cache."""
        try:
            return os.pwrite(self._direct, data.data, at) == len(data)
        except OSError as error:
            if error.errno not in _REFUSED:
                raise
            self._refused = True
            return False

    def _through(self, data: Bytes, at: int) -> None:
        left = data.data
        while left:
            done = os.pwrite(self._file, left, at)
            left, at = left[done:], at + done
