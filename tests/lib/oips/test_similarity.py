"""Likeness at any shift, against loops over the shifts, and what is kept because of it."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.oips.similarity import ALIKE, correlation, distinct

SHAPES = [(5, 6, 1), (4, 4, 3), (1, 7, 1), (8, 3, 2)]
images_of = st.tuples(st.sampled_from(SHAPES), st.integers(0, 2**32 - 1))


def noise(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def by_loops(first: np.ndarray, second: np.ndarray) -> float:
    """Over every shift: the image wrapped round its border, and the image pushed out over it into zeros."""
    first, second = (image.astype(np.float64) - image.astype(np.float64).mean() for image in (first, second))
    norm = np.sqrt((first**2).sum() * (second**2).sum())
    height, width = first.shape[:2]
    found = []
    for down, right in itertools.product(range(-height, height + 1), range(-width, width + 1)):
        found.append((first * np.roll(second, (down, right), axis=(0, 1))).sum())
        pushed = np.zeros((3 * height, 3 * width, first.shape[2]))
        pushed[height + down : 2 * height + down, width + right : 2 * width + right] = second
        found.append((first * pushed[height : 2 * height, width : 2 * width]).sum())
    return float(max(found) / norm)


@given(images_of, st.integers(0, 2**32 - 1))
def test_correlation_is_what_loops_over_all_shifts_find(image: tuple[tuple[int, int, int], int], other: int) -> None:
    first, second = noise(*image), noise(image[0], other)
    assert correlation(first, second) == pytest.approx(by_loops(first, second), abs=1e-9)


@given(images_of, st.integers(0, 2**32 - 1))
def test_correlation_is_symmetric_and_between_minus_one_and_one(
    image: tuple[tuple[int, int, int], int], other: int
) -> None:
    first, second = noise(*image), noise(image[0], other)
    assert correlation(first, second) == pytest.approx(correlation(second, first), abs=1e-12)
    assert -1 <= correlation(first, second) <= 1


@given(
    images_of,
    st.integers(-20, 20),
    st.integers(-20, 20),
    st.floats(0.01, 100),
    st.floats(-10, 10),
)
def test_a_shifted_copy_is_alike_at_any_contrast_and_brightness(
    image: tuple[tuple[int, int, int], int], down: int, right: int, contrast: float, brightness: float
) -> None:
    first = noise(*image).astype(np.float64)
    copy = contrast * np.roll(first, (down, right), axis=(0, 1)) + brightness
    assert correlation(first, copy) == pytest.approx(1, abs=1e-6)


def test_a_pattern_pushed_half_out_of_the_image_is_still_recognised() -> None:
    """A wrapped shift alone would have the two meet with what comes in at the other side."""
    first = noise((16, 16, 1), 1)
    second = noise((16, 16, 1), 2)
    second[:, 4:] = first[:, :12]
    assert correlation(first, second) > 0.6


def test_an_image_is_unlike_its_negative_unless_a_shift_makes_them_one() -> None:
    checks = np.indices((8, 8)).sum(0)[..., None] % 2 - 0.5
    assert correlation(checks, -checks) == pytest.approx(1)
    spot = np.zeros((8, 8, 1))
    spot[4, 4] = 1
    assert correlation(spot, -spot) < 0.1


def test_a_constant_image_is_like_another_constant_image_and_like_no_other() -> None:
    grey, white = np.full((6, 6, 1), 0.3, np.float32), np.ones((6, 6, 1), np.float32)
    assert correlation(grey, white) == 1
    assert correlation(white, white) == 1
    assert correlation(grey, noise((6, 6, 1), 3)) == 0


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 9),
    most=st.integers(1, 6),
    patterns=st.integers(1, 4),
)
def test_kept_images_are_the_best_and_pairwise_unlike(seed: int, count: int, most: int, patterns: int) -> None:
    random = np.random.default_rng(seed)
    masters = random.normal(size=(patterns, 6, 6, 1))
    images = np.stack(
        [
            np.roll(masters[random.integers(patterns)], random.integers(0, 6, 2), axis=(0, 1))
            + 0.3 * random.normal(size=(6, 6, 1))
            for _ in range(count)
        ]
    )
    scores = random.integers(0, 4, count).astype(float)  # with ties
    kept = distinct(images, scores, most)
    assert 1 <= len(kept) <= most
    assert scores[kept[0]] == scores.max()
    assert [float(scores[at]) for at in kept] == sorted((float(scores[at]) for at in kept), reverse=True)
    for first, second in itertools.combinations(kept, 2):
        assert correlation(images[first], images[second]) < ALIKE
    if len(kept) < most:  # then whatever was left out is like a kept one that is as good or better
        for at in set(range(count)) - set(kept):
            assert any(
                correlation(images[at], images[other]) >= ALIKE and scores[other] >= scores[at] for other in kept
            )


def test_of_copies_only_the_best_is_kept_and_of_equal_ones_the_first() -> None:
    image = noise((6, 6, 1), 4)
    copies = np.stack([np.roll(image, shift, axis=0) for shift in range(4)])
    assert distinct(copies, [1.0, 3.0, 2.0, 3.0], 4) == [1]
    assert distinct(np.ones((3, 6, 6, 1), np.float32), [1.0, 1.0, 1.0], 3) == [0]
