"""The mean pre-activation: positions below the threshold count as much as those above."""

from lib.arrays import Tensor
from lib.oips.objective import Objective, over_positions


def pre_activation(before: Tensor, after: Tensor) -> Tensor:
    return over_positions(before)


OBJECTIVE = Objective("pre-activation", "the mean before the ReLU", pre_activation)
