"""What the tasks of one run share in this process, under the run's id: tasks are told names, and find it here."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

Shared = TypeVar("Shared")


class OpenRuns(Generic[Shared]):
    """What is shared in each run that is open."""

    def __init__(self) -> None:
        self._open: dict[str, Shared] = {}

    @contextmanager
    def opened(self, run: str, shared: Shared) -> Iterator[Shared]:
        """While inside, tasks find it under the run's id."""
        self._open[run] = shared
        try:
            yield shared
        finally:
            del self._open[run]

    def of(self, run: str) -> Shared:
        """What an open run shares. Raises RuntimeError in a process that did not open it."""
        if run not in self._open:
            raise RuntimeError(f"run {run} is not open in this process: run its flow again")
        return self._open[run]
