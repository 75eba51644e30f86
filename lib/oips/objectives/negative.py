"""The mean pre-activation turned round: what silences a unit, as far below its threshold as it goes."""

from lib.arrays import Tensor
from lib.oips.objective import Objective, over_positions


def negative(before: Tensor, after: Tensor) -> Tensor:
    return -over_positions(before)


def score(responses: Tensor, pre_activations: Tensor) -> Tensor:
    return -pre_activations


OBJECTIVE = Objective("negative", "the mean pre-activation, negated", negative, score, offered=False)
