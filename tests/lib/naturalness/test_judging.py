"""The score of a judge that sees what the unit sees, and of one that guesses; and pairs that are drawn fairly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.naturalness.judging import answers, draw_pairs, score

RNG = np.random.default_rng(1)
RESPONSES = RNG.random(300)


@given(seed=st.integers(0, 2**63 - 1))
def test_pairs_come_from_the_strongest_and_the_weakest_tenth_of_what_was_not_used(seed: int) -> None:
    used = np.argsort(RESPONSES)[-9:].tolist()
    pairs = draw_pairs(RESPONSES, used, seed=seed)
    left = np.sort(np.delete(RESPONSES, used))
    assert not set(used) & set(pairs.ravel().tolist())
    assert RESPONSES[pairs[:, 0]].min() >= left[-29]
    assert RESPONSES[pairs[:, 1]].max() <= left[28]
    np.testing.assert_array_equal(draw_pairs(RESPONSES, used, seed=seed), pairs)


def test_too_few_images_are_refused() -> None:
    with pytest.raises(ValueError, match="19 images are too few"):
        draw_pairs(RESPONSES[:21], [0, 1], seed=0)


def test_a_judge_that_sees_what_the_unit_sees_is_right_and_one_that_does_not_guesses() -> None:
    features = RNG.normal(size=(300, 12))
    features[:, 3] = RESPONSES
    pairs = draw_pairs(RESPONSES, [], seed=4, pairs=400)
    shown = np.zeros((1, 12))
    shown[0] = features.mean(0)
    shown[0, 3] = 5
    assert score(answers(shown, features, pairs)).low > 0.95
    blind = np.delete(features, 3, axis=1)
    guessed = score(answers(RNG.normal(size=(1, 11)), blind, pairs))
    assert 0.3 < guessed.share < 0.7


def test_a_judge_to_whom_all_images_are_one_can_tell_nothing() -> None:
    right = answers(np.ones((2, 5)), np.ones((300, 5)), draw_pairs(RESPONSES, [], seed=0))
    assert score(right).share == 0.5


@given(n=st.integers(1, 500), right=st.integers(0, 500))
def test_the_interval_holds_the_share_and_stays_within_0_and_1(n: int, right: int) -> None:
    found = score(np.arange(n) < min(right, n))
    assert 0 <= found.low <= found.share + 1e-12
    assert found.share - 1e-12 <= found.high <= 1
    assert found.pairs == n
