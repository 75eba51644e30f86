"""PNG of pictures in the colours of a scale."""

import io

import numpy as np
import pytest
from PIL import Image

from lib.draw.paper import png_bytes
from lib.draw.scale_png import scale_png
from lib.draw.tones import to_uint8


@pytest.mark.parametrize("shape", [(1, 1), (28, 28), (5, 300), (300, 7)])
def test_the_picture_is_read_as_it_was(shape: tuple[int, int]) -> None:
    pixels = to_uint8(np.random.default_rng(0).random((*shape, 1)))
    with Image.open(io.BytesIO(scale_png(pixels))) as picture:
        picture.load()
        assert (picture.format, picture.mode, picture.info) == ("PNG", "RGB", {})
        np.testing.assert_array_equal(np.asarray(picture), pixels)


def test_the_colours_of_a_scale_take_less_room_than_filtered() -> None:
    waves = np.sin(np.arange(64)[:, None] / 5) * np.cos(np.arange(64)[None, :] / 3)
    pixels = to_uint8((waves + np.random.default_rng(0).normal(0, 0.05, (64, 64)))[:, :, None])
    assert len(scale_png(pixels)) < 0.9 * len(png_bytes(Image.fromarray(pixels)))
