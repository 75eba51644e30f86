"""Waiting for a place that fails for a moment: it is asked again, for a while, and whoever waits is told why.

One that has answered before in this process is waited for for minutes; a run says for how many (`patient_for`). One
that never has is probably not where it was said to be, and whoever named it learns that within seconds.
"""

import logging
import math
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from storage.files import without_password
from storage.mishaps.passing import asks_for_patience

R = TypeVar("R")

log = logging.getLogger(__name__)

SECONDS = 300.0
"""So long a place is waited for that has answered before, or asks for patience, where no run says how long."""
FIRST_SECONDS = 4.0
"""So long one that has never answered."""
SAID_AFTER = 10.0
SAID_AGAIN = 60.0

_PAUSES = 0.1, 10.0
"""Seconds between two questions, at first and at most; each is twice the one before, more or less."""
_LOOK = 0.25
"""Whoever waits looks so often whether to go on."""


@dataclass(frozen=True)
class Company:
    """Who is told while this process waits for a store, or gets on with something large: `say` takes a line; `look` is
    called often, and may raise to end it."""

    say: Callable[[str], object]
    look: Callable[[], object]


_companies: list[Company] = []


@contextmanager
def in_company(say: Callable[[str], object], look: Callable[[], object] = lambda: None) -> Iterator[None]:
    """While inside, these are told of every wait in this process, from any thread; the innermost alone is."""
    company = Company(say, look)
    _companies.append(company)
    try:
        yield
    finally:
        _companies.remove(company)


def get_on() -> None:
    """Tell whoever is in company that a piece of something large is done. Raises what they raise to end it."""
    for company in _companies[-1:]:  # it may have gone meanwhile
        company.look()


@dataclass(frozen=True)
class _Limit:
    """How long a wait may take, in seconds, and when all waits are over (of `time.monotonic`), if ever."""

    seconds: float
    ends: float = math.inf

    def end_of(self, begun: float) -> float:
        """When a wait is over that began then."""
        return min(begun + self.seconds, self.ends)


_limits: list[_Limit] = []


@contextmanager
def patient_for(seconds: float, left: float | None = None) -> Iterator[None]:
    """While inside, a place that has answered before is waited for for so many seconds, from any thread.

    `left`: after so many seconds from now nothing is waited for any more, whenever the wait began.
    """
    limit = _Limit(seconds, math.inf if left is None else time.monotonic() + left)
    _limits.append(limit)
    try:
        yield
    finally:
        _limits.remove(limit)


def _limit() -> _Limit:
    return _limits[-1] if _limits else _Limit(SECONDS)


@dataclass
class _Place:
    """How it goes with one place, for all who ask it. `failing`: since when; `said`: when that was said last; `waited`:
    how long it was waited for, in words, where it was given up and has not answered since."""

    name: str
    answered: bool = False
    failing: float | None = None
    said: float | None = None
    waited: str | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def has_answered(self) -> None:
        with self.lock:
            self.answered = True
            since, said, self.failing, self.said, self.waited = self.failing, self.said, None, None, None
        if since is not None and said is not None:
            _say(f"the store {self.name} can be used again, after {time.monotonic() - since:.0f} s")

    def has_failed(self, reason: str, longest: float) -> None:
        """`longest`: so many seconds, in all, whoever says so waits."""
        with self.lock:
            now = time.monotonic()
            self.failing = self.failing or now
            due = now >= (self.failing + SAID_AFTER if self.said is None else self.said + SAID_AGAIN)
            if due:
                self.said = now
            waited = now - self.failing
        if due:
            _say(
                f"waiting for the store {self.name}, which cannot be used at the moment ({reason}): for {waited:.0f} s "
                f"up to now, {_duration(longest)} at most"
            )

    def is_given_up(self, seconds: float | None) -> str | None:
        """`seconds`: for so long it was waited for; None where nobody was patient. How long somebody was, in words."""
        with self.lock:
            self.answered, self.failing, self.said = False, None, None
            if seconds is not None:
                self.waited = f"after {_duration(seconds)} of waiting"
            return self.waited


_places: dict[str, _Place] = {}


class Patience:
    """Asks a place again where it fails for a reason that `passes`. Any number of threads may share it."""

    def __init__(self, name: str, passes: Callable[[BaseException], bool], *, known: bool = False) -> None:
        """`name`: of the place, in messages. `known`: it is where it is said to be, and need not prove that first."""
        self._place = _places.setdefault(name, _Place(name))
        self._place.answered = self._place.answered or known
        self._passes = passes

    @property
    def is_first(self) -> bool:
        """Whether the place has yet to answer in this process."""
        return not self._place.answered

    def ask(self, question: Callable[[], R]) -> R:
        """What the question comes to. Raises what it raises for a reason that does not pass, or has not in time; how
        long it was waited for is then among its notes."""
        begun: float | None = None
        pause, longest = _PAUSES
        while True:
            try:
                answer = question()
            except Exception as error:
                if not self._passes(error):
                    if isinstance(error, FileNotFoundError):
                        self._place.has_answered()
                    raise
                begun = begun or time.monotonic()
                patient = self._place.answered or asks_for_patience(error)
                end = _limit().end_of(begun) if patient else begun + FIRST_SECONDS
                wait = pause * random.uniform(0.5, 1.5)
                if time.monotonic() + wait > end:
                    if waited := self._place.is_given_up(time.monotonic() - begun if patient else None):
                        error.add_note(waited)
                    raise
                self._wait(wait, reason_of(error), end - begun)
                pause = min(2 * pause, longest)
            else:
                self._place.has_answered()
                return answer

    def _wait(self, seconds: float, reason: str, longest: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            get_on()
            self._place.has_failed(reason, longest)
            time.sleep(min(left, _LOOK))


def _duration(seconds: float) -> str:
    """As "45 s" or "60 minutes"."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def reason_of(error: BaseException) -> str:
    """Why something failed, in a few words, and how long it was waited for, where it was."""
    text = str(getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0]
    return without_password(", ".join([text, *getattr(error, "__notes__", ())]))


def _say(line: str) -> None:
    if _companies:
        _companies[-1].say(line)
    else:
        log.warning("%s", line)
