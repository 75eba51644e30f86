"""How busy this machine is, for what must be done in so many seconds on one of its own."""

import threading
import time
from dataclasses import dataclass, field


@dataclass
class Starvation:
    """How many times as long as alone everything takes here, as others want the processors too."""

    wall: float = 0.0
    own: float = 0.0
    _done: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Starvation":
        self._thread = threading.Thread(target=self._measure)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _measure(self) -> None:
        """Time some work by the clock and by the processor, a tenth of the time."""
        while not self._done.wait(0.09):
            begun, own = time.monotonic(), time.thread_time()
            while time.thread_time() - own < 0.01:
                pass
            self.wall += time.monotonic() - begun
            self.own += time.thread_time() - own

    @property
    def factor(self) -> float:
        """At least 1."""
        return max(1.0, self.wall / self.own) if self.own else 1.0
