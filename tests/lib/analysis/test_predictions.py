"""Predictions against plain Python, one image after another."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.analysis.predictions import NOTHING, Predictions
from lib.errors import BadInput

CLASSES = 4
# few values, so that many tie; and what a broken network gives
SOME_PROBABILITY = st.sampled_from([0.0, 0.25, 0.5, 0.75, float("nan"), float("inf")])
ROWS = st.lists(
    st.tuples(st.lists(SOME_PROBABILITY, min_size=CLASSES, max_size=CLASSES), st.integers(0, CLASSES - 1)),
    min_size=1,
    max_size=25,
)


def predictions(rows: list[tuple[list[float], int]]) -> Predictions:
    return Predictions(np.array([row for row, _ in rows], np.float32), np.array([label for _, label in rows]))


def by_hand(row: list[float]) -> tuple[int, int, float] | None:
    """Called, runner-up, margin."""
    if not all(np.isfinite(row)):
        return None
    first, second, *_ = sorted(range(CLASSES), key=lambda k: (-row[k], k))
    return first, second, row[first] - row[second]


@given(ROWS)
def test_what_images_are_called_and_how_surely_is_as_by_hand(rows) -> None:
    found = predictions(rows)
    for at, (row, _) in enumerate(rows):
        expected = by_hand(row)
        if expected is None:
            assert found.predicted[at] == found.runner_up[at] == NOTHING
            assert np.isnan(found.margins[at])
        else:
            assert (found.predicted[at], found.runner_up[at], found.margins[at]) == expected


@given(ROWS)
def test_counts_are_as_by_hand(rows) -> None:
    found = predictions(rows)
    called = [answer[0] if (answer := by_hand(row)) else NOTHING for row, _ in rows]
    counts = Counter((label, call) for (_, label), call in zip(rows, called, strict=True))
    for label in range(CLASSES):
        for call in range(CLASSES):
            assert found.confusion[label, call] == counts[label, call] == len(found.cell(label, call))
    right = sum(call == label for (_, label), call in zip(rows, called, strict=True))
    assert found.accuracy == right / len(rows)
    assert [call == label for (_, label), call in zip(rows, called, strict=True)] == [
        at not in found.errors for at in range(len(rows))
    ]


@given(ROWS, st.integers(1, 5))
def test_the_smallest_margins_of_every_pair_are_the_first_of_a_full_sort(rows, most) -> None:
    expected: dict[tuple[int, int], list[tuple[float, int]]] = {}
    for at, (row, _) in enumerate(rows):
        if answer := by_hand(row):
            low, high = sorted(answer[:2])
            expected.setdefault((low, high), []).append((answer[2], at))
    found = predictions(rows).smallest_margins(most)
    assert list(found) == sorted(expected)
    for pair, images in found.items():
        assert images.tolist() == [at for _, at in sorted(expected[pair])[:most]]


@given(ROWS, st.integers(0, CLASSES - 1), st.integers(1, 5))
def test_clear_and_unclear_images_are_right_ones_in_order(rows, label, most) -> None:
    found = predictions(rows)
    right = [at for at, (row, truth) in enumerate(rows) if truth == label and (by_hand(row) or [None])[0] == label]
    margins = [-by_hand(rows[at][0])[2] for at in right]
    assert found.clear(label, most).tolist() == [at for _, at in sorted(zip(margins, right, strict=True))[:most]]
    against = (label + 1) % CLASSES
    ahead = [rows[at][0][label] - rows[at][0][against] for at in right]
    assert found.unclear(label, against, most).tolist() == [
        at for _, at in sorted(zip(ahead, right, strict=True))[:most]
    ]


def test_the_images_of_a_cell_have_the_smallest_margin_first() -> None:
    found = predictions([([0.1, 0.9, 0, 0], 0), ([0.3, 0.7, 0, 0], 0), ([0, 0.6, 0.4, 0], 0), ([0.9, 0.1, 0, 0], 0)])
    assert found.cell(0, 1).tolist() == [2, 1, 0]
    assert found.cell(0, 0).tolist() == [3]
    assert found.cell(3, 3).tolist() == []


def test_the_most_confused_pair_counts_both_ways() -> None:
    two_way = [([0, 1, 0, 0], 2), ([0, 0, 1, 0], 1), ([0, 0, 0, 1], 0)]
    assert predictions(two_way).most_confused() == (1, 2)
    one_each = [([0, 0, 0, 1], 2), ([0, 1, 0, 0], 0)]
    assert predictions(one_each).most_confused() == (0, 1)


def test_without_an_error_the_closest_decision_says_which_pair() -> None:
    right = [([0.9, 0, 0.1, 0], 0), ([0, 0.45, 0, 0.55], 3)]
    assert predictions(right).most_confused() == (1, 3)
    nothing = [([float("nan")] * 4, 0)]
    assert predictions(nothing).most_confused() == (0, 1)


@pytest.mark.parametrize(
    ("shape", "labels", "message"),
    [
        ((0, 3), [], "one image"),
        ((2, 1), [0, 0], "two classes"),
        ((2,), [0, 0], "two classes"),
        ((2, 3), [0], "2 images"),
        ((2, 3), [0, 3], "image 1 has the label 3"),
        ((2, 3), [-1, 0], "image 0 has the label -1"),
    ],
)
def test_what_are_no_predictions_is_refused(shape, labels, message) -> None:
    with pytest.raises(BadInput, match=message):
        Predictions(np.zeros(shape, np.float32), np.array(labels, np.int64))
