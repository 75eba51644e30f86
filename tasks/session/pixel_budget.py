"""Room for pictures in memory: as many at once as fit, and one that is larger than the room by itself."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class PixelBudget:
    """Has room for so many pixels; whoever wants more than are free waits."""

    def __init__(self, pixels: int) -> None:
        self._pixels = pixels
        self._taken = 0
        self._changed = threading.Condition()

    @contextmanager
    def take(self, pixels: int) -> Iterator[None]:
        """While inside, these pixels are taken; all of the room where there are more of them than it has."""
        wanted = min(pixels, self._pixels)
        with self._changed:
            self._changed.wait_for(lambda: self._taken + wanted <= self._pixels)
            self._taken += wanted
        try:
            yield
        finally:
            with self._changed:
                self._taken -= wanted
                self._changed.notify_all()
