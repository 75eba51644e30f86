"""What a dream optimises: a number a position, against its definition in NumPy."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as kl

from lib.dream.mixture import Mixture
from lib.dream.objective import DreamObjective
from lib.errors import BadInput
from lib.network.adapt import adapt
from lib.network.pixels import Pixels
from lib.network.trunk import responses_of
from lib.oips.objective import LEAK


@pytest.fixture(scope="module")
def model() -> Any:
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            kl.Input((16, 14, 1)),
            kl.Conv2D(4, 3, activation="relu", name="one"),
            kl.MaxPooling2D(),
            kl.Conv2D(6, 3, name="linear"),
            kl.Conv2D(5, 3, activation="relu", name="two"),
            kl.Flatten(),
            kl.Dense(7, activation="relu", name="nodes"),
            kl.Dense(3, activation="softmax", name="classes"),
        ]
    )


def objective(model: Any, text: str, **how: Any) -> DreamObjective:
    return DreamObjective(model, Mixture.parse(text), **how)


def images(count: int = 3) -> Any:
    return np.random.default_rng(1).random((count, 16, 14, 1)).astype(np.float32)


def maps(model: Any, layer: str, x: Any = None) -> tuple[Any, Any]:
    after, before = responses_of(model, [layer]).maps(images() if x is None else x)[layer]
    return np.asarray(after, np.float64), np.asarray(before, np.float64)


def assert_value(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_all_maps_count_by_their_squares(model: Any) -> None:
    after, before = maps(model, "one")
    found = objective(model, "one").positions("one", after, before)
    assert found.shape == (3, 14, 12)
    assert_value(found, (after**2).mean(-1) + LEAK * before.mean(-1))


def test_a_unit_counts_by_its_activation_and_a_little_below_its_threshold(model: Any) -> None:
    after, before = maps(model, "two")
    assert_value(objective(model, "-2*two/3").positions("two", after, before), -2 * (after + LEAK * before)[..., 3])


def test_a_direction_has_length_one(model: Any) -> None:
    after, before = maps(model, "two")
    expected = (after + LEAK * before) @ np.array([0, 3, 0, -4, 0]) / 5
    for text in ("two[1:3, 3:-4]", "two[1:0.75, 3:-1]"):
        assert_value(objective(model, text).positions("two", after, before), expected)


def test_linear_units_and_classes_count_as_they_are(model: Any) -> None:
    for layer in ("linear", "classes"):
        after, before = maps(model, layer)
        assert_value(after, before)
        assert_value(objective(model, f"{layer}/2").positions(layer, after, before), before[..., 2])
        assert_value(objective(model, layer).positions(layer, after, before), (before**2).mean(-1))


def test_the_value_of_an_image_is_the_mean_of_its_positions(model: Any) -> None:
    for layer in ("two/1", "nodes/6", "classes"):
        mixture = objective(model, layer)
        (name,) = mixture.layers
        after, before = maps(model, name)
        expected = np.asarray(mixture.positions(name, after, before)).reshape(3, -1).mean(1)
        assert_value(mixture.value({name: (tf.constant(after), tf.constant(before))}), expected)


def test_terms_of_a_mixture_pull_alike(model: Any) -> None:
    """By the gradients of each at an image that is none of those that they were measured with."""
    lengths = {}
    for text in ("one", "two/3", "nodes/2"):
        both = objective(model, f"{text} + 1e-9*{text}")  # two terms, so that they are made comparable
        x = tf.constant(images())
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = tf.reduce_sum(both.value(responses_of(model, both.layers).maps(x)))
        lengths[text] = float(tf.sqrt(tf.reduce_mean(tape.gradient(value, x) ** 2)))
    assert max(lengths.values()) < 5 * min(lengths.values())


def test_weights_say_how_much_is_whose(model: Any) -> None:
    after, before = maps(model, "two")
    one, three = (
        objective(model, text).positions("two", after, before) for text in ("two/1 + two/2", "two/1 + 3*two/2")
    )
    only = np.asarray(three) - np.asarray(one)
    np.testing.assert_allclose(np.corrcoef(only.ravel(), (after + LEAK * before)[..., 2].ravel())[0, 1], 1, atol=1e-6)


@pytest.mark.parametrize("shape", [(16, 14, 1), (30, 41, 1), (400, 300, 1)])
def test_a_guide_counts_by_the_most_alike_of_its_positions(model: Any, shape: tuple[int, int, int]) -> None:
    guide = np.random.default_rng(5).random(shape).astype(np.float32)
    after, before = maps(model, "one")
    found = np.asarray(objective(model, "one", guide=guide).positions("one", after, before))
    live = after + LEAK * before
    assert (found <= np.linalg.norm(live, axis=-1) + 1e-5).all(), "what the guide has there has length one"
    assert found.std() > 0
    if shape == (16, 14, 1):  # as it is; of 168 positions all are looked at
        own, _ = maps(model, "one", guide[None])
        own = own.reshape(-1, 4)
        own = own[np.linalg.norm(own, axis=1) > 0]
        own /= np.linalg.norm(own, axis=1, keepdims=True)
        assert_value(found, (live @ own.T).max(-1))


def test_a_guide_leads_a_unit_and_a_dense_layer_too(model: Any) -> None:
    guide = np.random.default_rng(5).random((20, 20, 1)).astype(np.float32)
    after, before = maps(model, "nodes")
    assert objective(model, "nodes", guide=guide).positions("nodes", after, before).shape == (3,)
    after, before = maps(model, "two")
    unit = int(after.mean((0, 1, 2)).argmax())
    found = np.asarray(objective(model, f"two/{unit}", guide=guide).positions("two", after, before))
    live = (after + LEAK * before)[..., unit]
    ratios = found[live > 0] / live[live > 0]
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-4)


def test_a_guide_to_which_nothing_responds_is_refused() -> None:
    model = keras.Sequential([kl.Input((8, 8, 1)), kl.Conv2D(2, 3, activation="relu", use_bias=False, name="maps")])
    with pytest.raises(BadInput, match="nothing in maps responds to the guide"):
        objective(model, "maps", guide=np.zeros((9, 9, 1), np.float32))
    grey = adapt(model, Pixels.parse("-1..1"))  # which black is not nothing to
    objective(grey, "maps", guide=np.zeros((9, 9, 1), np.float32))
