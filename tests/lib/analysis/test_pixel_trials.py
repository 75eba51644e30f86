"""Trying candidates: chosen is what the network takes, and only where that is clear."""

from functools import cache
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers as kl

from lib.analysis.pixel_trials import (
    MOST,
    Trial,
    candidates,
    choose,
    find_by_trial,
    how_many,
    pick_evenly,
    share_that_tells,
    try_pixels,
)
from lib.analysis.predictions import Predictions
from lib.arrays import Floats, Integers
from lib.network.pixels import Pixels, named

HUES = np.array([(0.85, 0.2, 0.2), (0.2, 0.8, 0.25), (0.2, 0.25, 0.9), (0.7, 0.7, 0.2)])


def pictures(count: int, seed: int) -> tuple[Floats, Integers]:
    """A spot of one of four colours on dark noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, count)
    images = rng.uniform(0, 0.4, (count, 12, 12, 3))
    for image, label in zip(images, labels, strict=True):
        y, x = rng.integers(0, 7, 2)
        image[y : y + 5, x : x + 5] = HUES[label] + rng.normal(0, 0.12, 3)
    return np.clip(images, 0, 1).astype(np.float32), labels


@cache
def trained(declared: str, kind: str = "plain") -> Any:
    """A network that takes these pixels and knows the colours."""
    keras.utils.set_random_seed(1)
    front = {"plain": [], "normalised first": [kl.BatchNormalization()], "own": [PerPicture()]}[kind]
    model = keras.Sequential(
        [
            kl.Input((12, 12, 3)),
            *front,
            kl.Conv2D(8, 3, activation="relu"),
            kl.MaxPooling2D(),
            kl.Conv2D(12, 3, activation="relu"),
            kl.GlobalMaxPooling2D(),
            kl.Dense(4, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    images, labels = pictures(600, 0)
    model.fit(Pixels.parse(declared).to_network(images), labels, epochs=8, verbose=0)
    return model


class PerPicture(kl.Layer):  # type: ignore[misc]
    """Whatever comes in leaves with mean 0 and deviation 1."""

    def call(self, x: Any) -> Any:
        mean = keras.ops.mean(x, axis=(1, 2, 3), keepdims=True)
        return (x - mean) / (1e-6 + keras.ops.std(x, axis=(1, 2, 3), keepdims=True))


TEST = pictures(200, 1)


@pytest.mark.parametrize("declared", ["0..1", "-1..1", "0..255", "caffe", "torch"])
def test_what_a_network_was_trained_with_is_chosen_or_nothing_is(declared: str) -> None:
    choice = find_by_trial(trained(declared), *TEST, 4)
    assert choice.chosen is None or str(choice.chosen.pixels) == declared
    best = max(choice.trials, key=lambda one: one.right.mean())
    assert str(best.pixels) == declared or best.right.mean() > 0.9
    assert f"{declared} " in str(choice)


def test_it_is_chosen_where_nothing_else_does() -> None:
    choice = find_by_trial(trained("0..255"), *TEST, 4)
    assert choice.chosen is not None
    assert str(choice.chosen.pixels) == "0..255"


@pytest.mark.parametrize("declared", ["0/1:BGR", "0.8/0.1"])
def test_what_is_none_of_the_candidates_is_never_taken_for_one(declared: str) -> None:
    choice = find_by_trial(trained(declared), *TEST, 4)
    assert choice.chosen is None or str(choice.chosen.pixels) == declared


def test_what_does_equally_well_with_all_is_asked_for() -> None:
    choice = find_by_trial(trained("0..1", "own"), *TEST, 4)
    assert min(one.right.mean() for one in choice.trials[:3]) > 0.9
    assert choice.chosen is None


def test_random_weights_are_asked_for() -> None:
    for seed in range(6):
        keras.utils.set_random_seed(seed)
        model = keras.Sequential(
            [
                kl.Input((12, 12, 3)),
                kl.Conv2D(8, 3, activation="relu"),
                kl.GlobalMaxPooling2D(),
                kl.Dense(4, activation="softmax"),
            ]
        )
        assert find_by_trial(model, *TEST, 4).chosen is None


def test_few_pictures_decide_nothing() -> None:
    images, labels = TEST
    choice = find_by_trial(trained("0..255"), images[:8], labels[:8], 4)
    assert choice.chosen is None


def test_classes_in_another_order_are_said_and_nothing_is_chosen() -> None:
    images, labels = TEST
    choice = find_by_trial(trained("0..255"), images, (labels + 1) % 4, 4)
    assert choice.chosen is None
    assert choice.order is not None
    assert choice.order.outputs == (3, 0, 1, 2)


def test_colours_in_the_other_order_are_not_taken_for_classes_in_another() -> None:
    choice = find_by_trial(trained("0/1:BGR"), *TEST, 4)
    assert choice.order is None
    assert choice.chosen is None
    assert "BGR" in str(choice)


def test_where_colours_do_not_matter_their_order_is_asked_for() -> None:
    images, labels = pictures(240, 5)
    grey = np.repeat(images.mean(axis=-1, keepdims=True), 3, axis=-1)
    grey[labels == 0] *= 0.2  # told by brightness alone
    marked = (labels != 0).astype(np.int64)
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [kl.Input((12, 12, 3)), kl.Conv2D(4, 3, activation="relu"), kl.Flatten(), kl.Dense(2, activation="softmax")]
    )
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(Pixels.parse("0..255").to_network(grey), marked, epochs=12, verbose=0)
    assert find_by_trial(model, grey, marked, 2).chosen is None


def test_of_large_pictures_fewer_are_looked_at() -> None:
    assert how_many(28, 28, labelled=True) == MOST
    assert how_many(28, 28, labelled=True) > how_many(128, 128, labelled=True) > how_many(224, 224, labelled=True)
    assert how_many(8, 8, labelled=False) < MOST


def test_without_labels_or_with_others_the_spread_of_responses_is_what_there_is() -> None:
    images, labels = TEST
    for given_labels, classes in ((None, None), (labels, 7)):
        choice = find_by_trial(trained("0..255"), images, given_labels, classes)
        assert all(one.predictions is None and 0 <= (one.spread or 0) <= 1 for one in choice.trials)
        assert str(choice).startswith("units that respond otherwise to other images: 0..1 ")
        assert choice.chosen is None or str(choice.chosen.pixels) == "0..255"
    assert try_pixels(trained("0..255"), Pixels(), images, labels, 7) is None


def test_a_trial_is_what_keras_predicts() -> None:
    images, labels = TEST
    model = trained("caffe")
    trial = try_pixels(model, Pixels.parse("caffe"), images, labels, 4)
    assert trial is not None
    assert trial.predictions is not None
    prepared = keras.applications.imagenet_utils.preprocess_input(255 * images, mode="caffe")
    np.testing.assert_allclose(trial.predictions.probabilities, model.predict(prepared, verbose=0), atol=1e-4)


def test_candidates_are_those_that_the_channels_admit() -> None:
    assert list(candidates(3)) == list(named())
    assert list(candidates(1)) == ["0..1", "-1..1", "0..255"]


def made_up(rights: list[float], seed: int, count: int = 200) -> list[Trial]:
    """Trials of these accuracies, sure of what is right."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 4
    trials = []
    for right, pixels in zip(rights, named().values(), strict=False):
        called = np.where(rng.random(count) < right, labels, rng.integers(0, 4, count))
        probabilities = np.full((count, 4), 0.02)
        probabilities[np.arange(count), called] = 0.94
        trials.append(Trial(pixels, Predictions(probabilities, labels)))
    return trials


@given(st.lists(st.floats(0, 1), min_size=2, max_size=5), st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_none_is_chosen_that_is_not_the_best_by_far(rights: list[float], seed: int) -> None:
    trials = made_up(rights, seed)
    chosen = choose(trials).chosen
    accuracies = sorted((float(one.right.mean()) for one in trials), reverse=True)
    if chosen is not None:
        assert float(chosen.right.mean()) == accuracies[0] > accuracies[1]
        assert accuracies[0] > 0.6
    if accuracies[0] < 0.55 or accuracies[0] - accuracies[1] < 0.02:
        assert chosen is None


@given(st.floats(0.86, 0.92), st.lists(st.floats(0, 0.4), min_size=1, max_size=4), st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_the_best_by_far_is_chosen_unless_a_rival_is_better(right: float, others: list[float], seed: int) -> None:
    best, *rest = made_up([right, *others], seed)
    assert choose([*rest, best]).chosen is best
    assert choose([*rest, best], [rest[0], best]).chosen is best
    (rival,) = made_up([1.0], seed)
    assert choose([*rest, best], [rival]).chosen is None


@given(st.lists(st.integers(0, 7), min_size=1, max_size=900), st.integers(1, 300))
def test_pictures_are_picked_as_evenly_as_there_are_some(labels: list[int], most: int) -> None:
    numbers = np.array(labels)
    picked = pick_evenly(numbers, len(labels), most)
    assert len(picked) == len(set(picked.tolist())) == min(most, len(labels))
    assert (np.diff(picked) > 0).all()
    there, chosen = np.bincount(numbers, minlength=8), np.bincount(numbers[picked], minlength=8)
    short = chosen < there
    if short.any():
        assert chosen.max() - chosen[short].min() <= 1
    np.testing.assert_array_equal(picked, pick_evenly(numbers, len(labels), most))


def test_of_many_classes_those_from_first_to_last_are_picked() -> None:
    picked = pick_evenly(np.arange(1000), 1000)
    assert len(picked) == MOST
    assert picked[0] == 0
    assert picked[-1] == 999
    assert len(pick_evenly(None, 1000)) == MOST
    assert pick_evenly(None, 3).tolist() == [0, 1, 2]


def test_units_tell_pictures_apart_where_they_deviate() -> None:
    still, lively = np.full((50, 3), 2.0), np.random.default_rng(0).random((50, 5))
    assert share_that_tells(np.concatenate([still, lively], axis=1)) == pytest.approx(5 / 8)
    assert share_that_tells(np.zeros((50, 4))) == 0
    assert share_that_tells(np.full((5, 2), np.nan)) == 0
