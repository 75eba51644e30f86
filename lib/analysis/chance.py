"""What an accuracy is worth: whether it is better than chance, and whether the classes stand in another order.

A network that is right no more often than always naming the largest class would be says nothing of pictures, or was
shown others than it takes. One that tells the classes apart and calls them by each other's names was trained on the
same classes in another order. Both are said only where numbers leave no reasonable doubt.
"""

import math
from dataclasses import dataclass

import numpy as np

from lib.analysis.predictions import NOTHING, Predictions
from lib.arrays import Bools, Doubles, Integers, Reals

RARE = 1e-3
"""What happens by chance more rarely than this is taken for no chance."""
_SURE = 0.95
_TOLD = 0.7
"""What tells classes apart has no more than this share of the loss of a guess."""
_NEAR, _FAR, _SOUND = 0.25, 0.5, 0.7
"""Of the way from chance to 1: an accuracy is near it in the first quarter; a sound network is in the last third."""


@dataclass(frozen=True)
class Worth:
    """How often a network is `right` on so many `images`, of so many `classes`; `majority`: those of the largest."""

    right: int
    images: int
    classes: int
    majority: int

    @property
    def accuracy(self) -> float:
        """The share of images that it is right on."""
        return self.right / self.images

    @property
    def chance(self) -> float:
        """What naming the same class for every image, or any, would come to."""
        return max(1 / self.classes, self.majority / self.images)

    @property
    def interval(self) -> tuple[float, float]:
        """Within which the accuracy on more such images lies with 95 % confidence (Clopper and Pearson)."""
        from scipy.stats import beta

        doubt = (1 - _SURE) / 2
        wrong = self.images - self.right
        low = 0.0 if self.right == 0 else float(beta.ppf(doubt, self.right, wrong + 1))
        high = 1.0 if wrong == 0 else float(beta.ppf(1 - doubt, self.right + 1, wrong))
        return low, high

    @property
    def near_chance(self) -> bool:
        """Whether it may well be no better than chance, and is far from what a network that knows its classes gets.

        Of a few images nothing is said: a good network may be wrong on two of three.
        """
        low, high = self.interval
        left = 1 - self.chance
        return low <= self.chance and self.accuracy <= self.chance + _NEAR * left and high < self.chance + _SOUND * left

    @property
    def good(self) -> bool:
        """Whether it is above chance by half of the way to 1."""
        return self.accuracy >= self.chance + _FAR * (1 - self.chance)

    @property
    def proven(self) -> bool:
        """Whether so many are right by chance more rarely than one time in a thousand."""
        return at_least(self.right, self.images, self.chance) <= RARE


def worth_of(predictions: Predictions) -> Worth:
    """What the accuracy of predictions is worth."""
    counts = np.bincount(predictions.labels)
    right = int((predictions.predicted == predictions.labels).sum())
    return Worth(right, len(predictions.labels), predictions.classes, int(counts.max()))


def at_least(successes: int, trials: int, share: float) -> float:
    """The probability of so many successes or more, each with the probability `share`."""
    from scipy.stats import binom

    return float(binom.sf(successes - 1, trials, share))


def better_by_chance(one: Bools, other: Bools) -> float:
    """How probable it is that the first is right so much more often, where both are equally good (McNemar's test).

    Of which images each is right, [N]: only those count that one of them is right on.
    """
    gained, lost = int((one & ~other).sum()), int((other & ~one).sum())
    return at_least(gained, gained + lost, 0.5) if gained > lost else 1.0


@dataclass(frozen=True)
class Order:
    """Which output stands for each class, [K], and how often the network is right then."""

    outputs: tuple[int, ...]
    accuracy: float


def find_order(predictions: Predictions) -> Order | None:
    """Another order of the classes, where the outputs evidently are in that; None where they seem to be as they stand.

    Most images of each class that moves must be called by what it moves to, and the network must be sure of it: by
    accident some order fits even a network of random weights.
    """
    from scipy.optimize import linear_sum_assignment

    labels, predicted = predictions.labels, predictions.predicted
    _, found = linear_sum_assignment(-predictions.confusion)
    outputs: Integers = np.asarray(found, np.int64)
    if not (predicted != NOTHING).any():
        return None
    counts = np.bincount(labels, minlength=len(outputs))
    outputs = _leave_unseen(outputs, counts, predictions.confusion)
    moved = np.flatnonzero(outputs != np.arange(len(outputs)))
    there = moved[counts[moved] > 0]
    if not len(there):
        return None
    as_it_stands, in_order = predicted == labels, predicted == outputs[labels]
    doubt = better_by_chance(in_order, as_it_stands)
    # of all orders of those that move the best was chosen
    if doubt <= 0 or math.log(doubt) + math.lgamma(len(moved) + 1) <= math.log(RARE):
        shares = predictions.confusion[there, outputs[there]] / counts[there]
        sure = losses_of(predictions.probabilities, outputs[labels]).mean() <= _TOLD * math.log(len(outputs))
        if (shares > 0.5).all() and sure:
            return Order(tuple(outputs.tolist()), float(in_order.mean()))
    return None


def _leave_unseen(outputs: Integers, counts: Integers, confusion: Integers) -> Integers:
    """The order, with classes that no image tells anything of where they stand, as far as their places are free."""
    seen = counts > 0
    taken = set(outputs[seen].tolist())
    free = [output for output in range(len(outputs)) if output not in taken]
    result = outputs.copy()
    unseen = np.flatnonzero(~seen)
    staying = [number for number in unseen if number not in taken]
    rest = iter([output for output in free if output not in staying])
    for number in unseen:
        result[number] = number if number in staying else next(rest)
    return result


def losses_of(probabilities: Reals, labels: Integers) -> Doubles:
    """The negative logarithm of what each label's class is given, or of next to nothing where that is not finite."""
    given: Doubles = np.asarray(probabilities, np.float64)[np.arange(len(labels)), labels]
    return np.asarray(-np.log(np.maximum(np.where(np.isfinite(given), given, 0), 1e-30)))
