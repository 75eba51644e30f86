"""The gradient of an objective that is said anew for each picture: one trace dreams every map of a layer."""

from typing import Any

import numpy.typing as npt

from lib.dream.ascent import Gradient
from lib.dream.objective import DreamObjective

Tensor = Any


class Aimed:
    """Another `Gradient`, of a `DreamObjective`, with the tensors of its aim behind those of the plan.

    `lib.dream.ascent.DreamAscent.optimise` is handed the aim (`DreamObjective.aim`).
    """

    def __init__(self, gradient: Gradient, objective: DreamObjective) -> None:
        self._gradient = gradient
        self._objective = objective

    @property
    def signature(self) -> tuple[Any, ...]:
        return *self._gradient.signature, *self._objective.signature

    def plan(self, height: int, width: int) -> tuple[npt.NDArray[Any], ...]:
        return self._gradient.plan(height, width)

    def value(self, picture: Tensor, *plan: Tensor) -> Tensor:
        own, aim = self._parted(plan)
        with self._objective.aimed(aim):
            return self._gradient.value(picture, *own)

    def __call__(self, picture: Tensor, *plan: Tensor) -> tuple[Tensor, Tensor]:
        own, aim = self._parted(plan)
        with self._objective.aimed(aim):
            return self._gradient(picture, *own)

    def _parted(self, plan: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        own = len(plan) - len(self._objective.signature)
        return plan[:own], plan[own:]
