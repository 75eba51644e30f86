"""FCPs: patterns of activations across the maps of a layer that the images of one class have in common.

A position of a map (or a node) is *active* in an image where its activation is above a level, a share of the greatest
one in the images that are shown. The blog circled such positions by hand, in three images a class; here they are
computed, and counted over a whole set, so that it can be seen how far they go.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from lib.arrays import Bools, Doubles, Integers, Reals
from lib.errors import BadInput

THRESHOLD = 0.3
"""It finds about as many patterns in three clear 4s and three clear 9s of MNIST as eyes do."""


@dataclass(frozen=True, eq=False)
class Fcps:
    """What two groups of images have in common in a layer; each bool [..., units], by position and unit.

    `only_first`: active in all images of the first group and in none of the second; `only_second` the reverse; `both`:
    active in all of both. No position is in two of them. `level` is the activation above which one is active.
    """

    only_first: Bools
    only_second: Bools
    both: Bools
    level: float

    def shown_by(self, activations: Reals) -> tuple[Integers, Integers, Integers]:
        """How many of `only_first`, `only_second` and `both` each image [n, ..., units] shows, int64 [n] each."""
        active = _active(activations, self.level)
        if active.shape[1:] != self.both.shape:
            raise BadInput(f"these are patterns of {self.both.shape}, and the activations {active.shape[1:]} an image")
        axes = tuple(range(1, active.ndim))
        first, second, both = (
            (active & pattern).sum(axis=axes, dtype=np.int64)
            for pattern in (self.only_first, self.only_second, self.both)
        )
        return first, second, both


def find_fcps(first: Reals, second: Reals, threshold: float = THRESHOLD, *, beside: Reals | None = None) -> Fcps:
    """The FCPs of two groups of images, activations [n, ..., units] of one layer, at least one image each.

    Args:
        threshold: above which share of the greatest activation a position is active, in (0, 1).
        beside: of further images that are shown with the groups: they count for the greatest activation alone.

    Raises:
        BadInput: a threshold outside (0, 1), a group without an image, groups of different layers.
    """
    if not 0 < threshold < 1:
        raise BadInput(f"the threshold is a share of the greatest activation between 0 and 1, not {threshold}")
    if not (len(first) and len(second)):
        raise BadInput("each group needs at least one image")
    groups = [first, second] if beside is None else [first, second, beside]
    if any(group.shape[1:] != first.shape[1:] or group.ndim < 2 for group in groups):
        raise BadInput(f"the groups are of different layers: {', '.join(str(group.shape[1:]) for group in groups)}")
    greatest = max(_greatest(group) for group in groups)
    level = max(0.0, threshold * greatest)
    one, other = _active(first, level), _active(second, level)
    all_of_one, all_of_other = np.asarray(one.all(axis=0)), np.asarray(other.all(axis=0))
    return Fcps(
        only_first=np.asarray(all_of_one & ~other.any(axis=0)),
        only_second=np.asarray(all_of_other & ~one.any(axis=0)),
        both=np.asarray(all_of_one & all_of_other),
        level=level,
    )


def count_active(batches: Iterable[Reals], labels: Sequence[int] | Integers, level: float, classes: int) -> Doubles:
    """In which share of the images of each class a position is active, float64 [classes, ..., units].

    Args:
        batches: activations [b, ..., units] of one layer, one batch after another: nothing is kept of them.
        labels: of all images, in their order.

    A class without an image has NaN.

    Raises:
        BadInput: no image, or not as many as labels.
    """
    counts: Integers | None = None
    seen = 0
    for activations in batches:
        active = _active(activations, level)
        if counts is None:
            counts = np.zeros((classes, *active.shape[1:]), np.int64)
        part = np.asarray(labels[seen : seen + len(active)])
        if len(part) != len(active):
            break
        for label in np.unique(part):
            counts[label] += active[part == label].sum(axis=0)
        seen += len(active)
    _check_all(seen, labels)
    assert counts is not None
    images = np.bincount(np.asarray(labels), minlength=classes).astype(np.float64)
    images[images == 0] = np.nan
    return counts / images.reshape(-1, *[1] * (counts.ndim - 1))


def share_decided(
    batches: Iterable[Reals], labels: Sequence[int] | Integers, fcps: Fcps, pair: tuple[int, int]
) -> float:
    """How well the FCPs alone tell two classes apart: the share of the images of both that they decide rightly.

    An image is taken for the class of which it shows the greater share of FCPs; one that shows as much of both counts
    half. So 0.5 is what guessing gives. NaN where there is no image of either class. `batches` and `labels` as in
    `count_active`; other classes are passed over.
    """
    kinds = max(1, int(fcps.only_first.sum())), max(1, int(fcps.only_second.sum()))
    right, count, seen = 0.0, 0, 0
    for activations in batches:
        part = np.asarray(labels[seen : seen + len(activations)])
        seen += len(activations)
        if len(part) != len(activations):
            break
        wanted = np.isin(part, pair)
        first, second, _ = fcps.shown_by(activations[wanted])
        # whole numbers: shares that are equal must not differ by rounding
        ahead = np.sign(first * kinds[1] - second * kinds[0])
        truth = np.where(part[wanted] == pair[0], 1, -1)
        right += float((ahead == truth).sum() + 0.5 * (ahead == 0).sum())
        count += int(wanted.sum())
    _check_all(seen, labels)
    return right / count if count else float("nan")


def _active(activations: Reals, level: float) -> Bools:
    return np.asarray(activations > level)


def _greatest(activations: Reals) -> float:
    finite = activations[np.isfinite(activations)]
    return float(finite.max()) if finite.size else 0.0


def _check_all(seen: int, labels: Sequence[int] | Integers) -> None:
    if seen != len(labels) or not seen:
        raise BadInput(
            f"there are {len(labels)} labels, and activations of {'more' if seen > len(labels) else seen} images"
        )
