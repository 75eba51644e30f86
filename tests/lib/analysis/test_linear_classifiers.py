"""What is linear to read is read, and what is not is not."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl

from lib.analysis.classifier import classifier_of
from lib.analysis.linear_classifiers import MOST_FEATURES, NETWORK, PIXELS, Row, linear_classifiers
from lib.analysis.probe_fit import PENALTIES
from lib.errors import BadInput

SIDE = 6


def corners(count: int, seed: int) -> tuple[Any, Any]:
    """Three classes: two opposite corners alike (0), unlike (1), or a bright middle (2).

    0 and 1 are told apart by no linear classifier of the pixels, and by one of the absolute difference of the corners.
    """
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, count)
    images = random.normal(scale=0.05, size=(count, SIDE, SIDE, 1))
    signs = random.choice([-1.0, 1.0], (count, 2))
    signs[:, 1] = np.where(labels == 0, signs[:, 0], np.where(labels == 1, -signs[:, 0], signs[:, 1]))
    images[:, 0, 0, 0] += signs[:, 0]
    images[:, 0, 1, 0] += signs[:, 1]
    images[:, 4, 4, 0] += np.where(labels == 2, 3.0, 0.0)
    return images.astype(np.float32), labels


@pytest.fixture(scope="module")
def model() -> Any:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            kl.Input((SIDE, SIDE, 1)),
            kl.Conv2D(2, 2, activation="relu", name="differences"),
            kl.Flatten(),
            kl.Dense(3, activation="softmax", name="classes"),
        ]
    )
    kernel = np.zeros((2, 2, 1, 2))
    kernel[0, 0, 0], kernel[0, 1, 0] = (1, -1), (-1, 1)
    model.get_layer("differences").set_weights([kernel, np.zeros(2)])
    return model


TRAIN, TEST = corners(600, 1), corners(400, 2)


@pytest.fixture(scope="module")
def rows(model: Any) -> list[Row]:
    return list(linear_classifiers(model, ["differences"], TRAIN, TEST, pair=(0, 1)))


def test_a_row_a_layer_between_the_pixels_and_the_network(rows: list[Row]) -> None:
    assert [(row.layer, row.features) for row in rows] == [(PIXELS, 36), ("differences", 50), (NETWORK, 36)]


def test_the_layer_makes_linear_what_the_pixels_do_not(rows: list[Row]) -> None:
    pixels, differences, _ = rows
    assert 0.4 < pixels.pair < 0.6
    assert differences.pair > 0.99
    assert differences.all > 0.97 > 0.8 > pixels.all


def test_the_networks_own_row_is_its_own_accuracy(model: Any, rows: list[Row]) -> None:
    classifier = classifier_of(model)
    assert classifier is not None
    probabilities = classifier.of(TEST[0]).probabilities
    assert rows[-1].all == pytest.approx((probabilities.argmax(1) == TEST[1]).mean())
    of_pair = TEST[1] < 2
    assert rows[-1].pair == pytest.approx((probabilities[of_pair, :2].argmax(1) == TEST[1][of_pair]).mean())


def test_the_same_seed_draws_the_same_images(model: Any) -> None:
    few = {"pair": (0, 1), "most_train": 60, "most_test": 50}
    first, same, other = (
        list(linear_classifiers(model, ["differences"], TRAIN, TEST, seed=seed, **few)) for seed in (3, 3, 4)
    )
    assert first == same
    assert first != other


def test_a_row_is_made_when_it_is_asked_for_and_told_before(model: Any) -> None:
    told: list[str] = []
    rows = linear_classifiers(model, ["differences"], TRAIN, TEST, pair=(0, 1), progress=told.append)
    assert told == []
    next(rows)
    assert told == [PIXELS]
    list(rows)
    assert told == [PIXELS, "differences", NETWORK]


def test_wide_layers_are_averaged_until_they_are_small_enough() -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([kl.Input((75, 61, 1)), kl.Conv2D(16, 1, name="wide")])
    random = np.random.default_rng(0)
    labels = np.arange(20) % 2
    images = (random.normal(size=(20, 75, 61, 1)) + labels[:, None, None, None]).astype(np.float32)
    wide = list(linear_classifiers(model, ["wide"], (images, labels), (images, labels), pair=(0, 1)))[1]
    assert wide.features == 38 * 31 * 16 <= MOST_FEATURES < 75 * 61 * 16
    assert wide.all == wide.pair == 1.0


def test_a_pair_without_images_is_refused(model: Any) -> None:
    for pair in ((0, 0), (0, 7)):
        with pytest.raises(BadInput, match="need training images of both"):
            next(linear_classifiers(model, [], TRAIN, TEST, pair=pair))
    with pytest.raises(BadInput, match="no test images"):
        next(linear_classifiers(model, [], TRAIN, (TEST[0][:0], TEST[1][:0]), pair=(0, 1)))


def test_each_accuracy_has_an_interval_that_it_lies_in_and_the_probes_have_a_penalty(rows: list[Row]) -> None:
    for row in rows:
        for share, (low, high) in ((row.all, row.all_interval), (row.pair, row.pair_interval)):
            assert 0 <= low <= share <= high <= 1
            assert 0.005 < high - low < 0.2
    assert [row.all_penalty is None for row in rows] == [False, False, True]
    assert {row.pair_penalty for row in rows[:2]} <= set(PENALTIES)
