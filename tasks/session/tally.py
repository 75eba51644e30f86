"""How far a run's task runs are: what is made, by which record, what failed and why, and whether more can be made."""

import threading
from collections.abc import Iterable

from lib.printable import printable
from storage.errors import StoreUnusable


class Tally:
    """By title. Any number of threads may write to it and ask it; a title is made, or has failed, or neither."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[str, str] = {}
        self._computed: set[str] = set()
        self._failures: dict[str, str] = {}
        self._stopped: StoreUnusable | None = None

    def add(self, title: str, key: str, *, reused: bool) -> None:
        """Note the record (by key) that came of a title, and whether it was there before; its failure is forgotten."""
        with self._lock:
            self._made[title] = key
            self._failures.pop(title, None)
            if not reused:
                self._computed.add(title)

    def fail(self, title: str, message: str) -> None:
        """Note that a title failed, and why, although the store may have its record."""
        with self._lock:
            self._failures[title] = printable(message)
            self._made.pop(title, None)
            self._computed.discard(title)

    def stop(self, reason: StoreUnusable | None) -> None:
        """Note why nothing can be made any more; the first reason stays, and None is none."""
        with self._lock:
            self._stopped = self._stopped or reason

    @property
    def stopped(self) -> StoreUnusable | None:
        """Why nothing can be made any more."""
        return self._stopped

    @property
    def made(self) -> dict[str, str]:
        """The keys of the records, by title, as they are now."""
        with self._lock:
            return dict(self._made)

    @property
    def failures(self) -> dict[str, str]:
        """Why titles failed, as it is now."""
        with self._lock:
            return dict(self._failures)

    def is_made(self, title: str) -> bool:
        """Whether there is a record for a title."""
        return title in self._made

    def is_computed(self, title: str) -> bool:
        """Whether this run computed it."""
        return title in self._computed

    def has_failed(self, title: str) -> bool:
        """Whether a title failed."""
        return title in self._failures

    def is_done(self, title: str) -> bool:
        """Whether a title is made or has failed."""
        with self._lock:
            return title in self._made or title in self._failures

    def key_of(self, title: str) -> str:
        """The key of the record that came of a title. Raises KeyError where there is none."""
        return self._made[title]

    def found(self, titles: Iterable[str]) -> int:
        """How many of these are made and were there before."""
        with self._lock:
            return sum(title in self._made and title not in self._computed for title in titles)

    @property
    def done(self) -> int:
        """How many are made or have failed."""
        with self._lock:
            return len(self._made) + len(self._failures)

    @property
    def failed(self) -> int:
        """How many have failed."""
        return len(self._failures)

    @property
    def computed(self) -> int:
        """How many of those that are made were not there before."""
        return len(self._computed)

    @property
    def reused(self) -> int:
        """How many of those that are made were there before."""
        with self._lock:
            return len(self._made) - len(self._computed)
