"""The lease of a remote store, where there is no lock: one collection at a time, and writers know that there was one.

It is an object that is replaced only by whoever knows what it was, renewed while a collection is at work, and never
deleted. That its holder has died is told by its staying the same, for so long by the steady clock of whoever watches:
no two machines need agree about the time.

Two collections at once would lose nothing either, since each looks again at what it has moved: see `storage.garbage`.
"""

import json
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from storage.errors import StoreError, StoreUnusable
from storage.files import Files
from storage.remote_files import RemoteFiles

LEASE = "lease.json"
RENEWED_SECONDS = 10.0
STALE_SECONDS = 60.0
"""So long a lease stays the same before its holder counts as dead."""
LOOKED_SECONDS = 1.0

log = logging.getLogger(__name__)


class Lease:
    """A lease that this process holds; it renews itself until it is given back."""

    def __init__(self, files: RemoteFiles, tag: str) -> None:
        self._files = files
        self._tag = tag
        self._lost = False
        self._renewed = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise StoreError where it may be another's by now: this process was asleep, or could not reach the store."""
        if self._lost or time.monotonic() - self._renewed > STALE_SECONDS / 2:
            raise StoreError(
                f"the collection in {self._files.root} was held up, and another may have begun: run `dreamsweep gc` "
                "again"
            )

    def give_back(self) -> None:
        """Let the next one have it."""
        self._ended.set()
        self._thread.join()
        if not self._lost:
            with suppress(StoreUnusable):  # it will be found stale
                self._files.swap(LEASE, _body(held=False), self._tag)

    def _renew(self) -> None:
        while not self._ended.wait(RENEWED_SECONDS):
            try:
                tag = self._files.swap(LEASE, _body(held=True), self._tag)
            except StoreUnusable as error:
                log.info("the lease was not renewed: %s", error)
                continue
            if tag is None:
                self._lost = True
                return
            self._tag, self._renewed = tag, time.monotonic()


@contextmanager
def held_lease(files: Files) -> Iterator[Lease]:
    """Holds the lease of a remote store while inside. Raises StoreError where a collection is at work there."""
    assert isinstance(files, RemoteFiles)
    lease = Lease(files, _take(files))
    try:
        yield lease
    finally:
        lease.give_back()


def is_held(said: bytes) -> bool:
    """Whether a lease that says this is held, or was when its holder died."""
    return bool(_parse(said).get("held"))


def _take(files: RemoteFiles) -> str:
    """The tag of the lease, which is held now."""
    while True:
        tag = files.tag(LEASE)
        if tag is not None and _read(files).get("held") and files.tag(LEASE) == tag:
            _wait_until_stale(files, tag)
        taken = files.swap(LEASE, _body(held=True), tag)
        if taken is not None:
            return _checked(files, taken)


def _wait_until_stale(files: RemoteFiles, tag: str) -> None:
    """Return once a lease has stayed the same for too long, or is free; raise StoreError where its holder renews it."""
    began = time.monotonic()
    while time.monotonic() - began < STALE_SECONDS:
        time.sleep(LOOKED_SECONDS)
        if files.tag(LEASE) != tag:
            said = _read(files)
            if said.get("held"):
                raise StoreError(
                    f"a collection is at work in {files.root}, on {said.get('host', 'another machine')}: wait until it "
                    "has ended"
                )
            return
    log.info("the lease of %s has not been renewed for %.0f s: its holder has died", files.root, STALE_SECONDS)


def _checked(files: RemoteFiles, tag: str) -> str:
    """The tag, after seeing that the server refuses who does not know it: not all know conditional requests."""
    again = files.swap(LEASE, _body(held=True), None) if files.swaps else tag
    if again is None:
        return tag
    log.warning(
        "the server of %s does not keep two collections apart (it ignores conditional requests): run only one "
        "`dreamsweep gc` at a time",
        files.root,
    )
    return files.tag(LEASE) or again


def _body(*, held: bool) -> bytes:
    said = {"held": held, "host": socket.gethostname(), "process": os.getpid(), "nonce": secrets.token_hex(16)}
    return json.dumps(said).encode()


def _read(files: RemoteFiles) -> dict[str, Any]:
    try:
        return _parse(files.read(LEASE))
    except FileNotFoundError:
        return {}


def _parse(said: bytes) -> dict[str, Any]:
    with suppress(ValueError):
        found = json.loads(said)
        if isinstance(found, dict):
            return found
    return {}
