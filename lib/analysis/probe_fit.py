"""Fitting a linear probe: logistic regression whose penalty is chosen by cross-validation on what it learns from."""

import warnings
from typing import Any

import numpy as np

from lib.arrays import Integers, Reals

PENALTIES = (1.0, 1e-1, 1e-2, 1e-3, 1e-4)
"""Of the squared weights (of features of unit variance), beside the mean loss of an image: the strongest first."""

MOST_COMPARED = 1000
"""From so many images at most the penalty is chosen. It is that of an image, so what is best for some is for more."""

FOLDS = 3
_UNCHOSEN = 1e-2
"""The penalty where there are too few images to compare any."""

_STEPS = 100
_FEWER_STEPS = 30
"""While penalties are compared: the last digits of the weights change no ranking."""


def fit_probe(features: Reals, labels: Integers) -> tuple[Any, float]:
    """A classifier (scikit-learn's) that was fitted to features [n, values] of unit variance, and its penalty.

    The classes must be two at least.
    """
    from threadpoolctl import threadpool_limits

    # NumPy's threads wait for each other by going round and round: beside other work two took three times as long
    with threadpool_limits(1), warnings.catch_warnings():
        _ignore_bounded_steps()
        penalty = choose_penalty(features, labels)
        classifier = _regression(penalty, len(labels), _STEPS)
        classifier.fit(features, labels)
    return classifier, penalty


def choose_penalty(features: Reals, labels: Integers) -> float:
    """The penalty with the highest accuracy on images that were not learned from; of equals, that with the least loss.

    Images are divided into `FOLDS` by their number within their class, so that each fold has of every class what there
    is. Of many images, every so-manieth of each class is taken.
    """
    chosen = _spread(labels, MOST_COMPARED)
    kept, truth = features[chosen], labels[chosen]
    folds = _rank_in_class(truth) % FOLDS
    right, loss = np.zeros(len(PENALTIES)), np.zeros(len(PENALTIES))
    compared = False
    for fold in range(FOLDS):
        learned, asked = folds != fold, folds == fold
        if not asked.any() or len(np.unique(truth[learned])) < 2:
            continue
        compared = True
        for number, classifier in enumerate(_path(kept[learned], truth[learned])):
            probabilities = classifier.predict_proba(kept[asked])
            said = classifier.classes_[probabilities.argmax(axis=1)]
            right[number] += np.count_nonzero(said == truth[asked])
            at = np.searchsorted(classifier.classes_, truth[asked]).clip(max=len(classifier.classes_) - 1)
            known = classifier.classes_[at] == truth[asked]
            own = np.where(known, probabilities[np.arange(len(at)), at], 0.0)
            loss[number] -= np.log(np.maximum(own, 1e-12)).sum()
    return PENALTIES[int(np.lexsort((loss, -right))[0])] if compared else _UNCHOSEN


def _path(features: Reals, labels: Integers) -> Any:
    """A classifier for each penalty, of which each begins where the one before ended; it is the same object."""
    with warnings.catch_warnings():
        _ignore_bounded_steps()
        classifier = _regression(PENALTIES[0], len(labels), _FEWER_STEPS, warm_start=True)
        for penalty in PENALTIES:
            classifier.set_params(C=_strength(penalty, len(labels)))
            yield classifier.fit(features, labels)


def _regression(penalty: float, images: int, steps: int, **options: Any) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=_strength(penalty, images), max_iter=steps, **options)


def _strength(penalty: float, images: int) -> float:
    """scikit-learn's C, which weighs the sum of all images' losses."""
    return 1 / (penalty * images)


def _ignore_bounded_steps() -> None:
    from sklearn.exceptions import ConvergenceWarning

    # the steps are bounded on purpose: the last digits of the weights cost more than they tell
    warnings.simplefilter("ignore", ConvergenceWarning)


def _spread(labels: Integers, most: int) -> Integers:
    """So many images at most, of each class the share that it has, in their order."""
    if len(labels) <= most:
        return np.arange(len(labels))
    order = np.argsort(labels, kind="stable")
    return np.sort(order[np.linspace(0, len(order) - 1, most).round().astype(np.int64)])


def _rank_in_class(labels: Integers) -> Integers:
    rank = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        own = labels == label
        rank[own] = np.arange(np.count_nonzero(own))
    return rank
