"""What is measured of pictures, against pictures that were made to have it, and against NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.oips.photographs import measure_pictures, of_photographs


def noise(exponent: float, n: int = 12, side: int = 64) -> np.ndarray:
    """Grey pictures whose amplitude falls as 1/f to an exponent."""
    rng = np.random.default_rng(3)
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None])
    fall = np.maximum(frequency, 1 / side) ** -exponent
    return np.fft.ifft2(np.fft.fft2(rng.normal(size=(n, side, side))) * fall).real[..., None]


@pytest.mark.parametrize("exponent", [0.6, 1.0, 1.4])
def test_the_fall_of_the_amplitude_is_found(exponent: float) -> None:
    assert measure_pictures(noise(exponent)).exponent == pytest.approx(exponent, abs=0.1)


@pytest.mark.parametrize("exponent", [0.0, 2.5])
def test_what_no_picture_has_is_not_taken_for_the_fall_of_pictures(exponent: float) -> None:
    assert 0.5 <= measure_pictures(noise(exponent)).exponent <= 1.5


@settings(deadline=None, max_examples=20)
@given(st.integers(2, 9), st.integers(17, 30), st.integers(17, 30), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_colours_are_those_that_numpy_finds(n: int, height: int, width: int, channels: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    images = rng.random((n, height, width, channels)) @ rng.random((channels, channels))
    found = measure_pictures(images.astype(np.float32))
    covariance = np.atleast_2d(np.cov(images.reshape(-1, channels).T, bias=True))
    np.testing.assert_allclose(found.covariance, covariance / (np.trace(covariance) / channels), atol=1e-4)
    difference = images - images.mean(-1, keepdims=True)
    assert found.chroma == pytest.approx(np.quantile(np.sqrt((difference**2).mean((1, 2, 3))), 0.9), abs=1e-5)


def test_pictures_that_are_all_one_shade_tell_nothing() -> None:
    assert measure_pictures(np.full((3, 32, 32, 3), 0.3, np.float32)).exponent == of_photographs(3).exponent


def test_of_very_small_pictures_the_fall_is_that_of_photographs() -> None:
    assert measure_pictures(np.random.default_rng(0).random((3, 8, 8, 1))).exponent == of_photographs(1).exponent


def test_colours_of_photographs_go_together() -> None:
    covariance = of_photographs(3).covariance
    np.testing.assert_array_equal(covariance, covariance.T)
    assert np.trace(covariance) == pytest.approx(3, abs=0.01)
    assert covariance.min() > 0.5
