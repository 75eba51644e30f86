"""Surveys against counting all responses at once."""

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lib.responses.statistics import BINS, MOST_CLASSES, Survey, Surveyed

CLASSES = 3
LARGE = 2.0**40


def surveyed(responses: Any, labels: Any, order: Any = None, batch: int = 100, classes: int = CLASSES) -> Surveyed:
    """The survey of responses [N, units], told in some order, `batch` at a time."""
    order = np.arange(len(responses)) if order is None else np.asarray(order)
    survey = Survey(responses.shape[1], labels, classes)
    for first in range(0, len(order), batch):
        part = order[first : first + batch]
        survey.add(part, responses[part])
    return survey.found()


values = st.one_of(
    st.just(0.0), st.floats(-LARGE, LARGE, width=32), st.floats(-1, 1, width=32), st.floats(0, 2.0**-100, width=32)
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Any, Any, list[int], int]:
    """Responses of two units, labels, an order of the images and a batch size."""
    count = draw(st.integers(1, 30))
    responses = draw(arrays(np.float32, (count, 2), elements=values))
    labels = draw(arrays(np.int64, count, elements=st.integers(0, CLASSES - 1)))
    return responses, labels, draw(st.permutations(range(count))), draw(st.integers(1, count))


@given(cases())
def test_a_histogram_does_not_depend_on_batches_and_order_and_counts_every_image_once(case: Any) -> None:
    responses, labels, order, batch = case
    found, at_once = surveyed(responses, labels, order, batch), surveyed(responses, labels)
    for name in ("histogram", "edges", "silent"):
        np.testing.assert_array_equal(getattr(found, name), getattr(at_once, name))
    for unit, (counts, edges) in enumerate(zip(found.histogram, found.edges, strict=True)):
        assert len(edges) == BINS + 1
        assert edges[0] <= min(responses[:, unit].min(), 0)
        assert max(responses[:, unit].max(), 0) < edges[-1]
        assert 0.0 in edges
        for label in range(CLASSES):
            own = responses[labels == label, unit].astype(np.float64)
            # numpy's last bin holds its right edge too, ours does not: there is nothing on it
            np.testing.assert_array_equal(counts[label], np.histogram(own[own != 0], edges)[0])
            assert found.silent[unit, label] == (own == 0).sum()


@example((np.array([[1e-45, 0]], np.float32), np.array([0]), [0], 1))  # the least that float32 has
@given(cases())
def test_the_responses_fill_half_of_the_bins_at_least(case: Any) -> None:
    responses, labels, order, batch = case
    found = surveyed(responses, labels, order, batch)
    for unit, counts in enumerate(found.histogram):
        own = np.append(responses[:, unit], 0).astype(np.float64)
        if own.any():
            width = np.diff(found.edges[unit]).min()
            assert own.max() - own.min() >= (BINS - 1) / 2 * width
        assert counts.sum() == np.count_nonzero(responses[:, unit])


def test_means_and_correlations_are_those_of_all_responses(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    mixing = random.normal(size=(4, 12))
    # far from zero, where squares lose digits
    responses = (1e4 + random.normal(size=(500, 4)) @ mixing + 0.1 * random.normal(size=(500, 12))).astype(np.float32)
    responses[:, 5] = 7.0
    labels = random.integers(0, CLASSES, 500)
    found = surveyed(responses, labels, random.permutation(500), 64)
    exact = responses.astype(np.float64)
    for label in range(CLASSES):
        np.testing.assert_allclose(found.class_means[:, label], exact[labels == label].mean(0), rtol=1e-6)
    others = np.delete(np.arange(12), 5)
    expected = np.corrcoef(exact[:, others], rowvar=False)
    np.fill_diagonal(expected, -2)
    for row, unit in enumerate(others):
        order = np.argsort(-expected[row])[:8]
        np.testing.assert_array_equal(found.nearest.units[unit], others[order])
        np.testing.assert_allclose(found.nearest.likeness[unit], expected[row][order], atol=1e-5)
    assert (found.nearest.units[5] == -1).all()
    assert not found.nearest.likeness[5].any()
    assert 5 not in found.nearest.units


def test_a_class_without_images_has_no_mean() -> None:
    found = surveyed(np.ones((4, 2), np.float32), np.array([0, 0, 2, 2]))
    np.testing.assert_array_equal(np.isnan(found.class_means), [[False, True, False]] * 2)
    assert not found.histogram[:, 1].any()


def test_a_unit_that_never_responds_is_silent_for_all_images() -> None:
    found = surveyed(np.zeros((10, 1), np.float32), np.arange(10) % CLASSES, batch=3)
    np.testing.assert_array_equal(found.silent, [[4, 3, 3]])
    assert not found.histogram.any()
    assert (np.diff(found.edges[0]) > 0).all()


def test_what_is_not_finite_is_in_no_bin_and_spoils_no_other_unit() -> None:
    responses = np.random.default_rng(1).random((20, 3)).astype(np.float32)
    expected = surveyed(responses, np.zeros(20, np.int64))
    broken = responses.copy()
    broken[4, 1], broken[7, 1] = np.nan, np.inf
    found = surveyed(broken, np.zeros(20, np.int64), batch=6)
    assert found.histogram[1].sum() == 18
    assert not found.silent.any()
    for unit in (0, 2):
        np.testing.assert_array_equal(found.histogram[unit], expected.histogram[unit])
        assert set(found.nearest.units[unit]) == {2 - unit, -1}


def test_of_very_many_classes_all_images_are_counted_together() -> None:
    classes = MOST_CLASSES + 1
    labels = np.arange(200) % classes
    responses = labels[:, None].astype(np.float32)
    found = surveyed(responses, labels, classes=classes)
    assert found.histogram.shape == (1, 1, BINS)
    np.testing.assert_array_equal(found.silent, [[4]])
    np.testing.assert_array_equal(found.class_means[0], np.arange(classes))


@given(cases(), st.integers(1, 4))
def test_surveys_of_parts_come_to_what_one_survey_of_all_images_does(
    case: tuple[Any, Any, list[int], int], parts: int
) -> None:
    responses, labels, order, batch = case
    joined = Survey(2, labels, CLASSES)
    for some in np.array_split(np.asarray(order), parts):
        part = Survey(2, labels, CLASSES)
        for first in range(0, len(some), batch):
            part.add(some[first : first + batch], responses[some[first : first + batch]])
        joined.join(part.counted())
    found, whole = joined.found(), surveyed(responses, labels, order, batch)
    for name in ("histogram", "edges", "silent", "class_counts"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))
    scale = np.abs(responses).max(axis=0)[:, None] + 1e-30
    np.testing.assert_allclose(found.class_means / scale, whole.class_means / scale, atol=1e-6)


def test_correlations_of_parts_far_from_one_another_are_those_of_all_images() -> None:
    generator = np.random.default_rng(3)
    common = generator.normal(size=(400, 1))
    noise = generator.normal(size=(400, 5)) * np.arange(1, 6)
    responses = (common + noise + np.repeat([[0], [100]], 200, axis=0)).astype(np.float32)
    labels = np.zeros(400, np.int64)
    joined = Survey(5, labels, 1)
    for part in (range(200), range(200, 400)):
        survey = Survey(5, labels, 1)
        survey.add(np.array(part), responses[list(part)])
        joined.join(survey.counted())
    expected = np.corrcoef(responses.astype(np.float64), rowvar=False)
    nearest = joined.found().nearest
    for unit in range(5):
        others = nearest.units[unit, :4]  # there are no more
        np.testing.assert_allclose(nearest.likeness[unit, :4], expected[unit, others], atol=1e-6)
