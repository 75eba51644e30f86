"""What an output that is no class says of a labelled set."""

import numpy as np
import pytest

from lib.analysis.outputs import sum_up_labels, sum_up_values

PROBABILITIES = np.array([[0.9, 0.8], [0.5, 0.1], [0.2, 0.7], [0.4, 0.3]])
LABELS = np.array([0, 0, 1, 1])


def test_each_label_is_right_or_wrong_by_itself() -> None:
    first, second = sum_up_labels(PROBABILITIES, LABELS, ["cat", "dog"])
    assert first == {"name": "cat", "accuracy": 1.0, "has": 0.5, "given": 0.5}
    assert second == {"name": "dog", "accuracy": 0.5, "has": 0.5, "given": 0.5}


def test_labels_of_another_number_than_the_sets_classes_are_neither_right_nor_wrong() -> None:
    found = sum_up_labels(PROBABILITIES, LABELS, ["a", "b", "c"])
    assert [(one["name"], one["accuracy"], one["has"]) for one in found] == [("0", None, None), ("1", None, None)]


def test_values_are_summed_up_each_by_itself() -> None:
    low, high = sum_up_values(np.array([[1.0, -2.0], [3.0, 2.0]], np.float32))
    assert low == {"mean": 2.0, "deviation": 1.0, "least": 1.0, "greatest": 3.0}
    assert high["mean"] == pytest.approx(0.0)
