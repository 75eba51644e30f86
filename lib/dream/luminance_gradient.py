"""The gradient with respect to luminance alone: for pictures whose chroma is to stay what it is."""

from typing import Any

import numpy.typing as npt

from lib.dream.ascent import Gradient

Tensor = Any


class LuminanceGradient:
    """Another `Gradient`, of which all channels get the same: what they have together.

    The network sees the picture in its colours, and only what makes it lighter or darker is changed.
    """

    def __init__(self, gradient: Gradient) -> None:
        self._gradient = gradient

    @property
    def signature(self) -> tuple[Any, ...]:
        return self._gradient.signature

    def plan(self, height: int, width: int) -> tuple[npt.NDArray[Any], ...]:
        return self._gradient.plan(height, width)

    def value(self, picture: Tensor, *plan: Tensor) -> Tensor:
        return self._gradient.value(picture, *plan)

    def __call__(self, picture: Tensor, *plan: Tensor) -> tuple[Tensor, Tensor]:
        import tensorflow as tf

        value, gradient = self._gradient(picture, *plan)
        return value, tf.broadcast_to(tf.reduce_mean(gradient, -1, keepdims=True), tf.shape(gradient))
