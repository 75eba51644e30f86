"""What a share of right predictions is worth: between which values the true one lies, and what a guess would reach."""

import math

import numpy as np

from lib.arrays import Integers

Interval = tuple[float, float]

_Z = 1.959963984540054
"""Within so many standard deviations of a normal distribution lie 95 % of it."""


def wilson_interval(right: int, count: int) -> Interval:
    """Wilson's 95 % interval (1927) of an accuracy that was measured on `count` images; NaN for none.

    Unlike mean and deviation it says of few images what they can say, and of 0 and 1 that they are not certain.
    """
    if not count:
        return math.nan, math.nan
    share, square = right / count, _Z**2 / count
    middle = (share + square / 2) / (1 + square)
    reach = _Z / (1 + square) * math.sqrt(share * (1 - share) / count + square / (4 * count))
    # at both ends it is exact, where rounding might leave a little
    return min(share, max(0.0, middle - reach)), max(share, min(1.0, middle + reach))


def majority_share(learned: Integers, tested: Integers) -> float:
    """The accuracy of always saying the class that most training images are of. NaN where there are no images."""
    if not len(learned) or not len(tested):
        return math.nan
    return float((tested == np.bincount(learned).argmax()).mean())
