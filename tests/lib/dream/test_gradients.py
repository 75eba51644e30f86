"""Gradients of luminance alone."""

from typing import Any

import numpy as np
import tensorflow as tf

from lib.dream.ascent import DreamAscent
from lib.dream.gradients import LuminanceGradient


class Redder:
    """What is to become red: the gradient differs by channel and place."""

    signature: tuple[Any, ...] = (tf.TensorSpec((), tf.float32),)

    def plan(self, height: int, width: int) -> tuple[Any, ...]:
        return (np.float32(height * width),)

    def value(self, picture: Any, size: Any) -> Any:
        return tf.reduce_sum(picture * picture * [3.0, 1.0, -1.0]) / size

    def __call__(self, picture: Any, size: Any) -> tuple[Any, Any]:
        return self.value(picture, size), 2 * picture * [3.0, 1.0, -1.0] / size


def test_all_channels_are_changed_alike_and_the_objective_rises() -> None:
    pixels = np.random.default_rng(0).uniform(0.3, 0.7, (9, 8, 3)).astype(np.float32)
    ascent = DreamAscent(LuminanceGradient(Redder()), 3)
    found, values = ascent.optimise(pixels, steps=4, step_size=0.02, smoothing=0.0, jitter=2, seed=0)
    change = found - pixels
    assert np.abs(change).max() > 0.05
    np.testing.assert_allclose(np.ptp(change, axis=-1), 0, atol=1e-6)
    assert values[-1] > values[0]


def test_it_has_the_plan_and_the_value_of_the_other() -> None:
    picture = tf.constant(np.random.default_rng(0).random((4, 5, 3)), tf.float32)
    gradient = LuminanceGradient(Redder())
    assert gradient.signature == Redder.signature
    (size,) = gradient.plan(4, 5)
    wanted = float(Redder().value(picture, size))
    assert float(gradient.value(picture, size)) == wanted
    value, found = gradient(picture, size)
    assert float(value) == wanted
    mean = Redder()(picture, size)[1].numpy().mean(-1, keepdims=True)
    np.testing.assert_allclose(found, np.repeat(mean, 3, -1), rtol=1e-5)
