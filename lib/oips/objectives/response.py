"""The mean activation over the positions, and a hundredth of the mean pre-activation."""

from lib.arrays import Tensor
from lib.oips.objective import LEAK, Objective, over_positions


def response(before: Tensor, after: Tensor) -> Tensor:
    return over_positions(after) + LEAK * over_positions(before)


OBJECTIVE = Objective("response", "the mean activation over the positions", response)
