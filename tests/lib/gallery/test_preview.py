"""Pictures as a gallery shows them: small, upright, and silent about where they were taken."""

import io

import numpy as np
import pytest
from PIL import Image

from lib.errors import BadInput
from lib.gallery.preview import preview


def jpeg(pixels: np.ndarray, exif: Image.Exif | None = None) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95, exif=exif or Image.Exif())
    return buffer.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_nothing_of_a_photographs_file_is_kept_but_its_pixels() -> None:
    exif = Image.Exif()
    exif[0x010E] = "the garden at home"
    exif.get_ifd(0x8825)[1] = "N"
    made = preview(jpeg(np.full((40, 30, 3), 90, np.uint8), exif))
    assert not {"exif", "xmp", "icc_profile"} & opened(made).info.keys()
    assert b"garden" not in made


def test_a_photograph_that_lies_on_its_side_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert opened(preview(jpeg(np.zeros((20, 60, 3), np.uint8), exif))).size == (20, 60)


@pytest.mark.parametrize(("size", "shown"), [((300, 100), (100, 33)), ((100, 300), (33, 100)), ((50, 20), (50, 20))])
def test_the_longest_side_is_bounded_and_nothing_is_enlarged(size: tuple[int, int], shown: tuple[int, int]) -> None:
    made = opened(preview(jpeg(np.zeros((size[1], size[0], 3), np.uint8)), longest=100))
    assert made.size == shown


def test_grey_of_16_bits_transparency_and_animations_are_shown() -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.full((8, 8), 40000, np.uint16)).save(buffer, "PNG")
    assert abs(np.asarray(opened(preview(buffer.getvalue())).convert("L")).mean() - 40000 / 257) < 3
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 4), np.uint8)).save(buffer, "PNG")
    assert np.asarray(opened(preview(buffer.getvalue())).convert("RGBA"))[..., 3].max() == 0
    buffer = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("black", "white")]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    assert np.asarray(opened(preview(buffer.getvalue())).convert("L")).max() < 10


def test_the_same_bytes_give_the_same_bytes() -> None:
    data = jpeg(np.random.default_rng(0).integers(0, 255, (30, 30, 3), np.uint8))
    assert preview(data) == preview(data)


def test_what_is_no_picture_is_refused_in_one_line() -> None:
    with pytest.raises(BadInput, match="is not a picture"):
        preview(b"no picture")
