"""Blobs that a run needed and could not read, told to whoever began it: begun anew, it may make them again."""

from collections.abc import Iterator
from contextlib import contextmanager

from storage.errors import BlobGone

_listening: list[dict[str, BlobGone]] = []


def note_gone(gone: BlobGone) -> None:
    """Tell those who listen that these bytes could not be had. They were set aside, so that none are found any more."""
    for found in list(_listening):
        found.setdefault(gone.digest, gone)


@contextmanager
def gone_blobs() -> Iterator[dict[str, BlobGone]]:
    """While inside, what could not be read comes to be in this, by its digest; from any thread."""
    found: dict[str, BlobGone] = {}
    _listening.append(found)
    try:
        yield found
    finally:
        _listening.remove(found)


def gone_of(error: BaseException | None) -> BlobGone | None:
    """The blob that could not be read, if an error came of that."""
    while error is not None:
        if isinstance(error, BlobGone) and error.digest:
            return error
        error = error.__cause__
    return None
