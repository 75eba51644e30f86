"""Which flow runs were told of, and what is still to be sent: a file for each attempt of one in the data folder.

So every end of a flow run is told once, however often `dreamsweep up` is started again, and what could not be sent is
tried again. A full disk holds back no message: what cannot be written down is remembered, and is written as soon as
that is possible.
"""

import json
import logging
import math
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from flows.forms.private import write_private
from flows.serving.message import Message

FIRST_WAIT, LONGEST_WAIT = 10.0, 3600.0
GIVEN_UP_SECONDS = 3 * 86_400.0
"""So long after its end a flow run is told of no more."""
KEPT_SECONDS = 60 * 86_400.0
"""So long it is remembered that a flow run was told of: longer than anybody asks for those that have ended."""

log = logging.getLogger("dreamsweep.up")


@dataclass(frozen=True)
class Entry:
    """The end of an attempt of a flow run. `message`: None where nobody is to be told.

    `waiting`: it is to be sent, the next time at `due` (seconds since 1970), after `tries` that failed.
    """

    flow_run: str
    attempt: int
    noted: float
    message: Message | None
    how: Literal["waiting", "sent", "given up", "not wanted"]
    tries: int = 0
    due: float = 0.0

    @property
    def name(self) -> str:
        """What its file is called, without the ending."""
        return _name(self.flow_run, self.attempt)


class Outbox:
    """The entries in a folder. One process uses it at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._entries: dict[str, Entry] = {}
        self._unwritten: set[str] = set()
        for unfinished in folder.glob(".*"):
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
        for path in sorted(folder.glob("*.json")):
            with suppress(OSError, ValueError, TypeError):
                entry = Entry(**json.loads(path.read_bytes()))
                self._entries[entry.name] = entry

    def knows(self, flow_run: str, attempt: int) -> bool:
        """Whether it was put here how this attempt ended."""
        return _name(flow_run, attempt) in self._entries

    def put(self, flow_run: str, attempt: int, message: Message | None) -> None:
        """Note that an attempt has ended, and that the message is to be sent, where there is one."""
        self._keep(Entry(flow_run, attempt, time.time(), message, "not wanted" if message is None else "waiting"))

    def due(self) -> Iterator[tuple[Entry, Message]]:
        """What is to be sent now, in the order in which it was put here."""
        now = time.time()
        for entry in sorted(self._entries.values(), key=lambda entry: entry.noted):
            # a clock that was put back must hold up nothing
            if entry.how == "waiting" and entry.message and not now < entry.due < now + LONGEST_WAIT:
                yield entry, entry.message

    def note_sent(self, entry: Entry) -> None:
        """Note that its message has arrived."""
        self._keep(replace(entry, how="sent"))

    def note_not_sent(self, entry: Entry) -> float | None:
        """Note that it has not; returns after how many seconds it is tried again, None where it is given up."""
        now, wait = time.time(), min(FIRST_WAIT * 2**entry.tries, LONGEST_WAIT)
        if now - entry.noted > GIVEN_UP_SECONDS:
            self._keep(replace(entry, how="given up"))
            return None
        self._keep(replace(entry, tries=entry.tries + 1, due=now + wait))
        return wait

    def drop_waiting(self, before: float = math.inf) -> None:
        """Send nothing of what has waited since before a moment (seconds since 1970): it was for another address."""
        for entry in list(self._entries.values()):
            if entry.how == "waiting" and entry.noted < before:
                self._keep(replace(entry, how="not wanted"))

    def tidy(self) -> None:
        """Write down what could not be written before, and forget what is long past."""
        for name in list(self._unwritten):
            self._write(self._entries[name])
        for entry in list(self._entries.values()):
            if entry.how != "waiting" and time.time() - entry.noted > KEPT_SECONDS:
                del self._entries[entry.name]
                self._unwritten.discard(entry.name)
                with suppress(OSError):
                    self._path(entry).unlink(missing_ok=True)

    def _keep(self, entry: Entry) -> None:
        self._entries[entry.name] = entry
        self._write(entry)

    def _write(self, entry: Entry) -> None:
        try:
            write_private(self._path(entry), json.dumps(asdict(entry)).encode())
        except OSError as error:
            if not self._unwritten:
                log.error("what is told of flow runs cannot be noted in %s: %s", self._folder, error.strerror)
            self._unwritten.add(entry.name)
        else:
            self._unwritten.discard(entry.name)

    def _path(self, entry: Entry) -> Path:
        return self._folder / f"{entry.name}.json"


def _name(flow_run: str, attempt: int) -> str:
    return f"{flow_run}-{attempt}"
