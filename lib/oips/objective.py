"""What an ascent maximises: one number an image, from its unit's pre-activation and activation at each position.

The ReLU is why maps stay grey: where a unit's pre-activation is below zero everywhere, the gradient of its response is
exactly zero, and noise often starts there. So the response alone is no objective: a hundredth of the pre-activation
is added, which leads to the threshold from anywhere and is hardly felt above it. (Lucid redirects the gradient through
the ReLU instead, everywhere in the network; then what is optimised is no longer the network's own response.)

Which objectives there are: each is a file of `lib/oips/objectives/` that declares an `OBJECTIVE`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from lib.arrays import Tensor
from lib.registry import Registry

LEAK = 0.01


def over_positions(maps: Tensor) -> Tensor:
    """The mean over the positions of one unit an image; [B, ...] to [B]. A node of a dense layer has one position."""
    import tensorflow as tf

    return tf.reduce_mean(maps, list(range(1, len(maps.shape))))


def score_response(responses: Tensor, pre_activations: Tensor) -> Tensor:
    """Above the threshold the response counts, below it the pre-activation, which is what can still rise."""
    import tensorflow as tf

    return tf.where(responses > 0, responses, tf.minimum(pre_activations, 0.0))


@dataclass(frozen=True)
class Objective:
    """One objective.

    Attributes:
        name: as it is chosen by, and stands in recipes.
        text: what it is, as forms and help say it behind the name.
        value: from pre-activation and activation at each position, [B, ...], to what is maximised, [B].
            Where it is traced with others, it is also given ones, at which its slope must be finite.
        score: from the response and the mean pre-activation, [B], to that by which the best image on the way is told.
        offered: whether a sweep may have it. Others are for searches of their own.
    """

    name: str
    text: str
    value: Callable[[Tensor, Tensor], Tensor]
    score: Callable[[Tensor, Tensor], Tensor] = score_response
    offered: bool = True


OBJECTIVES: Registry[Objective] = Registry(
    "lib.oips.objectives", constant="OBJECTIVE", kind=Objective, first=("response", "pre-activation", "peak")
)
"""By name, in the order in which they are shown; the first is the default."""
