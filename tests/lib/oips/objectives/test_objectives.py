"""Objectives against NumPy, and the leak that leads out of the ReLU's dead zone."""

import numpy as np
import pytest
import tensorflow as tf

from lib.oips.objective import LEAK, OBJECTIVES

EXPECTED = {
    "response": lambda before, after, axes: after.mean(axes) + 0.01 * before.mean(axes),
    "pre-activation": lambda before, after, axes: before.mean(axes),
    "peak": lambda before, after, axes: before.max(axes),
    "negative": lambda before, after, axes: -before.mean(axes),
}
OFFERED = [name for name, objective in OBJECTIVES.items() if objective.offered]


@pytest.mark.parametrize("shape", [(5, 4, 3), (5,)], ids=["map", "node"])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_an_objective_is_one_number_an_image(name: str, shape: tuple[int, ...]) -> None:
    before = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    after = np.maximum(before, 0)
    axes = tuple(range(1, len(shape)))
    found = OBJECTIVES[name].value(tf.constant(before), tf.constant(after))
    np.testing.assert_allclose(found, EXPECTED[name](before, after, axes), rtol=1e-5)


@pytest.mark.parametrize("shape", [(2, 4, 3), (2,)], ids=["map", "node"])
@pytest.mark.parametrize("name", OFFERED)
def test_below_the_threshold_there_is_still_a_way_up(name: str, shape: tuple[int, ...]) -> None:
    before = tf.constant(-1 - np.random.default_rng(1).random(shape), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(before)
        optimised = OBJECTIVES[name].value(before, tf.nn.relu(before))
    gradient = np.asarray(tape.gradient(optimised, before))
    assert (gradient.reshape(2, -1).max(1) > 0).all()
    assert (gradient >= 0).all()


def test_above_the_threshold_the_leak_is_hardly_felt() -> None:
    before = tf.constant([[2.0, 4.0]])
    assert float(OBJECTIVES["response"].value(before, before)[0]) == pytest.approx(3.0 * (1 + LEAK))
    assert LEAK <= 0.01


@pytest.mark.parametrize(("name", "better"), [*((name, (0.5, -1.0)) for name in OFFERED), ("negative", (0.0, -2.0))])
def test_the_best_image_on_the_way_is_told_by_its_response_and_on_the_way_down_by_its_depth(
    name: str, better: tuple[float, float]
) -> None:
    score = OBJECTIVES[name].score
    other = (0.0, -1.0) if name != "negative" else (0.5, -1.0)
    assert score(*map(tf.constant, better)) > score(*map(tf.constant, other))


def test_what_is_only_for_searches_of_their_own_is_not_offered() -> None:
    assert OFFERED == ["response", "pre-activation", "peak"]
