"""What an accuracy is worth."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.analysis.accuracy import majority_share, wilson_interval


@pytest.mark.parametrize(
    ("right", "count", "expected"),
    # of Newcombe, Statistics in Medicine 17 (1998), table I: Wilson's without correction
    [(81, 263, (0.2553, 0.3662)), (15, 148, (0.0624, 0.1605)), (0, 20, (0.0, 0.1611)), (1, 29, (0.0061, 0.1718))],
)
def test_intervals_are_those_that_were_published(right: int, count: int, expected: tuple[float, float]) -> None:
    assert wilson_interval(right, count) == pytest.approx(expected, abs=5e-5)


@given(st.integers(1, 10**5), st.data())
def test_the_ends_are_where_the_share_is_that_many_deviations_away(count: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, count))
    share = right / count
    low, high = wilson_interval(right, count)
    assert 0 <= low <= share <= high <= 1
    for end in (low, high):
        if 0 < end < 1:
            assert abs(end - share) == pytest.approx(1.959963984540054 * math.sqrt(end * (1 - end) / count), rel=1e-6)


def test_of_no_image_nothing_is_known() -> None:
    assert all(map(math.isnan, wilson_interval(0, 0)))
    assert math.isnan(majority_share(np.array([], np.int64), np.array([1])))


def test_the_majority_is_that_of_the_training_images() -> None:
    assert majority_share(np.array([0, 1, 1, 2]), np.array([1, 0, 0, 2])) == 0.25
    assert majority_share(np.array([2, 0]), np.array([0, 0, 2])) == pytest.approx(2 / 3)
