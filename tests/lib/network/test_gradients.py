"""The trunk's responses and gradients, in float32, against an independent implementation in float64."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from lib.network.trunk import responses_of
from tests.lib.numpy_reference import LAYERS, objective_of, weights_of
from tests.lib.small_networks import reference_with_biases

SHARE = 0.01


@pytest.fixture(scope="module")
def model() -> Any:
    return reference_with_biases()


@pytest.mark.parametrize("layer", LAYERS)
def test_the_gradient_of_a_units_objective_agrees_with_numpy(model: Any, layer: str) -> None:
    trunk = responses_of(model, [layer])
    random = np.random.default_rng(3)
    images = random.normal(size=(6, 28, 28, 1)).astype(np.float32)
    images[0] *= 5
    units = random.integers(trunk.units[layer], size=len(images))

    @tf.function
    def answers(images: Any, units: Any) -> tuple[Any, Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(images)
            response, before = (tf.gather(part, units, batch_dims=1) for part in trunk(images)[layer])
            objective = tf.reduce_sum(response + SHARE * before)
        return response, before, tape.gradient(objective, images)

    weights = weights_of(model)
    for image, unit, response, before, gradient in zip(
        images, units, *answers(tf.constant(images), tf.constant(units)), strict=True
    ):
        expected = objective_of(weights, image.astype(np.float64), layer, int(unit), SHARE)
        assert float(response) == pytest.approx(expected.response, rel=1e-4, abs=1e-6)
        assert float(before) == pytest.approx(expected.pre_activation, rel=1e-4, abs=1e-5)
        scale = np.abs(expected.gradient).max()
        assert scale > 0
        np.testing.assert_allclose(gradient, expected.gradient, rtol=0, atol=1e-4 * scale)


def test_numpys_own_gradient_agrees_with_differences(model: Any) -> None:
    weights, random = weights_of(model), np.random.default_rng(4)
    image, direction = random.normal(size=(2, 28, 28, 1))

    def value(step: float) -> float:
        found = objective_of(weights, image + step * direction, "Conv2D_3", 7, SHARE)
        return found.response + SHARE * found.pre_activation

    slope = (value(1e-7) - value(-1e-7)) / 2e-7
    gradient = objective_of(weights, image, "Conv2D_3", 7, SHARE).gradient
    assert slope == pytest.approx(float((gradient * direction).sum()), rel=1e-4)
