"""The end of a process that has stopped getting anywhere, so that its run can be retried.

A thread that hangs in native code cannot be interrupted from Python, and may hold the interpreter's lock, so that no
other thread of Python's can do anything about it either. `faulthandler` waits in a thread of its own, outside the
interpreter: when the time is up it writes where every thread is, and ends the process with status 1.
"""

import faulthandler
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

_dogs: list["Watchdog"] = []
_lock = threading.Lock()


class Watchdog:
    """What `watchdog` yields. Any number of threads may share it."""

    def __init__(self, stalled_after: float, hard_limit: float | None, file: IO[str] | IO[bytes]) -> None:
        self._stalled_after = stalled_after
        self._ends = None if hard_limit is None else time.monotonic() + hard_limit
        self._file = file
        self._heard = time.monotonic()

    def alive(self) -> None:
        """Say that the work gets on; it costs some hundredths of a millisecond."""
        with _lock:
            for dog in _dogs:  # whoever waits for this work is getting on, too
                dog._heard = time.monotonic()
            _wait()

    @property
    def _due(self) -> float:
        stalled = self._heard + self._stalled_after
        return stalled if self._ends is None else min(stalled, self._ends)


@contextmanager
def watchdog(stalled_after: float, hard_limit: float | None, file: IO[str] | IO[bytes]) -> Iterator[Watchdog]:
    """While inside, this process ends where `alive` is not called for too long, or where it all takes too long.

    One may be within another; the process ends when the first of them is due.

    Args:
        stalled_after: seconds without a sign of life.
        hard_limit: seconds for everything, whatever signs of life there are; none where None.
        file: an open file (not one in memory), to which the tracebacks go.
    """
    dog = Watchdog(stalled_after, hard_limit, file)
    with _lock:
        _dogs.append(dog)
        _wait()
    try:
        yield dog
    finally:
        with _lock:
            _dogs.remove(dog)
            _wait()


def _wait() -> None:
    """Wait for the first of the dogs that is due; a process has but one timer of this kind."""
    if not _dogs:
        faulthandler.cancel_dump_traceback_later()
        return
    first = min(_dogs, key=lambda dog: dog._due)
    faulthandler.dump_traceback_later(max(first._due - time.monotonic(), 0.001), file=first._file, exit=True)
