"""How long an image-step took, from when searches began and ended."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.sweep.image_steps import Searched, milliseconds

NIGHT = datetime(2026, 11, 28, 1, tzinfo=UTC)


def searched(layer: str, run: str, steps: int, begun: float, ended: float) -> Searched:
    """A search from one second of the night to another."""
    stamps = [(NIGHT + timedelta(seconds=second)).isoformat() for second in (begun, ended)]
    return Searched(layer, run, steps, stamps[0], stamps[1])


def test_searches_at_the_same_time_count_once_and_gaps_not_at_all() -> None:
    searches = [
        searched("first", "a", 500, 0, 2),
        searched("first", "a", 500, 1, 3),  # beside the one before
        searched("first", "a", 1000, 3600, 3601),  # an hour later, after a deadline
        searched("second", "a", 100, 3, 4),
    ]
    assert milliseconds(searches) == {"first": pytest.approx(4000 / 2000), "second": pytest.approx(10.0)}


def test_the_latest_run_of_a_layer_counts() -> None:
    searches = [searched("first", "new", 10, 100, 101), searched("first", "old", 1000, 0, 1)]
    assert milliseconds(searches) == {"first": pytest.approx(100.0)}


def test_what_was_not_measured_is_left_out() -> None:
    assert milliseconds([searched("first", "a", 0, 0, 1), searched("second", "a", 10, 5, 5)]) == {}


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(1, 500)), min_size=1))
def test_the_seconds_are_those_in_which_something_was_at_work(spans: list[tuple[int, int, int]]) -> None:
    at_work = {second for begun, length, _ in spans for second in range(begun, begun + length)}
    found = milliseconds([searched("first", "a", steps, begun, begun + length) for begun, length, steps in spans])
    if not at_work:
        assert found == {}
    else:
        assert found["first"] == pytest.approx(1000 * len(at_work) / sum(steps for *_, steps in spans))
