"""The score of a judge that sees what the unit sees, and of one that guesses; and pairs that are drawn fairly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.naturalness.judging import Judging, draw_pairs, score

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
    assert score(Judging(features).answers(shown, pairs)).low > 0.95
    blind = np.delete(features, 3, axis=1)
    guessed = score(Judging(blind).answers(RNG.normal(size=(1, 11)), pairs))
    assert 0.3 < guessed.share < 0.7


def test_a_judge_to_whom_all_images_are_one_can_tell_nothing() -> None:
    right = Judging(np.ones((300, 5))).answers(np.ones((2, 5)), draw_pairs(RESPONSES, [], seed=0))
    assert score(right).share == 0.5


@given(n=st.integers(1, 500), right=st.integers(0, 500))
def test_the_interval_holds_the_share_and_stays_within_0_and_1(n: int, right: int) -> None:
    found = score(np.arange(n) < min(right, n))
    assert 0 <= found.low <= found.share + 1e-12
    assert found.share - 1e-12 <= found.high <= 1
    assert found.pairs == n


def test_of_a_unit_that_responds_alike_to_all_images_there_is_nothing_to_tell() -> None:
    few = np.zeros(300)
    few[:40] = 1
    for responses in (np.zeros(300), few, np.full(300, np.nan)):
        pairs = draw_pairs(responses, range(40), seed=0)
        assert pairs.shape == (0, 2)
        right = Judging(RNG.normal(size=(300, 4))).answers(RNG.normal(size=(2, 4)), pairs)
        assert right.shape == (0,)
        found = score(right)
        assert np.isnan([found.share, found.low, found.high]).all()
        assert found.pairs == 0
    assert len(draw_pairs(few, [], seed=0)) > 0


@given(scale=st.floats(1e-3, 1e3), shift=st.floats(-5, 5), seed=st.integers(0, 99))
def test_in_which_units_a_feature_is_measured_is_no_matter(scale: float, shift: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    natural, shown = rng.normal(size=(300, 6)), rng.normal(size=(3, 6))
    pairs = draw_pairs(RESPONSES, [], seed=seed)
    as_it_is = Judging(natural).answers(shown, pairs)
    measured = Judging(scale * natural + shift).answers(scale * shown + shift, pairs)
    assert (as_it_is != measured).mean() < 0.02  # float32 may round a tie apart
