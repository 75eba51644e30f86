"""When a run takes on no more work: at a time of the clock, or after so many minutes."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from lib.errors import BadValue

CLOCK_TIME = r"^([01]\d|2[0-3]):[0-5]\d$"
"""What `finish_by` looks like: 24 hours, two digits each."""


@dataclass(frozen=True)
class Deadline:
    """A moment, or never. `at` knows its time zone."""

    at: datetime | None = None

    @staticmethod
    def of(
        finish_by: str | None, timezone: str | None, budget: float | None, *, now: datetime | None = None
    ) -> "Deadline":
        """The earlier of the two where both are given.

        Args:
            finish_by: the next time that the clock shows this, as "06:30".
            timezone: of that clock (IANA, "Europe/Berlin"); None: this machine's.
            budget: minutes from now.
            now: with its time zone; by default the time it is.

        Raises:
            BadInput: for a time of no clock, an unknown time zone, and minutes that are not above 0.
        """
        now = now or datetime.now(UTC)
        ends = []
        if finish_by is not None:
            ends.append(_next(finish_by, zone(timezone) if timezone is not None else None, now))
        if budget is not None:
            if not budget > 0:
                raise BadValue("budget", budget, "it must be above 0")
            try:
                ends.append(now + timedelta(minutes=budget))
            except OverflowError:
                raise BadValue("budget", budget, "it is out of range: leave it out") from None
        return Deadline(min(ends, default=None))

    def seconds_left(self, now: datetime | None = None) -> float | None:
        """Until the moment, negative after it; None: for ever."""
        return None if self.at is None else (self.at - (now or datetime.now(UTC))).total_seconds()

    @property
    def passed(self) -> bool:
        """Whether it is too late to begin anything."""
        left = self.seconds_left()
        return left is not None and left <= 0


NEVER = Deadline()


class OutOfTime(Exception):
    """The deadline has passed with work left. The message says how much was done, and of how much."""


def zone(name: str) -> ZoneInfo:
    """The time zone of this name. Raises BadInput where there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:  # an unknown name, a folder, a path
        raise BadValue("timezone", name, "it must be a name such as Europe/Berlin or UTC") from error


def _next(finish_by: str, zone: ZoneInfo | None, now: datetime) -> datetime:
    if not re.match(CLOCK_TIME, finish_by):
        raise BadValue("finish_by", finish_by, "it must be hours and minutes, as 06:30")
    hour, minute = map(int, finish_by.split(":"))
    here = now.astimezone(zone)
    # Days are counted on the calendar: the night in which clocks change has 23 or 25 hours.
    for days in (0, 1):
        day = here.date() + timedelta(days=days)
        naive = datetime(day.year, day.month, day.day, hour, minute)
        moment = (naive.replace(tzinfo=zone) if zone else naive.astimezone()).astimezone(UTC)
        if moment > now:
            return moment
    raise AssertionError("tomorrow's time is later than now")
