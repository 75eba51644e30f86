"""Pictures move as they should: by the right amount, about the centre, and without wearing away."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lib.pictures.files import Pixels
from lib.pictures.zoom import zoom_and_turn

PICTURES = st.sampled_from([np.uint8, np.uint16]).flatmap(
    lambda kind: arrays(
        kind, st.tuples(st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 3]))
    )
)  # fmt: skip


def smooth(height: int = 80, width: int = 101) -> Pixels:
    y, x = np.mgrid[:height, :width]
    planes = [np.sin(x / 9) + np.cos(y / 7), np.sin(y / 11 + x / 8), np.cos(x / 6)]
    return np.rint(127.5 + 60 * np.stack(planes, axis=-1)).astype(np.uint8)


def inner(pixels: Pixels, margin: int = 15) -> Pixels:
    return pixels[margin:-margin, margin:-margin].astype(int)


@given(PICTURES)
def test_to_stay_where_it_is_changes_no_bit(pixels: Pixels) -> None:
    np.testing.assert_array_equal(zoom_and_turn(pixels, zoom=1.0, degrees=0.0), pixels)
    np.testing.assert_array_equal(zoom_and_turn(pixels, zoom=1.0, degrees=-720.0), pixels)


@given(PICTURES, st.floats(0.2, 5), st.floats(-400, 400))
def test_any_move_keeps_size_and_type(pixels: Pixels, zoom: float, degrees: float) -> None:
    result = zoom_and_turn(pixels, zoom=zoom, degrees=degrees)
    assert (result.shape, result.dtype) == (pixels.shape, pixels.dtype)


@given(st.integers(0, 65535), st.floats(0.2, 5), st.floats(-400, 400))
def test_a_flat_picture_stays_flat_to_its_border(tone: int, zoom: float, degrees: float) -> None:
    flat = np.full((9, 14, 1), tone, np.uint16)
    np.testing.assert_allclose(zoom_and_turn(flat, zoom=zoom, degrees=degrees).astype(int), tone, atol=1)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_right_angle_turns_counter_clockwise_as_numpy_does(turns: int) -> None:
    square = smooth(60, 60)
    np.testing.assert_allclose(zoom_and_turn(square, degrees=90 * turns).astype(int), np.rot90(square, turns), atol=1)


def test_zooming_in_enlarges_about_the_centre() -> None:
    y, x = np.mgrid[:80, :101]
    back = [np.stack([(x - 50) / 1.25 + 50, (y - 39.5) / 1.25 + 39.5])][0]
    x, y = back
    planes = [np.sin(x / 9) + np.cos(y / 7), np.sin(y / 11 + x / 8), np.cos(x / 6)]
    expected = np.rint(127.5 + 60 * np.stack(planes, axis=-1))
    np.testing.assert_allclose(zoom_and_turn(smooth(), zoom=1.25), expected, atol=2)


@pytest.mark.parametrize(("zoom", "degrees"), [(1.05, 0.0), (1.0, 3.0), (0.9, -7.0), (1.3, 45.0)])
def test_a_move_and_its_reverse_cancel(zoom: float, degrees: float) -> None:
    # Enlarged first, or what left at the border would come back as mirror image.
    there = zoom_and_turn(smooth(), zoom=zoom, degrees=degrees)
    again = zoom_and_turn(there, zoom=1 / zoom, degrees=-degrees)
    np.testing.assert_allclose(inner(again, 30), inner(smooth(), 30), atol=2)


def test_what_comes_in_at_the_border_is_the_mirror_image() -> None:
    ramp = np.tile(np.arange(40, 168, dtype=np.uint8)[:, None, None], (1, 20, 1))
    out = zoom_and_turn(ramp, zoom=0.5)[:, 10, 0].astype(int)
    assert out[64] > out[40] > out[33]  # the picture itself, half as large
    np.testing.assert_allclose(out[:32], out[63:31:-1], atol=1)
    np.testing.assert_allclose(out[96:], out[95:63:-1], atol=1)


def test_many_small_moves_do_not_blur_the_picture_away() -> None:
    random = np.random.default_rng(0)
    from scipy.ndimage import gaussian_filter

    pixels = np.rint(128 + 250 * gaussian_filter(random.normal(size=(90, 90, 1)), (1.2, 1.2, 0))).clip(0, 255)
    start = result = pixels.astype(np.uint8)
    for _ in range(10):
        result = zoom_and_turn(result, degrees=1.0)
    for _ in range(10):
        result = zoom_and_turn(result, degrees=-1.0)
    assert inner(result).std() > 0.9 * inner(start).std()
