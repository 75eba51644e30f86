"""Many task runs, a few at a time, none of them submitted ahead of a free thread."""

from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import TypeVar

from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture

R = TypeVar("R")
Submit = Callable[[], PrefectFuture[R]]


def fan_out(submits: Iterator[Submit[R]], at_once: int, go_on: Callable[[], bool]) -> Iterator[State[R]]:
    """The states in which task runs end, as they do; within a flow whose runner has `at_once` threads.

    When `go_on` says no, none is submitted any more, and those that are running come to their end. So what has not
    begun at a deadline has left no trace, and is left to the next run.
    """
    finished: SimpleQueue[PrefectFuture[R]] = SimpleQueue()
    running, more = 0, True
    while True:
        while more and running < at_once and go_on():
            submit = next(submits, None)
            more = submit is not None
            if submit is not None:
                submit().add_done_callback(finished.put)
                running += 1
        if not running:
            return
        future = finished.get()
        future.wait()  # it calls back a moment before it knows its state
        running -= 1
        yield future.state
