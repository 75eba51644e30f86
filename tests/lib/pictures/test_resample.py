"""Bicubic resizing, against its definition in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.pictures.resample import resize

sides = st.integers(1, 24)


def cubic(x: np.ndarray) -> np.ndarray:
    """Keys's kernel with a = -0.5."""
    x = np.abs(x)
    near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def weights(old: int, new: int) -> np.ndarray:
    """[new, old]: how much of each old value is in each new one."""
    scale = old / new
    centres = (np.arange(new) + 0.5) * scale - 0.5
    found = cubic((np.arange(old)[None, :] - centres[:, None]) / max(scale, 1))
    return found / found.sum(1, keepdims=True)


@settings(max_examples=100)
@given(sides, sides, sides, sides, st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_it_is_the_bicubic_of_its_definition(
    height: int, width: int, high: int, wide: int, channels: int, seed: int
) -> None:
    pixels = np.random.default_rng(seed).normal(size=(height, width, channels)).astype(np.float32)
    found = resize(pixels, high, wide)
    expected = np.einsum("ih,jw,hwc->ijc", weights(height, high), weights(width, wide), pixels.astype(np.float64))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.mark.parametrize("size", [(7, 5), (1, 1), (30, 40), (15, 11)])
def test_an_even_picture_stays_even(size: tuple[int, int]) -> None:
    np.testing.assert_allclose(resize(np.full((15, 11, 3), 0.3, np.float32), *size), 0.3, rtol=1e-6)


def test_the_same_size_changes_nothing_and_shares_nothing() -> None:
    pixels = np.random.default_rng(1).random((6, 9, 3)).astype(np.float32)
    found = resize(pixels, 6, 9)
    np.testing.assert_array_equal(found, pixels)
    assert not np.shares_memory(found, pixels)


def test_planes_that_lie_apart_in_memory_are_taken_as_they_are() -> None:
    pixels = np.random.default_rng(1).random((12, 18, 3)).astype(np.float32)
    np.testing.assert_array_equal(resize(pixels[::2, ::-3], 5, 5), resize(pixels[::2, ::-3].copy(), 5, 5))
