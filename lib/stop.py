"""Whether this process was told to stop: by Ctrl-C, by SIGTERM, by Cancel in Prefect's UI.

Only the main thread hears of a signal, and threads that compute would go on for as long as their work takes. So what
works for long looks here between two pieces of it, in whichever thread that is; a piece lasts about a second at most.
"""

import signal
import threading
import time

_MAIN_THREAD_SECONDS = 0.5
"""So long the main thread is left to what its handler of the signal raises, which says more than Stopped does."""

_told = threading.Event()
_number = signal.SIGINT
_since = 0.0


class Stopped(BaseException):
    """The process was told to stop. No `Exception`: it is no failure of what was being made, to be tried again."""

    def __init__(self) -> None:
        super().__init__("it was told to stop")


def tell(number: int = signal.SIGINT) -> None:
    """Have everybody stop who looks, because of the signal of this number; only the first one counts."""
    global _number, _since
    if not _told.is_set():
        _number, _since = signal.Signals(number), time.monotonic()
        _told.set()


def is_told() -> bool:
    """Whether somebody has said so."""
    return _told.is_set()


def look() -> None:
    """Raise Stopped if somebody has said so; it costs next to nothing."""
    if not _told.is_set():
        return
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or time.monotonic() - _since > _MAIN_THREAD_SECONDS:
        raise Stopped


def exit_code() -> int:
    """Of a process that was told to stop: 130 by Ctrl-C, 143 by SIGTERM, as a shell has it."""
    return 128 + _number


def forget() -> None:
    """Work may begin again: what is stopped has ended."""
    _told.clear()
