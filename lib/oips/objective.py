"""What an ascent maximises: one number an image, from its unit's pre-activation and activation at each position.

The ReLU is why maps stay grey: where a unit's pre-activation is below zero everywhere, the gradient of its response is
exactly zero, and noise often starts there. So the response alone is no objective: a hundredth of the pre-activation
is added, which leads to the threshold from anywhere and is hardly felt above it. (Lucid redirects the gradient through
the ReLU instead, everywhere in the network; then what is optimised is no longer the network's own response.)
"""

from collections.abc import Callable
from typing import Any, Literal, get_args

ObjectiveName = Literal["response", "pre-activation", "peak"]
OBJECTIVES: tuple[ObjectiveName, ...] = get_args(ObjectiveName)
Aim = Literal["response", "pre-activation", "peak", "negative"]
"""What an ascent may maximise: an objective, or the way down."""

LEAK = 0.01


def over_positions(maps: Any) -> Any:
    """The mean over the positions of one unit an image; [B, ...] to [B]. A node of a dense layer has one position."""
    import tensorflow as tf

    return tf.reduce_mean(maps, list(range(1, len(maps.shape))))


def response(before: Any, after: Any) -> Any:
    """The mean activation over the positions, and a hundredth of the mean pre-activation."""
    return over_positions(after) + LEAK * over_positions(before)


def pre_activation(before: Any, after: Any) -> Any:
    """The mean pre-activation: positions below the threshold count as much as those above."""
    return over_positions(before)


def peak(before: Any, after: Any) -> Any:
    """The greatest pre-activation of any position: what a single position looks for.

    A unit responds as soon as one position passes the threshold, so this is what the search for silent units maximises.
    """
    import tensorflow as tf

    return tf.reduce_max(before, list(range(1, len(before.shape))))


def negative(before: Any, after: Any) -> Any:
    """The mean pre-activation turned round: what silences a unit, as far below its threshold as it goes."""
    return -over_positions(before)


BY_NAME: dict[Aim, Callable[[Any, Any], Any]] = {
    "response": response,
    "pre-activation": pre_activation,
    "peak": peak,
    "negative": negative,
}


def score_of(aim: Aim, responses: Any, pre_activations: Any) -> Any:
    """By what the best image on the way is told, one number an image."""
    import tensorflow as tf

    if aim == "negative":
        return -pre_activations
    # above the threshold the response counts, below it the pre-activation, which is what can still rise
    return tf.where(responses > 0, responses, tf.minimum(pre_activations, 0.0))
