"""Gradients around a gradient: of an objective that differs from picture to picture, and of luminance alone."""

from typing import Any

from lib.arrays import Array, Tensor
from lib.dream.ascent import Gradient
from lib.dream.objective import DreamObjective


class WeightedGradient:
    """The gradient of an objective that differs from picture to picture: one trace dreams every map of a layer.

    Another `Gradient`, of a `DreamObjective`, with the weights of its terms behind the tensors of the plan.

    `lib.dream.ascent.DreamAscent.optimise` is handed the weights (`DreamObjective.weights_of`).
    """

    def __init__(self, gradient: Gradient, objective: DreamObjective) -> None:
        self._gradient = gradient
        self._objective = objective

    @property
    def signature(self) -> tuple[Any, ...]:
        return *self._gradient.signature, *self._objective.signature

    def plan(self, height: int, width: int) -> tuple[Array, ...]:
        return self._gradient.plan(height, width)

    def value(self, picture: Tensor, *plan: Tensor) -> Tensor:
        own, weights = self._split(plan)
        with self._objective.with_weights(weights):
            return self._gradient.value(picture, *own)

    def __call__(self, picture: Tensor, *plan: Tensor) -> tuple[Tensor, Tensor]:
        own, weights = self._split(plan)
        with self._objective.with_weights(weights):
            return self._gradient(picture, *own)

    def _split(self, plan: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        own = len(plan) - len(self._objective.signature)
        return plan[:own], plan[own:]


class LuminanceGradient:
    """The gradient with respect to luminance alone: for pictures whose chroma is to stay what it is.

    Another `Gradient`, of which all channels get the same: what they have together.

    The network sees the picture in its colours, and only what makes it lighter or darker is changed.
    """

    def __init__(self, gradient: Gradient) -> None:
        self._gradient = gradient

    @property
    def signature(self) -> tuple[Any, ...]:
        return self._gradient.signature

    def plan(self, height: int, width: int) -> tuple[Array, ...]:
        return self._gradient.plan(height, width)

    def value(self, picture: Tensor, *plan: Tensor) -> Tensor:
        return self._gradient.value(picture, *plan)

    def __call__(self, picture: Tensor, *plan: Tensor) -> tuple[Tensor, Tensor]:
        import tensorflow as tf

        value, gradient = self._gradient(picture, *plan)
        return value, tf.broadcast_to(tf.reduce_mean(gradient, -1, keepdims=True), tf.shape(gradient))
