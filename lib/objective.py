"""What an ascent climbs: one number an image, from its unit's pre-activation and activation at each position.

The ReLU is why maps stay grey: where a unit's pre-activation is below zero everywhere, the gradient of its response is
exactly zero, and noise often starts there. So the response alone is no objective: a hundredth of the pre-activation
is added, which leads to the threshold from anywhere and is hardly felt above it. (Lucid redirects the gradient through
the ReLU instead, everywhere in the network; then what is climbed is no longer the network's own response.)
"""

from collections.abc import Callable
from typing import Any, Literal, get_args

ObjectiveName = Literal["response", "pre-activation", "peak"]
OBJECTIVES: tuple[ObjectiveName, ...] = get_args(ObjectiveName)

LEAK = 0.01


def _mean(values: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_mean(values, list(range(1, len(values.shape))))


def response(before: Any, after: Any) -> Any:
    """The mean activation over the positions, and a hundredth of the mean pre-activation."""
    return _mean(after) + LEAK * _mean(before)


def pre_activation(before: Any, after: Any) -> Any:
    """The mean pre-activation: positions below the threshold count as much as those above."""
    return _mean(before)


def peak(before: Any, after: Any) -> Any:
    """The greatest pre-activation of any position: what a single position looks for.

    A unit responds as soon as one position passes the threshold, so this is what the search for silent units climbs.
    """
    import tensorflow as tf

    return tf.reduce_max(before, list(range(1, len(before.shape)))) if len(before.shape) > 1 else before


BY_NAME: dict[ObjectiveName, Callable[[Any, Any], Any]] = {
    "response": response,
    "pre-activation": pre_activation,
    "peak": peak,
}
