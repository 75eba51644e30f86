"""Probes of small and uneven sets are held back as far as they must be, and of large ones no further."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.analysis.probe_fit import FOLDS, MOST_COMPARED, PENALTIES, choose_penalty, fit_probe


def sample(images: int, values: int, signal: float, seed: int, share: float = 0.5) -> tuple[Any, Any]:
    """Two classes that differ a little in each of the first ten values; the others are noise."""
    random = np.random.default_rng(seed)
    labels = (random.random(images) < share).astype(np.int64)
    labels[:2] = 0, 1
    features = random.normal(size=(images, values)).astype(np.float32)
    features[:, :10] += signal * (2 * labels[:, None] - 1)
    return features, labels


def accuracy(penalty: float, learned: tuple[Any, Any], tested: tuple[Any, Any]) -> float:
    from sklearn.linear_model import LogisticRegression

    classifier = LogisticRegression(C=1 / (penalty * len(learned[1])), max_iter=200).fit(*learned)
    return float((classifier.predict(tested[0]) == tested[1]).mean())


@pytest.mark.parametrize(("images", "values", "signal"), [(30, 400, 0.5), (200, 50, 0.3), (1500, 20, 0.2)])
def test_the_chosen_penalty_reads_unseen_images_nearly_as_well_as_the_best(
    images: int, values: int, signal: float
) -> None:
    regrets = []
    for seed in range(5):
        learned, tested = sample(images, values, signal, seed), sample(2000, values, signal, seed + 100)
        shares = {penalty: accuracy(penalty, learned, tested) for penalty in PENALTIES}
        regrets.append(max(shares.values()) - shares[choose_penalty(*learned)])
    assert np.mean(regrets) < 0.03


def test_noise_is_held_back_more_than_what_is_clear() -> None:
    noise, clear = (choose_penalty(*sample(120, 300, signal, 3)) for signal in (0.05, 3.0))
    assert noise > clear or noise == PENALTIES[0]


def test_the_classifier_is_fitted_with_the_penalty_of_an_image() -> None:
    features, labels = sample(60, 20, 1.0, 0)
    classifier, penalty = fit_probe(features, labels)
    assert pytest.approx(1 / (penalty * 60)) == classifier.C
    assert penalty == choose_penalty(features, labels)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(0, 4), min_size=2, max_size=14).filter(lambda labels: len(set(labels)) > 1), st.integers(0, 9)
)
def test_however_few_and_uneven_the_images_are_a_penalty_is_found(labels: list[int], seed: int) -> None:
    features = np.random.default_rng(seed).normal(size=(len(labels), 3)).astype(np.float32)
    classifier, penalty = fit_probe(features, np.array(labels))
    assert penalty in PENALTIES
    assert set(classifier.predict(features)) <= set(labels)


def test_from_many_images_the_choice_is_made_on_some_of_each_class(monkeypatch: pytest.MonkeyPatch) -> None:
    from lib.analysis import probe_fit

    sizes = []
    path = probe_fit._path
    monkeypatch.setattr(
        probe_fit, "_path", lambda features, labels: sizes.append(np.bincount(labels)) or path(features, labels)
    )
    features, labels = sample(5 * MOST_COMPARED, 4, 1.0, 0, share=0.1)
    choose_penalty(features, labels)
    assert len(sizes) == FOLDS
    for counts in sizes:
        assert counts.sum() == pytest.approx(MOST_COMPARED * (FOLDS - 1) / FOLDS, abs=2)
        assert counts[1] / counts.sum() == pytest.approx(labels.mean(), abs=0.01)
