"""What an accuracy is worth, and whether the classes stand in another order."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.analysis.chance import Worth, at_least, better_by_chance, find_order, losses_of, worth_of
from lib.analysis.predictions import Predictions
from lib.arrays import Doubles, Integers


def predictions(labels: list[int], called: list[int], classes: int, sure: float = 0.9) -> Predictions:
    """Such that each image is called so, with this probability."""
    probabilities = np.full((len(labels), classes), (1 - sure) / (classes - 1))
    probabilities[np.arange(len(labels)), called] = sure
    return Predictions(probabilities, np.array(labels))


def tail(successes: int, trials: int, share: float) -> float:
    """By the definition."""
    return sum(comb(trials, n) * share**n * (1 - share) ** (trials - n) for n in range(successes, trials + 1))


@given(st.integers(0, 40), st.integers(0, 40), st.floats(0.01, 0.99))
def test_the_probability_of_so_many_or_more_is_that_of_the_definition(some: int, others: int, share: float) -> None:
    assert at_least(some, some + others, share) == pytest.approx(tail(some, some + others, share), abs=1e-12)


@given(st.integers(1, 60), st.data())
def test_an_interval_holds_what_it_is_of_and_leaves_out_what_is_improbable(images: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, images))
    worth = Worth(right, images, 3, images)
    low, high = worth.interval
    assert 0 <= low <= worth.accuracy <= high <= 1
    if right:
        assert tail(right, images, low) == pytest.approx(0.025, abs=1e-6)
    if right < images:
        assert 1 - tail(right + 1, images, high) == pytest.approx(0.025, abs=1e-6)


@pytest.mark.parametrize(
    ("right", "images", "classes", "majority", "near"),
    [
        (100, 1000, 10, 100, True),
        (130, 1000, 10, 100, False),  # little, but no chance
        (5, 1000, 10, 100, True),  # below it
        (905, 1000, 2, 900, True),  # what always naming the larger class would give
        (990, 1000, 2, 900, False),
        (5, 5, 3, 3, False),  # all right: too few to prove anything, and nothing speaks against it
        (1, 3, 3, 1, False),  # a good network may be so unlucky
        (2, 9, 3, 6, True),
        (22, 100, 3, 64, True),
    ],
)
def test_what_is_near_chance(right: int, images: int, classes: int, majority: int, near: bool) -> None:
    assert Worth(right, images, classes, majority).near_chance is near


def test_worth_is_counted_from_predictions() -> None:
    assert worth_of(predictions([0, 0, 0, 1, 2], [0, 0, 1, 1, 1], 3)) == Worth(3, 5, 3, 3)


@given(st.integers(2, 6), st.integers(15, 40), st.integers(0, 2**32 - 1))
def test_a_network_that_guesses_is_near_chance_nearly_always(classes: int, of_each: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), of_each)
    near = []
    for _ in range(60):
        right = int((rng.integers(0, classes, len(labels)) == labels).sum())
        near.append(Worth(right, len(labels), classes, of_each).near_chance)
    assert np.mean(near) > 0.6


def test_two_that_are_equally_good_are_told_apart_by_no_luck() -> None:
    one, other = np.ones(10, bool), np.zeros(10, bool)
    assert better_by_chance(one, other) == pytest.approx(2.0**-10)
    assert better_by_chance(other, one) == 1
    assert better_by_chance(one, one) == 1


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_of_two_one_at_most_is_better(pairs: list[tuple[bool, bool]]) -> None:
    one, other = np.array(pairs).T
    first, second = better_by_chance(one, other), better_by_chance(other, one)
    assert max(first, second) == 1
    assert min(first, second) > 0


@given(st.permutations(range(5)), st.integers(20, 40), st.floats(0.0, 0.2), st.integers(0, 2**32 - 1))
def test_another_order_of_the_classes_is_found_in_spite_of_errors(
    order: list[int], of_each: int, wrong: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(5), of_each)
    called = np.where(rng.random(len(labels)) < wrong, rng.integers(0, 5, len(labels)), np.array(order)[labels])
    found = find_order(predictions(labels.tolist(), called.tolist(), 5))
    if order == sorted(order):
        assert found is None
    else:
        assert found is not None
        assert found.outputs == tuple(order)
        assert found.accuracy == pytest.approx((np.array(order)[labels] == called).mean())


@given(st.integers(2, 6), st.integers(5, 60), st.booleans(), st.integers(0, 2**32 - 1))
def test_a_network_that_knows_nothing_has_no_order(classes: int, of_each: int, always_one: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), of_each)
    called = np.full(len(labels), rng.integers(classes)) if always_one else rng.integers(0, classes, len(labels))
    assert find_order(predictions(labels.tolist(), called.tolist(), classes)) is None


def test_a_network_that_is_not_sure_has_no_order() -> None:
    labels = [0] * 30 + [1] * 30
    called = [1] * 30 + [0] * 30
    assert find_order(predictions(labels, called, 2)) is not None
    assert find_order(predictions(labels, called, 2, sure=0.55)) is None  # as one of random weights


def test_a_few_pictures_show_no_order() -> None:
    assert find_order(predictions([0, 0, 1, 1], [1, 1, 0, 0], 2)) is None


def test_classes_without_a_picture_keep_their_places_where_those_are_free() -> None:
    labels = [0] * 20 + [1] * 20 + [3] * 20
    called = [1] * 20 + [0] * 20 + [3] * 20
    found = find_order(predictions(labels, called, 5))
    assert found is not None
    assert found.outputs == (1, 0, 2, 3, 4)
    moved = find_order(predictions(labels, [2] * 20 + [0] * 20 + [3] * 20, 5))
    assert moved is not None
    assert sorted(moved.outputs) == [0, 1, 2, 3, 4]
    assert moved.outputs[4] == 4


def expected_loss(probabilities: Doubles, labels: Integers) -> list[float]:
    return [-float(np.log(row[label])) for row, label in zip(probabilities, labels, strict=True)]


def test_the_loss_is_that_of_the_labels_class_and_finite() -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(4), 9)
    labels = np.arange(9) % 4
    np.testing.assert_allclose(losses_of(probabilities, labels), expected_loss(probabilities, labels), rtol=1e-12)
    unknown = losses_of(np.array([[np.nan, np.nan], [0.0, 1.0]]), np.array([0, 0]))
    assert unknown.tolist() == pytest.approx([69.08] * 2, 1e-3)
