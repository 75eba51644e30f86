"""FCPs against loops over every position."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lib.analysis.fcps import Fcps, count_active, find_fcps, share_decided
from lib.errors import BadInput

VALUES = st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0, 4.0, float("nan")])
SHAPES = st.sampled_from([(5,), (2, 2, 3), (3, 2)])


@st.composite
def groups(draw):
    shape = draw(SHAPES)
    return [draw(arrays(np.float32, (draw(st.integers(1, 3)), *shape), elements=VALUES)) for _ in range(3)]


@given(groups(), st.sampled_from([0.1, 0.25, 0.5, 0.9]))
def test_patterns_are_as_a_loop_over_positions_finds_them(some, threshold) -> None:
    first, second, beside = some
    found = find_fcps(first, second, threshold, beside=beside)
    greatest = max([0.0, *(float(v) for group in some for v in group.ravel() if np.isfinite(v))])
    assert found.level == pytest.approx(threshold * greatest)
    for place in np.ndindex(first.shape[1:]):
        one = [image[place] > found.level for image in first]
        other = [image[place] > found.level for image in second]
        assert found.only_first[place] == (all(one) and not any(other))
        assert found.only_second[place] == (all(other) and not any(one))
        assert found.both[place] == (all(one) and all(other))


@given(groups())
def test_exchanging_the_groups_exchanges_their_patterns(some) -> None:
    first, second, _ = some
    one, other = find_fcps(first, second, 0.3), find_fcps(second, first, 0.3)
    np.testing.assert_array_equal(one.only_first, other.only_second)
    np.testing.assert_array_equal(one.both, other.both)


@given(groups())
def test_each_image_of_a_group_shows_all_patterns_of_it_and_none_of_the_other(some) -> None:
    first, second, _ = some
    found = find_fcps(first, second, 0.3)
    own, other, both = found.shown_by(first)
    assert (own == found.only_first.sum()).all()
    assert (other == 0).all()
    assert (both == found.both.sum()).all()


def test_a_layer_that_is_silent_has_no_patterns() -> None:
    silent = np.zeros((2, 3, 3, 4), np.float32)
    found = find_fcps(silent, silent - 1, 0.5)
    for pattern in (found.only_first, found.only_second, found.both):
        assert not pattern.any()


@given(
    arrays(np.float32, (12, 2, 3), elements=VALUES),
    st.lists(st.integers(0, 2), min_size=12, max_size=12),
    st.integers(1, 12),
)
def test_shares_by_class_are_as_counted_one_by_one_in_batches_of_any_size(activations, labels, batch) -> None:
    batches = (activations[at : at + batch] for at in range(0, 12, batch))
    shares = count_active(batches, labels, 0.75, 4)
    assert shares.shape == (4, 2, 3)
    for label in range(4):
        of_class = [image for image, own in zip(activations, labels, strict=True) if own == label]
        if of_class:
            np.testing.assert_allclose(shares[label], np.mean([image > 0.75 for image in of_class], axis=0))
        else:
            assert np.isnan(shares[label]).all()


def patterns() -> Fcps:
    """Units 0 and 1 are of the first class, 2 of the second."""
    of_first, of_second = np.array([1, 1, 0, 0], bool), np.array([0, 0, 1, 0], bool)
    return Fcps(of_first, of_second, np.array([0, 0, 0, 1], bool), 0.5)


def test_an_image_is_taken_for_the_class_of_which_it_shows_the_greater_share() -> None:
    images = np.array([[1, 1, 0, 1], [1, 0, 0, 0], [1, 0, 1, 0], [1, 1, 1, 0], [0, 0, 0, 0], [1, 1, 0, 0]], np.float32)
    # all of the first; half of it; half against all; all of both; nothing; another class
    labels = [4, 4, 9, 4, 9, 7]
    expected = (1 + 1 + 1 + 0.5 + 0.5) / 5
    assert share_decided([images[:2], images[2:]], labels, patterns(), (4, 9)) == expected
    assert share_decided([images], [9, 9, 4, 9, 4, 0], patterns(), (9, 4)) == expected


def test_without_patterns_the_classes_are_guessed() -> None:
    none = np.zeros(4, bool)
    found = Fcps(none, none, none, 0.5)
    images = np.ones((3, 4), np.float32)
    assert share_decided([images], [0, 1, 1], found, (0, 1)) == 0.5
    assert np.isnan(share_decided([images], [2, 2, 2], found, (0, 1)))


@pytest.mark.parametrize("count", [2, 4])
def test_labels_and_images_must_be_as_many(count) -> None:
    images = np.ones((3, 4), np.float32)
    for ask in (
        lambda: count_active([images], [0] * count, 0.5, 2),
        lambda: share_decided([images], [0] * count, patterns(), (0, 1)),
    ):
        with pytest.raises(BadInput, match=f"{count} labels"):
            ask()


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda some: find_fcps(some, some, 0.0), "between 0 and 1, not 0"),
        (lambda some: find_fcps(some, some, 1.0), "between 0 and 1, not 1"),
        (lambda some: find_fcps(some, some[:0], 0.5), "at least one image"),
        (lambda some: find_fcps(some, some[:, :2], 0.5), "different layers"),
        (lambda some: patterns().shown_by(some), "patterns of"),
    ],
)
def test_what_has_no_patterns_is_refused(ask, message) -> None:
    with pytest.raises(BadInput, match=message):
        ask(np.ones((2, 3), np.float32))
