"""The greatest pre-activation of any position: what a single position looks for.

A unit responds as soon as one position passes the threshold, so this is what the search for silent units maximises.
"""

from lib.arrays import Tensor
from lib.oips.objective import Objective


def peak(before: Tensor, after: Tensor) -> Tensor:
    import tensorflow as tf

    return tf.reduce_max(before, list(range(1, len(before.shape))))


OBJECTIVE = Objective("peak", "the greatest pre-activation of any position", peak)
