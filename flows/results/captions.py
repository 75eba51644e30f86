"""What people call things: a line for a record, a digest's beginning, a time of the store."""

from datetime import UTC, datetime
from typing import Any

from lib.words import number, percent
from storage.record import Record
from tasks.session.kind import kind_of_task

DIGITS = 12  # of a digest, where nothing is decided by it


def title(record: Record) -> str:
    """A record in a few words, as "Conv2D_2/17" or "data set digits".

    >>> import dreamsweep
    >>> store = dreamsweep.open_store()
    >>> dreamsweep.caption(store.record(dreamsweep.list_models(store)[0]["record"]))
    'trained model'
    """
    return kind_of_task(record.task).caption_of(record)


def outcome(record: Record) -> str:
    """What came of it, in a few words; empty where there is nothing to say."""
    about = attributes(record)
    if "verdict" in about:
        return " ".join(filter(None, [str(about["verdict"]), response(about.get("response"), about["response_ratio"])]))
    if "test_accuracy" in about:
        return f"{percent(about['test_accuracy'])} on the test set"
    return ""


def attributes(record: Record) -> dict[str, Any]:
    """What the outputs of a record say of themselves, together."""
    found: dict[str, Any] = {"response_ratio": None}
    for output in record.outputs:
        found |= output.attributes
    return found


def response(value: Any, ratio: Any = None) -> str:
    """A response, and how many times that of the best exemplar it is."""
    if not isinstance(value, int | float):
        return ""
    return number(value, 4) + (f", {number(ratio)} × its best exemplar" if isinstance(ratio, int | float) else "")


def short(digest: str) -> str:
    """The beginning of a digest, long enough for every command to find it."""
    return digest[:DIGITS]


def short_key(key: str) -> str:
    """The beginning of a record's key, long enough for every command to find it."""
    recipe, _, execution = key.partition("/")
    return f"{short(recipe)}/{execution[:8]}"


def stamp_of(seconds: float) -> str:
    """Seconds since 1970 as the store writes times."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
