"""How far a run is, told to whoever listens in this process: the command line, or nobody."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[str, int, int, str], None]
"""Told what is being done, how much of it is done, out of how much, and a short note (empty: none)."""

Beat = Callable[[], None]

_listeners: list[Listener] = []
_beats: list[Beat] = []


def report(what: str, done: int, total: int, note: str = "") -> None:
    """Tell the listeners; `what` is one of few, as "training" or "Conv2D_2"; it is over when `done` is `total`."""
    beat()
    for listener in list(_listeners):
        listener(what, done, total, note)


def beat() -> None:
    """Tell that something got done, however little: work that hangs beats no more."""
    for heard in list(_beats):
        heard()


@contextmanager
def listen(listener: Listener) -> Iterator[None]:
    """While inside, `listener` is told. It is called from any thread."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


@contextmanager
def listen_to_beats(heard: Beat) -> Iterator[None]:
    """While inside, `heard` is called whenever something got done, from any thread."""
    _beats.append(heard)
    try:
        yield
    finally:
        _beats.remove(heard)
