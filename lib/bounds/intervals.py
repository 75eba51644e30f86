"""Intervals that hold whatever a float32 network computes.

Arithmetic is in float64. Before each sum the ends are moved outwards by a part of themselves that covers float32
rounding of that many terms in any order, fused or not, and rounding of the factors to TF32; an end at 0 stays at 0,
because a sum of terms that are all <= 0 stays <= 0 however it is rounded. (Higham, Accuracy and Stability of Numerical
Algorithms, 2nd ed., section 3.1: the error of a sum is at most n u times the sum of the terms' magnitudes.) Underflow,
below 1e-38, is left out of account; so are convolutions by transforms (Winograd), which round by more than this.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lib.arrays import Doubles


@dataclass(frozen=True, eq=False)
class Interval:
    """Bounds [C] of a tensor's channels (its last axis), at every position of every image."""

    low: Doubles
    high: Doubles

    @classmethod
    def unknown(cls, channels: int) -> "Interval":
        return cls(np.full(channels, -np.inf), np.full(channels, np.inf))

    @classmethod
    def constant(cls, value: float | Doubles) -> "Interval":
        ends = np.atleast_1d(np.asarray(value, np.float64))
        return cls(ends, ends)

    def widened(self, terms: int) -> "Interval":
        """Room for rounding in a sum of so many terms."""
        part = 2.0**-9 + terms * 2.0**-22
        return Interval(self.low - part * np.abs(self.low), self.high + part * np.abs(self.high))

    def with_zero(self) -> "Interval":
        return Interval(np.minimum(self.low, 0), np.maximum(self.high, 0))

    def plus(self, other: "Interval") -> "Interval":
        one, two = self.widened(2), other.widened(2)
        return Interval(one.low + two.low, one.high + two.high)

    def negative(self) -> "Interval":
        return Interval(-self.high, -self.low)

    def times(self, other: "Interval") -> "Interval":
        one, two = self.widened(1), other.widened(1)
        ends = np.stack([_product(a, b) for a in (one.low, one.high) for b in (two.low, two.high)])
        return Interval(ends.min(0), ends.max(0))

    def hull(self, shape: Sequence[int], new_shape: Sequence[int]) -> "Interval":
        """The same values in another shape: of a tensor of `shape` (no batch) reshaped to `new_shape`.

        A single number an image, whose shape is empty, is one channel.
        """

        def reshaped(ends: Doubles) -> Doubles:
            return np.broadcast_to(ends, tuple(shape) or (1,)).reshape(-1, *tuple(new_shape)[-1:] or (1,))

        return Interval(reshaped(self.low).min(0), reshaped(self.high).max(0))


def linear(values: Interval, weights: Doubles, terms: int) -> Interval:
    """Bounds [K] of sums of the values [C], weighted by non-negative and negative parts [2, C, K] of the weights.

    The parts are given apart because a convolution's taps see different values of one channel.
    """
    wide = values.widened(terms)
    up, down = weights
    return Interval(_dot(wide.low, up) + _dot(wide.high, down), _dot(wide.high, up) + _dot(wide.low, down))


def depthwise(values: Interval, weights: Doubles, terms: int) -> Interval:
    """Bounds [C * M] of sums of each channel by itself, with weights' parts [2, C, M]; M is the inner axis."""
    wide = values.widened(terms)
    up, down = weights
    low, high = wide.low[:, None], wide.high[:, None]
    return Interval(
        (_product(low, up) + _product(high, down)).ravel(), (_product(high, up) + _product(low, down)).ravel()
    )


def parts(kernel: Doubles, taps: tuple[int, ...] = ()) -> Doubles:
    """Non-negative and negative parts of a kernel, each summed over its taps' axes, stacked in front."""
    return np.stack([np.maximum(kernel, 0).sum(taps), np.minimum(kernel, 0).sum(taps)])


def _product(a: Doubles, b: Doubles) -> Doubles:
    with np.errstate(invalid="ignore"):
        product = a * b
    return np.where((a == 0) | (b == 0), 0.0, product)  # 0 times an unknown value is 0


def _dot(ends: Doubles, weights: Doubles) -> Doubles:
    finite = np.isfinite(ends)
    total: Doubles = np.where(finite, ends, 0) @ weights
    if not finite.all():
        total = total + _product(np.sign(weights[~finite]), ends[~finite][:, None]).sum(0)
    return total
