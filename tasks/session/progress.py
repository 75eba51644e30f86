"""How far a run is, told to whoever listens in this process: the command line, or nobody."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import ParamSpec, TypeVar

from lib import stop

P = ParamSpec("P")
R = TypeVar("R")

Listener = Callable[[str, int, int, str, str, int], None]
"""Told what is being done, how much of it is done, out of how much, a short note, of what that is so much (as "maps";
empty, where what is done says it), and how much of what is done was there before."""

Beat = Callable[[], None]

Hearer = Callable[[str], None]
"""Told a line that stays: what whoever started the run should know of it."""


@dataclass(frozen=True)
class _Told:
    """What was last told of something under way, as a `Listener` is."""

    done: int
    total: int
    note: str
    of: str
    there: int


_under_way: dict[str, _Told] = {}
_lock = threading.Lock()
_listeners: list[Listener] = []
_hearers: list[Hearer] = []
_beats: list[Beat] = []


def report(what: str, done: int, total: int, note: str = "", *, of: str = "", there: int = 0) -> None:
    """Tell the listeners; `what` is one of few, as "training" or "Conv2D_2"; it is over when `done` is `total`.

    `note`, `of`, `there`: as a `Listener` is told. Raises Stopped where this process was told to stop (`lib.stop`).
    """
    beat()
    with _lock:
        _under_way.pop(what, None)
        if done < total:
            _under_way[what] = _Told(done, total, note, of, there)
    for listener in list(_listeners):
        listener(what, done, total, note, of, there)


def report_one_more(what: str, *, there: bool = False) -> None:
    """Tell the listeners that one more is done, out of what was last reported of `what`; whether it was there before.

    For who does one of many things that somebody else counts: nothing is told where nobody has reported `what`, and its
    end is left to those that have. Raises Stopped, as `report`.
    """
    beat()
    with _lock:
        told = _under_way.get(what)
        if told is None or told.done + 1 >= told.total:
            return
        told = replace(told, done=told.done + 1, there=told.there + there)
        _under_way[what] = told
    for listener in list(_listeners):
        listener(what, told.done, told.total, told.note, told.of, told.there)


def wait_for(what: str, make: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What `make` returns, which takes a while and cannot say how far it is: `what` is told meanwhile, as "loading X".

    Raises what `make` raises, and Stopped.
    """
    report(what, 0, 1)
    try:
        return make(*args, **kwargs)
    finally:
        for listener in list(_listeners):  # also where this process was told to stop
            listener(what, 1, 1, "", "", 0)


def say(line: str) -> None:
    """Tell whoever started the run what should be known of it, in a line: on the terminal, and in the run's log."""
    for hearer in list(_hearers):
        hearer(line)
    if "prefect.context" not in sys.modules:  # a model is registered without it, and importing it takes seconds
        return
    from prefect.exceptions import MissingContextError
    from prefect.logging import get_run_logger

    with suppress(MissingContextError):  # called outside of a run
        get_run_logger().info("%s", line)


def beat() -> None:
    """Tell that something got done, however little: work that hangs beats no more.

    Raises Stopped where this process was told to stop: who tells this often ends soon.
    """
    stop.look()
    for heard in list(_beats):
        heard()


@contextmanager
def listen(listener: Listener, hearer: Hearer | None = None) -> Iterator[None]:
    """While inside, `listener` is told how far things are, and `hearer` what is said; from any thread."""
    _listeners.append(listener)
    if hearer is not None:
        _hearers.append(hearer)
    try:
        yield
    finally:
        _listeners.remove(listener)
        if hearer is not None:
            _hearers.remove(hearer)


@contextmanager
def listen_to_beats(heard: Beat) -> Iterator[None]:
    """While inside, `heard` is called whenever something got done, from any thread."""
    _beats.append(heard)
    try:
        yield
    finally:
        _beats.remove(heard)
