"""The deadline of a run: a time of the clock, or so many minutes."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.deadline import Deadline
from lib.errors import BadInput

EVENING = datetime(2026, 11, 22, 23, 30, tzinfo=ZoneInfo("Europe/Berlin"))
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])


def test_finish_by_is_the_next_time_the_clock_shows_it() -> None:
    def of(text: str) -> datetime | None:
        return Deadline.of(text, "Europe/Berlin", None, now=EVENING).at

    assert of("06:30") == datetime(2026, 11, 23, 6, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    assert of("23:31") == EVENING + timedelta(minutes=1)
    assert of("23:30") == EVENING + timedelta(days=1)


def test_the_time_zone_is_that_of_the_clock() -> None:
    assert Deadline.of("06:30", "UTC", None, now=EVENING).at == datetime(2026, 11, 23, 6, 30, tzinfo=UTC)


@given(MOMENTS, ZONES, st.integers(0, 23), st.integers(0, 59))
def test_it_lies_ahead_by_a_day_at_most_also_where_clocks_change(
    now: datetime, zone: str, hour: int, minute: int
) -> None:
    left = Deadline.of(f"{hour:02}:{minute:02}", zone, None, now=now).seconds_left(now)
    assert left is not None
    assert 0 < left <= 26 * 3600


@pytest.mark.parametrize(
    ("begun", "hours"),
    [
        ("2027-03-28T01:00:00+01:00", 4.5),  # the clock goes from 02:00 to 03:00
        ("2027-10-31T01:00:00+02:00", 6.5),  # and from 03:00 to 02:00
        ("2027-10-30T01:00:00+02:00", 5.5),
    ],
)
def test_in_the_nights_in_which_clocks_change_it_is_the_time_that_the_clock_shows(begun: str, hours: float) -> None:
    now = datetime.fromisoformat(begun)
    assert Deadline.of("06:30", "Europe/Berlin", None, now=now).seconds_left(now) == 3600 * hours


@given(MOMENTS, st.floats(0.1, 10_000))
def test_a_budget_counts_from_now_and_the_earlier_of_both_holds(now: datetime, minutes: float) -> None:
    assert Deadline.of(None, None, minutes, now=now).at == now + timedelta(minutes=minutes)
    both = Deadline.of("06:00", "UTC", minutes, now=now).at
    clock = Deadline.of("06:00", "UTC", None, now=now).at
    assert clock is not None
    assert both == min(clock, now + timedelta(minutes=minutes))


def test_without_either_there_is_no_deadline() -> None:
    never = Deadline.of(None, None, None)
    assert never.seconds_left() is None
    assert not never.passed


def test_it_has_passed_when_its_moment_has() -> None:
    assert Deadline(datetime.now(UTC) - timedelta(seconds=1)).passed
    assert not Deadline(datetime.now(UTC) + timedelta(minutes=1)).passed


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        (("6:30", None, None), "as 06:30"),
        (("24:00", None, None), "as 06:30"),
        (("06:30", "Berlin", None), "Europe/Berlin"),
        (("06:30", "", None), "Europe/Berlin"),
        (("06:30", "../etc", None), "Europe/Berlin"),
        ((None, None, 0.0), "above 0"),
        ((None, None, float("nan")), "above 0"),
    ],
)
def test_what_is_no_time_is_refused(given_: tuple[str | None, str | None, float | None], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        Deadline.of(*given_)
