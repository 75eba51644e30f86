"""Images keep their constraint, directions have one length, and pixel bounds hold for every image there can be."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.errors import BadInput
from lib.oips.constraint import CONSTRAINTS, Constraint, ConstraintName

STANDARDISED = Constraint("standardised", 0.0, 1.0)
BOX = Constraint("box", -0.5, 2.0)
SHAPE = (4, 6, 5, 2)


def pixels(seed: int, scale: float = 1.0, offset: float = 0.0, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=shape) * scale + offset).astype(np.float32)


seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.floats(1e-3, 1e3), st.floats(-5, 5))
def test_a_standardised_image_has_zero_mean_and_unit_variance(seed: int, scale: float, offset: float) -> None:
    images = np.asarray(STANDARDISED.image(pixels(seed, scale, offset * scale)), np.float64)
    np.testing.assert_allclose(images.mean((1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(images.var((1, 2, 3)), 1, rtol=1e-4)


@given(seeds, st.floats(1e-3, 1e3), st.floats(-5, 5))
def test_a_boxed_image_is_inside_and_unchanged_where_it_was(seed: int, scale: float, offset: float) -> None:
    given_pixels = pixels(seed, scale, offset)
    images = np.asarray(BOX.image(given_pixels))
    assert images.min() >= BOX.low
    assert images.max() <= BOX.high
    inside = (given_pixels >= BOX.low) & (given_pixels <= BOX.high)
    np.testing.assert_array_equal(images[inside], given_pixels[inside])


@pytest.mark.parametrize("constraint", [STANDARDISED, BOX], ids=CONSTRAINTS)
@given(seed=seeds)
def test_an_image_that_keeps_the_constraint_is_left_as_it_is(constraint: Constraint, seed: int) -> None:
    once = np.asarray(constraint.image(pixels(seed)))
    np.testing.assert_allclose(constraint.image(once), once, atol=1e-5)


def test_a_constant_image_becomes_zero_and_no_nan() -> None:
    np.testing.assert_array_equal(STANDARDISED.image(np.full(SHAPE, 3.0, np.float32)), 0)


def test_noise_fills_the_box() -> None:
    images = np.asarray(BOX.start(pixels(1, shape=(4, 40, 40, 1))))
    assert images.mean() == pytest.approx((BOX.low + BOX.high) / 2, abs=0.05)
    assert images.std() == pytest.approx((BOX.high - BOX.low) / 4, rel=0.1)
    assert BOX.low <= images.min() < images.max() <= BOX.high


@given(seeds, st.integers(-35, 15))
def test_a_direction_has_one_unit_of_length_however_small_the_gradient(seed: int, exponent: int) -> None:
    images = np.asarray(STANDARDISED.image(pixels(seed)))
    gradient = pixels(seed + 1) * np.float32(10.0**exponent)
    way = np.asarray(STANDARDISED.direction(images, gradient), np.float64)
    np.testing.assert_allclose(np.sqrt((way**2).mean((1, 2, 3))), 1, rtol=1e-3)
    np.testing.assert_allclose(way, STANDARDISED.direction(images, pixels(seed + 1)), atol=2e-3)


@given(seeds)
def test_a_direction_is_the_gradient_without_what_standardising_undoes(seed: int) -> None:
    images = np.asarray(STANDARDISED.image(pixels(seed)), np.float64)
    gradient = pixels(seed + 1).astype(np.float64)
    way = np.asarray(STANDARDISED.direction(images.astype(np.float32), gradient.astype(np.float32)), np.float64)
    np.testing.assert_allclose(way.mean((1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose((way * images).mean((1, 2, 3)), 0, atol=1e-5)
    # what is left out is a multiple of the image and of a constant: least squares finds nothing else
    for image, one, found in zip(images, gradient, way, strict=True):
        basis = np.stack([np.ones(image.size), image.ravel()], axis=1)
        rest = one.ravel() - basis @ np.linalg.lstsq(basis, one.ravel(), rcond=None)[0]
        np.testing.assert_allclose(found.ravel(), rest / np.sqrt((rest**2).mean()), atol=1e-4)


def test_a_pixel_at_the_end_of_the_box_is_not_pushed_further() -> None:
    images = np.full((1, 2, 2, 1), 0.5, np.float32)
    images[0, 0, 0], images[0, 0, 1] = BOX.low, BOX.high
    way = np.asarray(BOX.direction(images, np.array([-1, 1, 1, 1], np.float32).reshape(1, 2, 2, 1)))
    unit = (BOX.high - BOX.low) / 2
    np.testing.assert_allclose(way.ravel(), [0, 0, unit * np.sqrt(2), unit * np.sqrt(2)], rtol=1e-5)
    way = np.asarray(BOX.direction(images, np.array([1, -1, 1, 1], np.float32).reshape(1, 2, 2, 1)))
    np.testing.assert_allclose(way.ravel(), [unit, -unit, unit, unit], rtol=1e-5)


@pytest.mark.parametrize("constraint", [STANDARDISED, BOX], ids=CONSTRAINTS)
def test_no_gradient_has_no_direction(constraint: Constraint) -> None:
    images = np.array(constraint.image(pixels(1)))
    gradient = pixels(2)
    gradient[1] = 0
    way = np.asarray(constraint.direction(images, gradient))
    np.testing.assert_array_equal(way[1], 0)
    assert np.isfinite(way).all()
    assert way[0].any()


@pytest.mark.parametrize("count", [2, 3, 784])
@pytest.mark.parametrize("name", CONSTRAINTS)
def test_no_image_passes_the_pixel_bounds_and_the_worst_one_meets_them(name: ConstraintName, count: int) -> None:
    constraint = Constraint(name, 0.0, 1.0)
    low, high = constraint.pixel_bounds(count)
    spike = np.zeros((1, count, 1, 1), np.float32)
    spike[0, count // 2] = 1000
    for sign, bound in ((1, high), (-1, low)):
        images: Any = np.asarray(constraint.image(sign * spike))
        assert low <= images.min()
        assert images.max() <= high
        met = images.max() if sign > 0 else images.min()
        assert met == pytest.approx(bound, rel=1e-3 if count > 3 else 0.5)


def test_a_constraint_that_is_none_is_refused() -> None:
    with pytest.raises(BadInput, match="choose from standardised, box"):
        Constraint("sphere", 0.0, 1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (1.0, 0.0), (float("nan"), 1.0)])
def test_a_range_without_room_is_refused(low: float, high: float) -> None:
    with pytest.raises(BadInput, match="the first must be below the second"):
        Constraint("box", low, high)
