"""How long something will still take, by how fast it has got on lately."""

import time
from collections import deque

WINDOW_SECONDS = 60.0
"""What was before is forgotten, or before a quarter of the time so far: what the store had already took no time."""
_APART_SECONDS = 0.1  # what comes in quicker succession is remembered as one
LEAST_SECONDS = 3.0
"""Before so long nothing is said: the first of many take longest, and from none of them nothing follows."""


class TimeLeft:
    """Told how much is done, it can be asked at any time; between two answers it does not stand still.

    While the next one is on its way the time left goes down with the clock, and up where that takes longer than others.
    What was there before took no time, and says nothing of how long others take.
    """

    def __init__(self) -> None:
        self._finding = 0.0  # seconds in which nothing was made, and something found
        self._noted = self._begun = time.monotonic()
        self._done = self._there = 0
        self._seen: deque[tuple[float, int]] = deque([(self._begun, 0)])

    def note(self, done: int, there: int = 0) -> None:
        """Take in how much is done now; of that, `there` was there before."""
        clock, made = time.monotonic(), done - there
        if there > self._there and made == self._seen[-1][1]:
            self._finding += clock - self._noted
        self._noted, self._done, self._there = clock, done, there
        now = clock - self._finding
        self._take_in(made, now)

    def _take_in(self, done: int, now: float) -> None:
        if done != self._seen[-1][1]:
            if len(self._seen) > 2 and now - self._seen[-2][0] < _APART_SECONDS:
                self._seen.pop()
            self._seen.append((now, done))
        since = now - max(WINDOW_SECONDS, (now - self._begun) / 4)
        while len(self._seen) > 2 and self._seen[1][0] <= since:
            self._seen.popleft()

    def seconds(self, total: int) -> float | None:
        """How long the rest of them all will take; None where nothing can be said yet."""
        now = time.monotonic() - self._finding
        (first, before), (last, done) = self._seen[0], self._seen[-1]
        if done <= before or now - self._begun < LEAST_SECONDS:
            return None
        each = (last - first) / (done - before)
        # of the next one, as much is done as of the time that one takes, but never all of it
        begun = min((now - last) / each, 0.95) if each > 0 else 0.0
        return (total - self._done - begun) * (now - first) / (done - before + begun)
