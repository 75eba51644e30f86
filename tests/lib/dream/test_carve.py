"""Dreaming on one coarse scale, step by step as in the blog."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lib.dream.carve import carve, fit_range, like

RANDOM = np.random.default_rng(0)
SIZE = (14, 10)


def picture(height: int = 61, width: int = 90, channels: int = 1) -> Any:
    """Soft shapes with a fine grain."""
    soft = np.asarray(Image.fromarray(RANDOM.random((7, 9)).astype(np.float32)).resize((width, height)))
    grain = RANDOM.normal(scale=0.04, size=(height, width, channels))
    return np.clip(0.2 + 0.5 * soft[:, :, None] + grain, 0, 1).astype(np.float32)


def nothing(number: int, small: Any) -> Any:
    return small, np.zeros(1, np.float32)


def brighter_left(number: int, small: Any) -> Any:
    ramp = np.linspace(0.3, 0, small.shape[1], dtype=np.float32)[None, :, None]
    return np.clip(small + ramp, 0, 1), np.array([number, number + 1], np.float32)


def bicubic(pixels: Any, height: int, width: int) -> Any:
    planes = [Image.fromarray(pixels[:, :, c]).resize((width, height), Image.Resampling.BICUBIC) for c in range(1)]
    return np.stack([np.asarray(plane) for plane in planes], 2)


@pytest.mark.parametrize("shape", [(61, 90, 1), (14, 10, 1), (5, 4, 1), (33, 8, 3), (1, 1, 1)])
def test_an_ascent_that_changes_nothing_gives_the_picture_back(shape: tuple[int, ...]) -> None:
    source = picture(*shape)
    found = carve(source, SIZE, nothing, 4)
    np.testing.assert_allclose(found.adjusted, source, atol=0.02)  # but for what fits between black and white
    np.testing.assert_allclose(found.detailed, source, atol=1e-5)
    assert found.pattern.shape == (*SIZE, shape[2])


def test_the_rounds_are_those_of_the_blog() -> None:
    source = picture()
    height, width = source.shape[:2]
    start = np.clip(bicubic(source, *SIZE), 0, 1)
    details = source - bicubic(start, height, width)
    small = start
    for number in range(3):
        optimised, _ = brighter_left(number, small)
        pattern = (optimised - optimised.mean()) / optimised.std() * start.std() + start.mean()
        detailed = bicubic(pattern, height, width) + details
        small = np.clip(bicubic(detailed, *SIZE), 0, 1)
    found = carve(source, SIZE, brighter_left, 3)
    np.testing.assert_allclose(found.start, start, atol=1e-6)
    np.testing.assert_allclose(found.pattern, pattern, atol=1e-5)
    np.testing.assert_allclose(found.detailed, detailed, atol=1e-5)
    assert [list(values) for values in found.values] == [[0, 1], [1, 2], [2, 3]]


def test_the_details_of_the_picture_survive_and_its_coarse_shape_does_not() -> None:
    source = picture()
    found = carve(source, SIZE, brighter_left, 4)

    def fine(pixels: Any) -> Any:
        return (pixels[1:, 1:] - pixels[:-1, :-1]).ravel()

    assert np.corrcoef(fine(found.adjusted), fine(source))[0, 1] > 0.95
    assert np.corrcoef(found.adjusted.ravel(), source.ravel())[0, 1] < 0.9


@settings(max_examples=50)
@given(st.integers(0, 10**6), st.floats(-1, 2), st.floats(1e-3, 3))
def test_what_is_fitted_is_a_picture_of_which_hardly_anything_was_cut(seed: int, mean: float, spread: float) -> None:
    pixels = np.random.default_rng(seed).normal(mean, spread, (30, 40, 1)).astype(np.float32)
    found = fit_range(pixels)
    assert found.min() >= 0
    assert found.max() <= 1
    assert ((found == 0) | (found == 1)).mean() <= 0.02
    # the order of tones is kept, and no contrast is added
    flat, before = found.ravel()[np.argsort(pixels.ravel())], np.sort(pixels.ravel())
    assert (np.diff(flat) >= 0).all()
    assert (np.diff(flat) <= np.diff(before) + 1e-5).all()


def test_what_fits_already_stays_as_it_is() -> None:
    source = picture()
    np.testing.assert_allclose(fit_range(source), source, atol=1e-6)


def test_a_picture_takes_on_the_mean_and_the_deviation_of_another() -> None:
    one, other = picture(channels=3), 0.3 * picture(20, 20)
    found = like(one, other)
    assert found.mean() == pytest.approx(other.mean(), abs=1e-6)
    assert found.std() == pytest.approx(other.std(), rel=1e-5)
    assert np.isfinite(like(np.ones_like(one), other)).all()


def test_an_even_picture_stays_even() -> None:
    even = np.full((30, 40, 1), 0.4, np.float32)
    np.testing.assert_allclose(carve(even, SIZE, brighter_left, 2).adjusted, even, atol=1e-5)
