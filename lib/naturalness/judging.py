"""The machine interpretability score: what another network can tell by a unit's OIPs (Zimmermann et al. 2024).

A judge is shown a unit's OIPs and two natural images, one that the unit responds to strongly and one that it hardly
responds to, and says which is which: the one that is more like the OIPs. The share of right answers over many pairs is
the score; a judge that guesses gets a half. The judge is a network that is neither the unit's own nor random, and alike
is what has a similar profile over the channels of its layers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lib.arrays import Array, Doubles, Integers

PAIRS = 200
"""Pairs a unit."""
DECILE = 0.1
"""The strongest and the weakest images are drawn from so large a part of all."""
FEWEST = round(2 / DECILE)
"""So many images there must be."""
_ROUNDING = 1e-6
_CERTAIN = 1.96  # standard deviations: 95 %


@dataclass(frozen=True)
class Score:
    """A share of right answers of some pairs, and the interval that holds it with 95 % certainty (Wilson 1927)."""

    share: float
    low: float
    high: float
    pairs: int


def draw_pairs(responses: Array, used: Sequence[int], *, seed: int, pairs: int = PAIRS) -> Integers:
    """Numbers of images, [pairs, 2]: one of the strongest decile, one of the weakest.

    None, [0, 2], of a unit that responds to one of the strongest tenth as to one of the weakest: there is nothing to
    tell.

    Args:
        responses: [N], of one unit to natural images.
        used: numbers of images that its OIPs were made from: they are left out.

    Raises:
        ValueError: fewer than 20 images are left.
    """
    responses = np.asarray(responses)
    left = np.setdiff1d(np.arange(len(responses)), np.asarray(used, np.int64))
    if len(left) < FEWEST:
        raise ValueError(f"{len(left)} images are too few to draw the strongest and the weakest tenth from")
    order = left[np.argsort(responses[left], kind="stable")]
    size = int(len(left) * DECILE)
    if not responses[order[-size]] > responses[order[size - 1]]:
        return np.zeros((0, 2), np.int64)
    rng = np.random.Generator(np.random.Philox(key=seed))
    weakest, strongest = (rng.choice(part, pairs) for part in (order[:size], order[-size:]))
    return np.stack([strongest, weakest], axis=1)


class Judging:
    """What a judge makes of natural images, beside which it holds what it is shown.

    Every feature is standardised by the natural images, so that those of many and of large numbers do not decide alone.
    """

    def __init__(self, natural: Array) -> None:
        """`natural`: [N, features], what the judge makes of the natural images."""
        natural = np.asarray(natural, np.float32)
        self._mean = natural.mean(axis=0, dtype=np.float64)
        spread = natural.std(axis=0, dtype=np.float64)
        # what is the same in all images tells nothing
        self._spread = np.where(spread > _ROUNDING * np.abs(self._mean), spread, np.inf)
        self._natural = self._directions(natural)

    def answers(self, shown: Array, pairs: Integers) -> Doubles:
        """How often the judge is right: 1 for each pair that it tells rightly, 0.5 where it cannot tell, else 0;
        [pairs].

        Args:
            shown: [k, features], what the judge makes of a unit's OIPs.
            pairs: as `draw_pairs` gives them.
        """
        numbers, at = np.unique(pairs, return_inverse=True)
        likeness = (self._natural[numbers] @ self._directions(shown).T).max(axis=1)
        strongest, weakest = likeness[at.reshape(pairs.shape)].T
        return np.where(strongest > weakest, 1.0, np.where(strongest == weakest, 0.5, 0.0))

    def _directions(self, features: Array) -> Doubles:
        standard = (np.asarray(features, np.float64) - self._mean) / self._spread
        return standard / np.maximum(np.linalg.norm(standard, axis=-1, keepdims=True), 1e-12)


def score(right: Array) -> Score:
    """The score of answers [pairs]. Of no pairs it is no number."""
    n = len(right)
    if n == 0:
        return Score(math.nan, math.nan, math.nan, 0)
    share = float(np.mean(right))
    square = _CERTAIN**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    reach = _CERTAIN / (1 + square / n) * np.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return Score(share, max(float(middle - reach), 0.0), min(float(middle + reach), 1.0), n)
