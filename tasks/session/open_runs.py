"""What is open in this process for each run, under the run's id: tasks are told names, and find the rest here."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

Shared = TypeVar("Shared")

_open: dict[tuple[str, type], object] = {}
"""By run and type: its session, and the context of its flow."""


@contextmanager
def share(run: str, shared: Shared) -> Iterator[Shared]:
    """While inside, the run's tasks find this by its type; a run shares one thing of a type."""
    place = run, type(shared)
    _open[place] = shared
    try:
        yield shared
    finally:
        del _open[place]


def find_shared(run: str, kind: type[Shared]) -> Shared:
    """What an open run shares of this type. Raises RuntimeError in a process that did not open it."""
    shared = _open.get((run, kind))
    if not isinstance(shared, kind):
        raise RuntimeError(f"run {run} is not open in this process: run its flow again")
    return shared
