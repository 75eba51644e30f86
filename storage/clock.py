"""The store's clock: UTC, as text that sorts by time."""

from datetime import UTC, datetime


def now() -> str:
    """The time now as ISO 8601 in UTC with microseconds, e.g. `2026-11-22T10:15:30.123456+00:00`."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def stamp() -> str:
    """The time now as it stands at the head of run ids and trash folders, e.g. `20261122-101530` (UTC)."""
    return datetime.now(UTC).strftime("%Y%m%d-%H%M%S")


def seconds_of_stamp(text: str) -> float | None:
    """Seconds since 1970 of a name that begins with a `stamp`; None where it does not."""
    try:
        return datetime.strptime(text[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
