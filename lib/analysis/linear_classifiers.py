"""What a linear classifier can read from each layer: how far the network has come there on its way to a decision.

A *linear probe* (Alain and Bengio, "Understanding intermediate layers using linear classifier probes", 2016): logistic
regression on a layer's activations, learned from training images, with its accuracy on test images. Its penalty is
chosen on the training images (`lib/analysis/probe_fit.py`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lib.analysis.accuracy import Interval, wilson_interval
from lib.analysis.activations import Activations
from lib.analysis.classifier import classifier_of
from lib.analysis.probe_fit import fit_probe
from lib.arrays import Bools, Integers, Reals
from lib.errors import BadInput

Pair = tuple[int, int]

PIXELS = "pixels"
NETWORK = "the network"

MOST_FEATURES = 32768
"""A layer with more values an image is averaged over blocks of positions until it has no more than these."""

_BATCH = 256


@dataclass(frozen=True)
class Row:
    """One line of the table: `all` is the accuracy on the test images of all classes, `pair` on those of two.

    `features`: how many values of an image it saw; of the network, the pixels. NaN where there is no test
    image. The intervals are Wilson's of 95 %; the penalties those that were chosen for the two probes, None of the
    network.
    """

    layer: str
    features: int
    all: float
    pair: float
    all_interval: Interval
    pair_interval: Interval
    all_penalty: float | None = None
    pair_penalty: float | None = None


def linear_classifiers(
    model: Any,
    layers: Sequence[str],
    train: tuple[Reals, Integers],
    test: tuple[Reals, Integers],
    *,
    pair: Pair,
    most_train: int = 6000,
    most_test: int | None = None,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> Iterator[Row]:
    """A row for the pixels, one for each layer, and the network's own where it is a classifier, in this order.

    Each is made when it is asked for. `progress` is told a layer's name before its turn.

    Args:
        train, test: images [N, H, W, C] as the network wants them, and labels [N].
        pair: two classes that are also told apart by themselves, by a classifier of its own.
        most_train: images, drawn by `seed`, from which one classifier learns (those for the pair are all of the pair);
            this bounds the work and the memory: 6,000 by 32,768 values are 0.8 GB.
        most_test: images, drawn by `seed`, that it is tested on; None for all.

    Raises:
        BadInput: a class of the pair without training images; no test image.
    """
    random = np.random.default_rng(seed)
    labels, truth = np.asarray(train[1]), np.asarray(test[1])
    every = _draw_some(random, np.arange(len(labels)), most_train)
    of_pair = _draw_some(random, np.flatnonzero(np.isin(labels, pair)), most_train)
    if len(np.unique(labels[of_pair])) < 2:
        raise BadInput(f"classes {pair[0]} and {pair[1]} need training images of both: give a larger set")
    if not len(truth):
        raise BadInput("there are no test images: give a larger set")
    asked = _draw_some(random, np.arange(len(truth)), most_test)

    for layer in (PIXELS, *layers):
        if progress:
            progress(layer)
        read = _reader(model, layer)
        told = [
            _right(read, (train[0], labels), learned, (test[0], truth), tested)
            for learned, tested in ((every, asked), (of_pair, asked[np.isin(truth[asked], pair)]))
        ]
        yield _row(layer, _features(read, train[0]), [right for right, _ in told], [penalty for _, penalty in told])
    classifier = classifier_of(model, int(max(labels.max(), truth.max())) + 1)
    if classifier is not None:
        if progress:
            progress(NETWORK)
        said = np.concatenate([classifier.of(test[0][part]).logits for part in _parts(asked)])
        among = np.isin(truth[asked], pair)
        between = np.asarray(pair)[said[among][:, list(pair)].argmax(axis=1)]
        right = [said.argmax(axis=1) == truth[asked], between == truth[asked][among]]
        yield _row(NETWORK, int(np.prod(test[0].shape[1:])), right, [None, None])


def _row(layer: str, features: int, right: Sequence[Bools], penalties: Sequence[float | None]) -> Row:
    first, second = right
    intervals = wilson_interval(int(first.sum()), len(first)), wilson_interval(int(second.sum()), len(second))
    return Row(layer, features, _share(first), _share(second), *intervals, *penalties)


Reader = Callable[[Reals], Reals]


def _reader(model: Any, layer: str) -> Reader:
    """From images to features, float32 [n, features]."""
    if layer == PIXELS:
        return lambda images: _flat(np.asarray(images, np.float32))
    activations = Activations(model, [layer])
    return lambda images: _flat(activations.of(images)[layer])


def _flat(values: Reals) -> Reals:
    while values[0].size > MOST_FEATURES and any(length > 1 for length in values.shape[1:-1]):
        values = _halve(values)
    return values.reshape(len(values), -1)


def _halve(values: Reals) -> Reals:
    """Two neighbours along each axis of positions as their mean; an odd last one stays alone."""
    for axis in range(1, values.ndim - 1):
        first = np.arange(0, values.shape[axis], 2)
        many = np.diff([*first, values.shape[axis]]).astype(np.float32)
        values = np.add.reduceat(values, first, axis=axis) / many.reshape(-1, *[1] * (values.ndim - 1 - axis))
    return values


@dataclass(frozen=True)
class _Standard:
    """Zero mean and unit variance, by what was learned from; a feature that never changes there is 0 ever after."""

    mean: Reals
    spread: Reals

    @staticmethod
    def of(features: Reals) -> "_Standard":
        # in parts of doubles: NumPy's own would hold a second array as large as the first
        parts = [features[first : first + _BATCH] for first in range(0, len(features), _BATCH)]
        mean = sum(part.sum(axis=0, dtype=np.float64) for part in parts) / len(features)
        spread = np.sqrt(sum(np.square(part - mean).sum(axis=0) for part in parts) / len(features))
        spread[spread <= 1e-6 * spread.max(initial=0.0)] = np.inf
        return _Standard(mean.astype(np.float32), spread.astype(np.float32))

    def apply(self, features: Reals) -> Reals:
        """In place: a copy would be the largest array there is."""
        features -= self.mean
        features /= self.spread
        return features


def _right(
    read: Reader, train: tuple[Reals, Integers], learned: Integers, test: tuple[Reals, Integers], tested: Integers
) -> tuple[Bools, float]:
    """Which of the tested images a classifier is right about that has learned from others, and its penalty."""
    features = np.empty((len(learned), _features(read, train[0])), np.float32)
    for at, part in enumerate(_parts(learned)):
        features[at * _BATCH : at * _BATCH + len(part)] = read(train[0][part])
    standard = _Standard.of(features)
    classifier, penalty = fit_probe(standard.apply(features), train[1][learned])
    right = [classifier.predict(standard.apply(read(test[0][part]).copy())) == test[1][part] for part in _parts(tested)]
    return np.concatenate([np.zeros(0, bool), *right]), penalty


def _features(read: Reader, images: Reals) -> int:
    return int(read(images[:1]).shape[1])


def _draw_some(random: np.random.Generator, among: Integers, most: int | None) -> Integers:
    """Some of the images, in their order; the same for the same seed."""
    return among if most is None or most >= len(among) else np.sort(random.permutation(among)[:most])


def _parts(images: Integers) -> Iterator[Integers]:
    return (images[first : first + _BATCH] for first in range(0, len(images), _BATCH))


def _share(right: Bools) -> float:
    return float(right.mean()) if len(right) else float("nan")
