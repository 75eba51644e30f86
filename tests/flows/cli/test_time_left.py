"""About how long something will still take."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.cli import time_left
from flows.cli.time_left import TimeLeft


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, as its only element."""
    now = [1000.0]
    monkeypatch.setattr(time_left.time, "monotonic", lambda: now[0])
    return now


def test_nothing_is_said_before_something_follows_from_what_was_seen(clock: list[float]) -> None:
    left = TimeLeft()
    assert left.seconds(10_000) is None
    clock[0] += 1
    left.note(1)
    assert left.seconds(10_000) is None  # else three hours, of one second
    clock[0] += 60
    assert TimeLeft().seconds(10) is None


def test_at_a_steady_pace_it_goes_down_with_the_clock(clock: list[float]) -> None:
    left = TimeLeft()
    for done in range(1, 6):
        clock[0] += 4
        left.note(done)
    assert left.seconds(10) == pytest.approx(20)
    clock[0] += 3
    assert left.seconds(10) == pytest.approx(17)
    clock[0] += 1
    left.note(6)
    assert left.seconds(10) == pytest.approx(16)


def test_while_the_next_one_takes_longer_it_grows(clock: list[float]) -> None:
    left = TimeLeft()
    clock[0] += 4
    left.note(1)
    seen = []
    for _ in range(10):
        clock[0] += 4
        seen.append(left.seconds(10))
    assert seen == sorted(seen, key=lambda seconds: seconds or 0)
    assert len(set(seen)) == len(seen)


def test_what_the_store_had_already_is_forgotten_after_a_while(clock: list[float]) -> None:
    left = TimeLeft()
    left.note(1000)
    for done in range(1001, 1021):
        clock[0] += 10
        left.note(done)
    assert left.seconds(1100) == pytest.approx(800, rel=0.05)


def test_what_was_there_before_says_nothing_of_how_long_others_take(clock: list[float]) -> None:
    left = TimeLeft()
    for there in range(10, 501, 10):
        clock[0] += 0.5  # to look for them takes a while as well
        left.note(there, there)
        assert left.seconds(600) is None
    for made in range(1, 11):
        clock[0] += 10
        left.note(500 + made, 500)
        assert left.seconds(600) == pytest.approx(10 * (100 - made), rel=0.01)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.floats(0, 500), st.integers(0, 50)), min_size=1, max_size=40))
def test_it_is_never_below_zero_and_never_stands_still(clock: list[float], steps: list[tuple[float, int]]) -> None:
    total = sum(more for _, more in steps) + 1
    left, done = TimeLeft(), 0
    for seconds, more in steps:
        clock[0] += seconds
        done += more
        left.note(done)
        before = left.seconds(total)
        clock[0] += 5
        after = left.seconds(total)
        assert before is None or before >= 0
        assert after is None or after != before
