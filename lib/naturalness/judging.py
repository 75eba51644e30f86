"""The machine interpretability score: what another network can tell by a unit's OIPs (Zimmermann et al. 2024).

A judge is shown a unit's OIPs and two natural images, one that the unit responds to strongly and one that it hardly
responds to, and says which is which: the one that is more like the OIPs. The share of right answers over many pairs is
the score; a judge that guesses gets a half. The judge is a network that is neither the unit's own nor random, and alike
is what has a similar profile over the channels of its layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lib.arrays import Array, Doubles, Integers

PAIRS = 200
"""Pairs a unit."""
DECILE = 0.1
"""The strongest and the weakest images are drawn from so large a part of all."""
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

    Args:
        responses: [N], of one unit to natural images.
        used: numbers of images that its OIPs were made from: they are left out.

    Raises:
        ValueError: fewer than 20 images are left.
    """
    left = np.setdiff1d(np.arange(len(responses)), np.asarray(used, np.int64))
    if len(left) < 2 / DECILE:
        raise ValueError(f"{len(left)} images are too few to draw the strongest and the weakest tenth from")
    order = left[np.argsort(np.asarray(responses)[left], kind="stable")]
    size = int(len(left) * DECILE)
    rng = np.random.Generator(np.random.Philox(key=seed))
    weakest, strongest = (rng.choice(part, pairs) for part in (order[:size], order[-size:]))
    return np.stack([strongest, weakest], axis=1)


def answers(shown: Array, natural: Array, pairs: Integers) -> Doubles:
    """How often the judge is right: 1 for each pair that it tells rightly, 0.5 where it cannot tell, else 0; [pairs].

    Args:
        shown: [k, features], what the judge makes of a unit's OIPs.
        natural: [N, features], what it makes of the natural images.
    """
    natural, shown = np.asarray(natural, np.float64), np.asarray(shown, np.float64)
    mean, spread = natural.mean(axis=0), natural.std(axis=0)
    spread = np.where(spread > 0, spread, np.inf)  # what is the same in all images tells nothing
    likeness = (_unit_length((natural - mean) / spread) @ _unit_length((shown - mean) / spread).T).max(axis=1)
    strongest, weakest = likeness[pairs[:, 0]], likeness[pairs[:, 1]]
    return np.where(strongest > weakest, 1.0, np.where(strongest == weakest, 0.5, 0.0))


def score(right: Array) -> Score:
    """The score of answers [pairs]."""
    n = len(right)
    share = float(np.mean(right))
    square = _CERTAIN**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    reach = _CERTAIN / (1 + square / n) * np.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return Score(share, max(float(middle - reach), 0.0), min(float(middle + reach), 1.0), n)


def _unit_length(features: Doubles) -> Doubles:
    return features / np.maximum(np.linalg.norm(features, axis=-1, keepdims=True), 1e-12)
