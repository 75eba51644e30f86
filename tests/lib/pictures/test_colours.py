"""What a network sees of a picture, and how the picture's chroma returns."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from lib.pictures.colours import luminance, paint, planes_of, strips

SIDES = st.integers(1, 9)
RANDOM = np.random.default_rng(0)


def floats(*shape: int) -> Any:
    return hnp.arrays(np.float64, shape, elements=st.floats(0, 1))


def test_luminance_is_that_of_pillow() -> None:
    source = RANDOM.integers(0, 256, (40, 30, 3), np.uint8)
    ours = planes_of(source, 1, "kept")[:, :, 0] * 255
    assert np.abs(ours - np.asarray(Image.fromarray(source).convert("L"))).max() <= 0.51


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("own", [1, 3])
def test_a_network_sees_black_as_0_and_white_as_1_whatever_its_channels(own: int, channels: int, dtype: Any) -> None:
    source = np.zeros((2, 5, own), dtype)
    source[1] = np.iinfo(dtype).max
    planes = planes_of(source, channels, "kept")
    assert planes.shape == (2, 5, channels)
    assert planes.dtype == np.float32
    np.testing.assert_allclose(planes[0], 0)
    np.testing.assert_allclose(planes[1], 1, rtol=1e-6)


def test_three_planes_of_a_picture_taken_to_grey_are_equal() -> None:
    source = RANDOM.integers(0, 256, (6, 7, 3), np.uint8)
    planes = planes_of(source, 3, "grey")
    np.testing.assert_array_equal(planes, np.repeat(planes[:, :, :1], 3, axis=2))
    np.testing.assert_array_equal(planes_of(source, 3, "dreamed"), (source / 255).astype(np.float32))


@given(floats(4, 3, 3), floats(4, 3, 1))
def test_kept_colours_have_the_luminance_of_the_dream_and_the_hue_of_the_source(source: Any, dream: Any) -> None:
    found = paint(source, dream, "kept")
    assert found.min() >= -1e-12
    assert found.max() <= 1 + 1e-12
    np.testing.assert_allclose(luminance(found), dream, atol=1e-12)
    # the same chroma, or less of it: never another hue
    chroma, before = found - dream, source - luminance(source)
    np.testing.assert_allclose(np.cross(chroma, before), 0, atol=1e-12)
    assert (np.abs(chroma) <= np.abs(before) + 1e-12).all()
    assert ((chroma * before) >= -1e-12).all()


@given(floats(4, 3, 3))
def test_a_dream_of_nothing_keeps_all_colours(source: Any) -> None:
    np.testing.assert_allclose(paint(source, luminance(source), "kept"), source, atol=1e-12)
    np.testing.assert_allclose(paint(source, source, "kept"), source, atol=1e-12)


def test_grey_is_the_luminance_of_the_dream_alone() -> None:
    source, dream = RANDOM.random((4, 5, 3)), RANDOM.random((4, 5, 3))
    found = paint(source, dream, "grey")
    np.testing.assert_allclose(found, np.repeat(luminance(dream), 3, axis=2))


def test_dreamed_colours_are_the_dreams_own_where_it_has_some() -> None:
    source, dream = RANDOM.random((4, 5, 3)), RANDOM.random((4, 5, 3))
    np.testing.assert_array_equal(paint(source, dream, "dreamed"), dream)
    np.testing.assert_array_equal(paint(source[:, :, :1], dream, "dreamed"), dream)
    one = dream[:, :, :1]
    np.testing.assert_array_equal(paint(source, one, "dreamed"), paint(source, one, "kept"))


@given(st.integers(1, 5000), st.integers(1, 10**6))
def test_strips_cover_every_row_once(height: int, values: int) -> None:
    rows = [row for part in strips(height, values) for row in range(height)[part]]
    assert rows == list(range(height))
