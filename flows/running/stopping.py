"""Stopping within five seconds of Ctrl-C or SIGTERM, whatever this process is doing.

Python hears of a signal in its main thread alone, and not before what that is doing in native code is done. So a thread
of ours hears of it as it comes, through a pipe that Python's own C code writes to. It says so to all who look
(`lib.stop`), and everything ends in good order; where it has not within a few seconds, as while a network is loaded
or traced, or a single step takes longer, it notes in the store how the run ended, and ends the process.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

from lib import stop

HARD_SECONDS = 3.5
"""So long after the signal the process ends the hard way."""
NOTING_SECONDS = 0.5
"""So long it may take to note how a run ended, where the store may not answer."""
SAME_SECONDS = 0.3
"""A second Ctrl-C within this time is the first one, told by two: the terminal, and whatever started this process."""

_NUMBERS = (signal.SIGINT, signal.SIGTERM)
_ends: list[Callable[[], None]] = []
_begun_a_run = False
_has_said = False
_listening = False


@contextlib.contextmanager
def stops_when_told(*, hard: bool) -> Iterator[None]:
    """While inside, this process stops when it is told to. One may be within another: the outer one counts.

    Outside of the main thread it does nothing: signals do not come there.

    Args:
        hard: end the process where it has not ended by itself within `HARD_SECONDS`, or is told a second time. Not for
            a process that is to go on, as a notebook's.
    """
    global _listening
    if _listening or threading.current_thread() is not threading.main_thread():
        yield
        return
    _listening = True
    ear, mouth = os.pipe()
    os.set_blocking(mouth, False)
    screen = os.dup(2)  # the descriptor itself may be turned elsewhere, while TensorFlow is imported
    before = signal.set_wakeup_fd(mouth, warn_on_full_buffer=False)
    ours = signal.getsignal(signal.SIGTERM) == signal.SIG_DFL  # within a flow run, it is Prefect's
    if ours:
        signal.signal(signal.SIGTERM, _raise)
    listener = threading.Thread(target=_listen, args=(ear, screen, hard), name="signals", daemon=True)
    listener.start()
    try:
        yield
    finally:
        if not (hard and stop.is_told()):
            if ours:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.set_wakeup_fd(before)
            os.close(mouth)
            listener.join()
            os.close(screen)
            stop.forget()
            _listening = False


@contextlib.contextmanager
def noted_at_a_hard_end(note: Callable[[], None]) -> Iterator[None]:
    """While inside a run is open; `note` is called, from another thread, where the process has to end before it has."""
    global _begun_a_run
    _begun_a_run = True
    _ends.append(note)
    try:
        yield
    finally:
        _ends.remove(note)


def end_process() -> NoReturn:
    """Say the last word and end this process, which was told to stop and has done so.

    At once: what Prefect and TensorFlow do while Python ends takes them seconds, and nothing is left to be done.
    """
    if word := last_word():
        with contextlib.suppress(OSError):
            print(f"dreamsweep: {word}", file=sys.stderr, flush=True)
    os._exit(stop.exit_code())


def last_word() -> str:
    """What is said to whoever has told this process to stop; nothing where it has been said."""
    global _has_said
    if _has_said:
        return ""
    _has_said = True
    if _begun_a_run:
        return "stopped; what was finished is kept, and dreamsweep rerun goes on with what is missing"
    return "stopped before anything was begun"


def _raise(number: int, frame: FrameType | None) -> NoReturn:
    stop.tell(number)
    raise stop.Stopped


def _listen(ear: int, screen: int, hard: bool) -> None:
    """Hear of signals until nobody can speak any more."""
    told = None
    with open(ear, "rb", buffering=0) as heard:
        while word := heard.read(1):
            if word[0] not in _NUMBERS:
                continue
            if told is None:
                told = time.monotonic()
                stop.tell(word[0])
                if hard:
                    threading.Thread(target=_end_later, args=(screen,), name="hard end", daemon=True).start()
            # Prefect's flow engine hands a SIGTERM on to whoever handled it before, as another one
            elif hard and word[0] == signal.SIGINT and time.monotonic() - told > SAME_SECONDS:
                _end(screen)


def _end_later(screen: int) -> None:
    time.sleep(HARD_SECONDS)
    if stop.is_told():
        _end(screen)


def _end(screen: int) -> NoReturn:
    """End the process, with its runs noted as stopped."""
    noting = threading.Thread(target=_note, daemon=True)
    noting.start()
    noting.join(NOTING_SECONDS)
    with contextlib.suppress(OSError):
        if os.isatty(screen):
            os.write(screen, b"\r\x1b[?25h\x1b[J")  # bars hide the cursor
        if word := last_word():
            os.write(screen, f"dreamsweep: {word}\n".encode())
    os._exit(stop.exit_code())


def _note() -> None:
    for note in reversed(_ends):
        with contextlib.suppress(Exception):
            note()
