"""How the units of a layer respond to a whole data set, from one pass over it: by class, and who responds like whom.

The range of responses is known only at the end. So each unit's bins are a power of two wide, on a grid that zero is
on, and are joined in pairs whenever a response lies outside of what they cover: the histogram is the same, whatever
the batches and their order.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from lib.arrays import Array, Doubles, Floats, Integers, Reals
from lib.responses.similar_units import Nearest, nearest_of

BINS = 40
"""Of a unit; its responses fill more than half of them."""
MOST_CLASSES = 50
"""Of more classes than these the histogram counts all images together: nobody could tell them apart in it."""

_AT_ONCE = 2**16  # responses: of few, the work around them takes most of the time; many leave the processor's cache
_FINEST = -160  # an exponent of two: the bins of the least response that is not zero, 2 to the -149, are wider


@dataclass(frozen=True)
class Surveyed:
    """What a survey found of one layer.

    `histogram`: int64 [units, classes, bins], how many images of a class a unit gives a response in a bin. `edges`:
    float64 [units, bins + 1], where a unit's bins begin and end; the first holds its least response or zero. `silent`:
    int64 [units, classes], images whose response is exactly zero: they are in no bin. Of a data set of more than
    `MOST_CLASSES` classes, histogram and silent have one row for all of them. `class_means`: float32 [units, classes],
    the mean response, NaN for a class without images. `nearest`: by the correlation of responses. `class_counts`: int64
    [classes], how many images of each there are.
    """

    histogram: Integers
    edges: Doubles
    silent: Integers
    class_means: Floats
    nearest: Nearest
    class_counts: Integers


class Survey:
    """Counts responses as they come, in any order and number at a time."""

    def __init__(self, units: int, labels: Integers, classes: int) -> None:
        """`labels`: of all images of the data set, [N], from 0 to below `classes`."""
        self._labels = np.asarray(labels, np.int64)
        self._rows = np.zeros_like(self._labels) if classes > MOST_CLASSES else self._labels
        rows = 1 if classes > MOST_CLASSES else classes
        self._histogram = np.zeros((units, rows, BINS), np.int64)
        self._silent = np.zeros((units, rows), np.int64)
        self._exponent = np.full(units, _FINEST)  # bins are two to the power of it wide
        self._first = np.zeros(units, np.int64)  # which bin of the grid is the first
        self._least, self._greatest = np.zeros(units), np.zeros(units)
        self._sums = np.zeros((classes, units))
        self._seen = np.zeros(classes, np.int64)
        self._middle: Reals | None = None  # near the means, so that squares lose no digits
        self._products = np.zeros((units, units))
        self._waiting: list[tuple[Integers, Reals]] = []

    def add(self, numbers: Integers, responses: Reals) -> None:
        """Count the responses [n, units] to the images of these numbers [n]; what is not finite is in no bin."""
        self._waiting.append((np.asarray(numbers), np.asarray(responses)))
        if sum(values.size for _, values in self._waiting) >= _AT_ONCE:
            self._take_in()

    def _take_in(self) -> None:
        if not self._waiting:
            return
        numbers, parts = (np.concatenate(arrays) for arrays in zip(*self._waiting, strict=True))
        self._waiting.clear()
        responses = parts.astype(np.float64)
        self._count(self._rows[numbers], responses)
        labels = self._labels[numbers]
        self._seen += np.bincount(labels, minlength=len(self._seen))
        of_class = (labels[:, None] == np.arange(len(self._seen))).astype(np.float64)
        self._sums += _product(of_class, responses)
        with np.errstate(invalid="ignore"):  # a unit that answers with infinities has no mean
            if self._middle is None:
                self._middle = responses.mean(axis=0)
            responses -= self._middle
        self._products += _product(responses, responses)

    def counted(self) -> dict[str, Array]:
        """What is counted so far, as arrays that `join` takes: of each unit, or of each pair of units."""
        self._take_in()
        middle = np.zeros(len(self._products)) if self._middle is None else self._middle
        return {
            "histogram": self._histogram,
            "silent": self._silent,
            "exponent": self._exponent,
            "first": self._first,
            "least": self._least,
            "greatest": self._greatest,
            "sums": self._sums,
            "seen": self._seen,
            "middle": middle,
            "products": self._products,
        }

    def join(self, counted: Mapping[str, Array]) -> None:
        """Count what another survey of the same units has counted, of other images of the same data set.

        Means and correlations are those of all images together, but for rounding; all else is the same to the last bit.
        """
        self._take_in()
        count = counted["seen"].sum()
        if not count:
            return
        self._cover(counted["least"], counted["greatest"])
        self._histogram += _joined(
            counted["histogram"], counted["exponent"], counted["first"], self._exponent, self._first
        )
        self._silent += counted["silent"]
        self._sums += counted["sums"]
        self._seen += counted["seen"]
        with np.errstate(invalid="ignore"):  # a unit that answers with infinities has no mean
            if self._middle is None:
                self._middle = counted["middle"]
            # its squares are of distances from a middle of its own
            shift = counted["middle"] - self._middle
            away = counted["sums"].sum(axis=0) - count * counted["middle"]
            crossed = np.outer(away + count * shift, shift)
            self._products += counted["products"] + crossed + np.outer(shift, away)

    def found(self) -> Surveyed:
        """What there is, after the last image."""
        self._take_in()
        # a unit that never responds has bins as others have
        exponent = np.where(self._exponent == _FINEST, -5, self._exponent)
        edges = np.ldexp((self._first[:, None] + np.arange(BINS + 1)).astype(np.float64), exponent[:, None])
        with np.errstate(invalid="ignore"):
            means = (self._sums / self._seen[:, None]).T.astype(np.float32)
        return Surveyed(
            self._histogram,
            edges,
            self._silent,
            means,
            nearest_of(self._correlations(), len(self._products)),
            self._seen,
        )

    def _count(self, rows: Integers, responses: Reals) -> None:
        known = responses if np.isfinite(responses).all() else np.where(np.isfinite(responses), responses, 0)
        self._cover(known.min(axis=0), known.max(axis=0))
        units, classes, _ = self._histogram.shape
        bins = np.floor(known * np.ldexp(1.0, -self._exponent)).astype(np.int64) - self._first
        place = np.arange(units) * classes + rows[:, None]
        cells = place * BINS + bins
        self._histogram += np.bincount(cells.ravel(), minlength=self._histogram.size).reshape(self._histogram.shape)
        # what was zero, or stands for what is not finite, is taken out again: it is little
        out = known == 0
        self._histogram -= np.bincount(cells[out], minlength=self._histogram.size).reshape(self._histogram.shape)
        self._silent += np.bincount(place[responses == 0], minlength=self._silent.size).reshape(self._silent.shape)

    def _cover(self, least: Reals, greatest: Reals) -> None:
        """Join bins until they cover these responses as well."""
        self._least, self._greatest = np.minimum(self._least, least), np.maximum(self._greatest, greatest)
        span = (self._greatest - self._least) / BINS
        exponent = np.maximum(self._exponent, np.where(span > 0, np.frexp(span)[1] - 1, _FINEST))
        while (short := self._last(exponent) - self._lowest(exponent) >= BINS).any():
            exponent += short
        first = self._lowest(exponent)
        changed = np.flatnonzero((exponent != self._exponent) | (first != self._first))
        if len(changed):
            counts, was, began = self._histogram[changed], self._exponent[changed], self._first[changed]
            self._histogram[changed] = _joined(counts, was, began, exponent[changed], first[changed])
            self._exponent, self._first = exponent, first

    def _lowest(self, exponent: Integers) -> Integers:
        return np.floor(np.ldexp(self._least, -exponent)).astype(np.int64)

    def _last(self, exponent: Integers) -> Integers:
        return np.floor(np.ldexp(self._greatest, -exponent)).astype(np.int64)

    def _correlations(self) -> Callable[[slice], Reals]:
        """Of the responses of some units and all others, [rows, units]; NaN for one that always responds the same."""
        count = self._seen.sum()
        if self._middle is None or count < 2:
            return lambda rows: np.full(self._products[rows].shape, np.nan)
        away = self._sums.sum(axis=0) / count - self._middle
        spread = np.sqrt(np.maximum(np.diag(self._products) / count - away * away, 0))
        # what is left of a constant is rounding
        spread[spread <= 1e-6 * (np.abs(self._middle + away) + 1e-30)] = np.nan
        return lambda rows: (self._products[rows] / count - np.outer(away[rows], away)) / np.outer(spread[rows], spread)


def _joined(counts: Integers, exponent: Integers, first: Integers, to: Integers, begin: Integers) -> Integers:
    """Counts [units, classes, bins] in bins two to the power of `exponent` wide, the first of them of number `first`,
    in bins of the power `to`, which is no less, that begin with `begin`; by unit."""
    old = first[:, None] + np.arange(BINS)
    bins = (old >> np.minimum(to - exponent, 62)[:, None]) - begin[:, None]
    units, classes, _ = counts.shape
    joined = np.zeros_like(counts)
    # a bin that would lie outside is empty
    into = np.arange(units)[:, None, None], np.arange(classes)[None, :, None], np.clip(bins, 0, BINS - 1)[:, None, :]
    np.add.at(joined, into, counts)
    return joined


def _product(first: Reals, second: Reals) -> Reals:
    """The transposed first times the second, both [n, ...].

    By TensorFlow: NumPy's threads wait by going round and round, and where others are at work that took 40 times as
    long.
    """
    import tensorflow as tf

    return np.asarray(tf.linalg.matmul(first, second, transpose_a=True))
