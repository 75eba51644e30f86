"""Pictures of any size and colours as a network takes them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.errors import BadInput
from lib.pictures.network_input import as_bytes, as_input

RANDOM = np.random.default_rng(3)


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([1, 3]),
    st.sampled_from([1, 3]),
    st.integers(1, 30),
    st.integers(1, 30),
)
def test_any_picture_becomes_an_image_of_the_networks_shape_and_range(
    height: int, width: int, colours: int, channels: int, wanted_height: int, wanted_width: int
) -> None:
    picture = RANDOM.integers(0, 256, (height, width, colours), dtype=np.uint8)
    image = as_input(picture, (wanted_height, wanted_width, channels))
    assert image.shape == (wanted_height, wanted_width, channels)
    assert image.dtype == np.float32
    assert image.min() >= 0
    assert image.max() <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_grey_picture_of_the_networks_size_is_taken_pixel_by_pixel(dtype: type) -> None:
    white = np.iinfo(dtype).max
    picture = RANDOM.integers(0, white, (28, 28, 1), dtype=dtype, endpoint=True)
    np.testing.assert_allclose(as_input(picture, (28, 28, 1)), picture / white, atol=1e-6)


def test_nothing_is_distorted_what_is_too_wide_is_cut_off_on_both_sides() -> None:
    picture = np.zeros((20, 60, 1), np.uint8)
    picture[:, 20:40] = 255
    np.testing.assert_allclose(as_input(picture, (10, 10, 1)), 1, atol=1e-6)


def test_a_network_of_free_size_sees_the_picture_whole() -> None:
    picture = RANDOM.integers(0, 256, (13, 17, 3), dtype=np.uint8)
    assert as_input(picture, (None, None, 3)).shape == (13, 17, 3)


def test_a_network_that_sees_no_colours_that_pictures_have_is_refused() -> None:
    with pytest.raises(BadInput, match="4 channels"):
        as_input(np.zeros((4, 4, 3), np.uint8), (4, 4, 4))


def test_tones_lead_back_to_the_picture() -> None:
    picture = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    assert np.array_equal(as_bytes(as_input(picture, (16, 16, 1))), picture)
