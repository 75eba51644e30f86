"""The lock that `dreamsweep up` holds: one a data folder, with a note of who holds it and where things are.

It dies with its process, however that ends, so the note counts only while the lock is held.
"""

import fcntl
import json
import os
import time
from pathlib import Path
from types import TracebackType
from typing import TypedDict

from flows.running.locks import try_lock

LOOK_SECONDS, PATIENCE_SECONDS = 0.05, 0.5


class UpNote(TypedDict, total=False):
    """Who is up, since when, and where things are; the addresses only when flow runs can be started."""

    pid: int
    started: str
    ui: str
    api: str
    pictures: str
    store: str
    log: str


class AlreadyUp(Exception):
    """Another `up` is running for this data folder. The message says since when and where."""


class UpLock:
    """Hold it in a `with`. Raises AlreadyUp where another process does."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "up.lock"
        self._note: UpNote = {}

    def __enter__(self) -> "UpLock":
        self._file = self._path.open("a+b")
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not (ours := try_lock(self._file, fcntl.LOCK_EX)) and time.monotonic() < give_up:
            time.sleep(LOOK_SECONDS)  # whoever asks who is up holds the lock for a moment
        if not ours:
            self._file.close()
            note = who_is_up(self._path.parent) or {}
            raise AlreadyUp(
                f"dreamsweep is up already: process {note.get('pid', 'unknown')}, since "
                f"{note.get('started', 'just now')}, UI at {note.get('ui', 'no address yet')}. dreamsweep down ends it"
            )
        self.note({"pid": os.getpid(), "started": time.strftime("%Y-%m-%d %H:%M:%S")})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.truncate(0)
        self._file.close()

    def note(self, more: UpNote) -> UpNote:
        """Add to the note; returns all of it."""
        self._note |= more
        self._file.truncate(0)
        self._file.write(json.dumps(self._note).encode())  # opened to append: at the beginning, after truncate
        self._file.flush()
        return self._note


def who_is_up(folder: Path) -> UpNote | None:
    """The note of the `up` that runs for this folder, or None where there is none; empty where it says nothing."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with (folder / "up.lock").open("rb") as file:
                if try_lock(file, fcntl.LOCK_SH):
                    return None
                note: UpNote = json.loads(file.read())
                return note
        except FileNotFoundError:
            return None
        except ValueError:  # read while it was written
            if time.monotonic() > give_up:
                return {}
        time.sleep(LOOK_SECONDS)
