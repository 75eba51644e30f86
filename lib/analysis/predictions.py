"""What a network made of a labelled set: how often it is right, what it takes for what, and how sure it is."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lib.arrays import Bools, Doubles, Integers, Reals
from lib.errors import BadInput

Pair = tuple[int, int]

NOTHING = -1
"""The class that is predicted for an image whose probabilities are not all finite: none."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Class probabilities [N, K] of N images and their `labels` [N], from 0 to K - 1.

    The class with the greatest probability is *predicted*; of equal ones the lower number. An image's *margin* is that
    probability minus the greatest of the others. One whose probabilities are not all finite is predicted NOTHING: it
    is an error, stands in no column of the confusion, has the margin NaN, and is in no list but `errors`.

    Raises:
        BadInput: shapes or labels that do not fit, no image, or fewer than two classes.
    """

    probabilities: Reals
    labels: Integers

    def __post_init__(self) -> None:
        shape = np.shape(self.probabilities)
        if len(shape) != 2 or shape[0] < 1 or shape[1] < 2:
            raise BadInput(f"probabilities are [images, classes], one image and two classes at least; not {shape}")
        if np.shape(self.labels) != shape[:1]:
            raise BadInput(f"there are {shape[0]} images and labels of the shape {np.shape(self.labels)}")
        wrong = np.flatnonzero((self.labels < 0) | (self.labels >= shape[1]))
        if wrong.size:
            raise BadInput(f"image {wrong[0]} has the label {self.labels[wrong[0]]}, outside 0..{shape[1] - 1}")

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return int(self.probabilities.shape[1])

    @cached_property
    def predicted(self) -> Integers:
        """The class that is predicted for each image, int64 [N]."""
        return np.where(self._finite, self._known.argmax(axis=1), NOTHING).astype(np.int64)

    @cached_property
    def runner_up(self) -> Integers:
        """The second most probable class of each image, int64 [N]."""
        others = self._known.copy()
        others[np.arange(len(others)), self._known.argmax(axis=1)] = -np.inf
        return np.where(self._finite, others.argmax(axis=1), NOTHING).astype(np.int64)

    @cached_property
    def margins(self) -> Doubles:
        """How far the predicted class is ahead of the next, float64 [N] in [0, 1]."""
        rows = np.arange(len(self._known))
        ahead = self._known[rows, self.predicted] - self._known[rows, self.runner_up]
        return np.where(self._finite, ahead, np.nan)

    @cached_property
    def accuracy(self) -> float:
        """The share of images whose label is predicted."""
        return float((self.predicted == self.labels).mean())

    @cached_property
    def confusion(self) -> Integers:
        """How many images of each label (row) are predicted to be of each class (column), int64 [K, K]."""
        counts = np.zeros((self.classes, self.classes), np.int64)
        np.add.at(counts, (self.labels[self._finite], self.predicted[self._finite]), 1)
        return counts

    @cached_property
    def errors(self) -> Integers:
        """The images whose label is not predicted, in their order."""
        return np.flatnonzero(self.predicted != self.labels)

    def cell(self, label: int, predicted: int) -> Integers:
        """The images of a cell of the confusion, the smallest margin first."""
        return self._by_margin(np.flatnonzero((self.labels == label) & (self.predicted == predicted)))

    def smallest_margins(self, most: int) -> dict[Pair, Integers]:
        """The images between two classes, the smallest margin first, for every unordered pair that has any.

        An image lies between its two most probable classes, whatever its label. Pairs are (lower, higher), in order;
        of each at most `most` images.
        """
        low, high = np.minimum(self.predicted, self.runner_up), np.maximum(self.predicted, self.runner_up)
        order = self._by_margin(np.flatnonzero(self._finite))
        found: dict[Pair, list[int]] = {}
        for image in order.tolist():
            between = found.setdefault((int(low[image]), int(high[image])), [])
            if len(between) < most:
                between.append(image)
        return {pair: np.array(found[pair], np.int64) for pair in sorted(found)}

    def most_confused(self) -> Pair:
        """The two classes (lower, higher) that are most often taken for each other; the lower pair of equal ones.

        Where there is no error that says, the pair of the image with the smallest margin; (0, 1) where nothing is
        predicted.
        """
        both = np.triu(self.confusion + self.confusion.T, k=1)
        if both.any():
            low, high = np.unravel_index(both.argmax(), both.shape)
            return int(low), int(high)
        if not self._finite.any():
            return 0, 1
        least = int(np.nanargmin(self.margins))
        first, second = int(self.predicted[least]), int(self.runner_up[least])
        return min(first, second), max(first, second)

    def clear(self, label: int, most: int) -> Integers:
        """The clearest images of a class: predicted rightly, the greatest margin first, at most `most`."""
        return self._by_margin(np.flatnonzero((self.labels == label) & (self.predicted == label)), greatest=True)[:most]

    def unclear(self, label: int, against: int, most: int) -> Integers:
        """Images of a class that is still predicted, the least ahead of the class `against` first, at most `most`."""
        right = np.flatnonzero((self.labels == label) & (self.predicted == label))
        ahead = self._known[right, label] - self._known[right, against]
        return right[np.argsort(ahead, kind="stable")][:most]

    @cached_property
    def _finite(self) -> Bools:
        return np.asarray(np.isfinite(self.probabilities).all(axis=1))

    @cached_property
    def _known(self) -> Doubles:
        """float64: differences of float32 near 1 would make ties of what are none."""
        return np.where(self._finite[:, None], self.probabilities, 0.0).astype(np.float64)

    def _by_margin(self, images: Integers, *, greatest: bool = False) -> Integers:
        # stable: of equal margins the lower number, which stands first, comes first
        margins = self.margins[images]
        return images[np.argsort(-margins if greatest else margins, kind="stable")]
