"""What is encoded comes back to the bit, and in the same bytes each time."""

import io
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from lib.pictures.about import read_about
from lib.pictures.files import Picture, decode
from lib.pictures.png import encode_png, first_rows

ABOUT = {"recipe": "ab" * 32, "role": "dream", "parameters": {"objective": "Conv2D_3/56", "octaves": 4, "note": "ü🏝"}}


@st.composite
def pictures(draw: Any) -> Picture:
    """Of every kind that `decode` gives."""
    count, height, width = draw(st.integers(1, 4)), draw(st.integers(1, 9)), draw(st.integers(1, 9))
    deep = draw(st.booleans())
    channels = 1 if deep else draw(st.sampled_from([1, 3]))
    frames = draw(arrays(np.uint16 if deep else np.uint8, (count, height, width, channels)))
    alpha = None
    if not deep and draw(st.booleans()):
        alpha = draw(arrays(np.uint8, (count, height, width)))
        alpha[0, 0, 0] = 7  # an alpha that is opaque throughout is none
    durations = draw(st.lists(st.integers(0, 65535), min_size=count, max_size=count))
    return Picture(frames, alpha, tuple(durations) if count > 1 else (0,), draw(st.integers(0, 5)) if count > 1 else 0)


def same(one: Picture, other: Picture) -> bool:
    assert one.frames.dtype == other.frames.dtype
    np.testing.assert_array_equal(one.frames, other.frames)
    assert (one.alpha is None) == (other.alpha is None)
    if one.alpha is not None:
        np.testing.assert_array_equal(one.alpha, other.alpha)
    return (one.durations, one.loops) == (other.durations, other.loops)


@given(pictures())
def test_no_bit_of_a_picture_is_lost(picture: Picture) -> None:
    assert same(decode(encode_png(picture, ABOUT)), picture)


@given(pictures())
def test_the_same_picture_has_the_same_bytes(picture: Picture) -> None:
    copy = Picture(picture.frames.copy(), picture.alpha, picture.durations, picture.loops)
    assert encode_png(picture, ABOUT) == encode_png(copy, dict(reversed(ABOUT.items())))


def test_frames_that_are_equal_or_differ_by_their_last_bit_stay_apart() -> None:
    frames = np.full((3, 6, 6, 1), 1000, np.uint16)
    frames[2, 3, 3] = 1001
    picture = Picture(frames, None, (100, 100, 100), 0)
    assert same(decode(encode_png(picture)), picture)


def test_a_frame_that_is_shown_for_minutes_is_shown_for_as_many_seconds() -> None:
    frames = np.zeros((2, 2, 2, 1), np.uint8)
    assert decode(encode_png(Picture(frames, None, (100_400, 10)))).durations == (100_000, 10)


def test_transparent_frames_replace_those_before_them() -> None:
    frames = np.full((2, 4, 4, 3), 200, np.uint8)
    alpha = np.stack([np.full((4, 4), 255, np.uint8), np.zeros((4, 4), np.uint8)])
    picture = Picture(frames, alpha, (50, 50))
    assert same(decode(encode_png(picture)), picture)


@pytest.mark.parametrize("count", [1, 3])
def test_the_file_is_a_png_by_the_letter(count: int) -> None:
    """Chunks in the order that the specification wants, and their checksums right (Pillow checks those it reads)."""
    png = encode_png(Picture(np.zeros((count, 5, 5, 3), np.uint8), None, (40,) * count), ABOUT)
    kinds, at = [], 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        kinds.append(png[at + 4 : at + 8].decode())
        at += 12 + length
    moving = ["acTL", "fcTL"] if count > 1 else []
    assert kinds == ["IHDR", "iTXt", "iTXt", "eXIf", *moving, "IDAT", *["fcTL", "fdAT"] * (count - 1), "IEND"]
    with Image.open(io.BytesIO(png)) as image:
        image.verify()


def test_without_anything_to_say_there_is_no_metadata() -> None:
    png = encode_png(Picture(np.zeros((1, 5, 5, 3), np.uint8)))
    assert read_about(png) is None
    assert Image.open(io.BytesIO(png)).info == {}


def test_nothing_but_what_was_given_is_said() -> None:
    image = Image.open(io.BytesIO(encode_png(Picture(np.zeros((1, 5, 5, 3), np.uint8)), {"role": "dream"})))
    assert set(image.info) == {"dreamsweep", "XML:com.adobe.xmp", "xmp", "exif"}
    assert image.info["dreamsweep"] == '{"dreamsweep":{"role":"dream"}}'


@given(
    st.sampled_from([(), (3,), (4,)]).flatmap(
        lambda channels: arrays(np.uint8, st.tuples(st.integers(1, 60), st.integers(1, 30)).map(lambda s: s + channels))
    ),
    st.integers(1, 70),
)
def test_the_first_rows_of_a_png_are_those_at_the_top_of_the_whole(pixels: Any, rows: int) -> None:
    with Image.open(io.BytesIO(first_rows(png_of(pixels), rows))) as upper:
        np.testing.assert_array_equal(np.asarray(upper), pixels[:rows])


def test_an_interlaced_png_has_its_rows_elsewhere_and_stays_whole() -> None:
    png = bytearray(png_of(np.zeros((8, 8), np.uint8)))
    png[28] = 1
    assert first_rows(bytes(png), 2) == bytes(png)


@given(pictures(), st.integers(1, 10))
def test_an_animated_png_stays_whole_and_can_be_decoded(picture: Picture, rows: int) -> None:
    png = encode_png(picture)
    upper = first_rows(png, rows)
    if len(picture.frames) > 1:
        assert upper == png
    else:
        np.testing.assert_array_equal(decode(upper).frames, decode(png).frames[:, :rows])


def png_of(pixels: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
