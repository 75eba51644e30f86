"""Whether a collection was at work in a remote store while something was committed there.

Writers hold no lock there. So a collection may take away a blob which nothing needed, and which a commit has just
stored again, before the record is there that says so. Whoever commits therefore asks afterwards whether there was one,
which costs one small request, and only then looks whether everything is in its place. If the blob was taken before that
look, the look finds it missing; if after it, the collection sees the record when it looks again, and returns the blob.
"""

import threading

from storage.collection.lease import LEASE, is_held
from storage.errors import StoreUnusable
from storage.files import Files

_UNSEEN = b"nothing yet"


class Witness:
    """What one process has seen of collections. Any number of threads may share it."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._lock = threading.Lock()
        self._looking = threading.Lock()
        self._asked = self._answered = 0
        self._seen = _UNSEEN
        self._failed = False

    def before(self) -> bytes:
        """What a commit that begins now has to hand to `was_alone`.

        The first of a process looks: else each blob of the first burst would be asked for.
        """
        if self._seen is _UNSEEN:
            self._look()
        with self._lock:
            return self._seen

    def was_alone(self, before: bytes) -> bool:
        """Whether no collection was at work since `before`. False as well where that cannot be known."""
        now = self._look()
        return now is not None and now == before and not is_held(now)

    def _look(self) -> bytes | None:
        """The lease as it is after this was called; None where that cannot be known.

        Commits end in bursts, when a batch of images is done: all that asked before a look began are told what it saw,
        so that a burst costs two requests.
        """
        with self._lock:
            self._asked += 1
            mine = self._asked
        with self._looking:
            if self._answered < mine:
                with self._lock:
                    answered = self._asked
                self._read()
                self._answered = answered
            return None if self._failed else self._seen

    def _read(self) -> None:
        try:
            seen = self._files.read(LEASE)
        except FileNotFoundError:
            seen = b""
        except StoreUnusable:
            self._failed = True
            return
        self._failed = False
        with self._lock:
            self._seen = seen
