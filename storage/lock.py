"""The lock between commits, which go on side by side, and garbage collection, which wants none under way.

It is `flock` on two of the store's folders: the kernel lets go of it when its holder is killed, and it leaves no file
behind. Two folders, because `flock` is not fair: a collector that waited among ever new writers would wait for ever. It
therefore first shuts the gate through which writers come.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path


@contextmanager
def writing(gate: Path, room: Path) -> Iterator[None]:
    """Many at once; keeps `collecting` out. Threads of one process count as different holders."""
    with ExitStack() as stack:
        with _held(gate, fcntl.LOCK_SH):
            stack.enter_context(_held(room, fcntl.LOCK_SH))
        yield


@contextmanager
def collecting(gate: Path, room: Path) -> Iterator[None]:
    """One at a time, with no writer under way."""
    with _held(gate, fcntl.LOCK_EX), _held(room, fcntl.LOCK_EX):
        yield


@contextmanager
def _held(folder: Path, mode: int) -> Iterator[None]:
    try:
        handle = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        # The write that follows will make the folder; whatever is collected now, this is newer than the grace period.
        yield
        return
    try:
        # Some network file systems cannot lock a folder; there the grace period alone protects new blobs.
        with suppress(OSError):
            fcntl.flock(handle, mode)
        yield
    finally:
        os.close(handle)
