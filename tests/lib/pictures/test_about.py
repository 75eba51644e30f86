"""A picture's file tells how it was made, also after other programs had it."""

import io
import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from lib.pictures.about import exif_of, read_about, text_of, xmp_of
from lib.pictures.files import Picture
from lib.pictures.png import encode_png

ABOUT = {"recipe": "ab" * 32, "role": "dream", "parameters": {"objective": '<"Conv2D_3/56" & more>', "note": "ü🏝\n"}}
PIXELS = np.random.default_rng(3).integers(0, 256, (1, 20, 30, 3), np.uint8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab<&>\"'é🏝", max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


@given(st.dictionaries(st.text("abc", max_size=3), JSON, max_size=4))
def test_what_was_said_is_read_back(about: dict[str, Any]) -> None:
    assert read_about(encode_png(Picture(PIXELS[:, :2, :2]), about)) == about


def as_exif(form: str, image: Image.Image) -> bytes:
    return saved(image.convert("RGB"), form, exif=image.info["exif"])


def as_xmp(form: str, image: Image.Image) -> bytes:
    return saved(image.convert("RGB"), form, xmp=image.info["xmp"])


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "TIFF", "PNG"])
def test_a_copy_in_another_format_tells_by_its_exif(form: str) -> None:
    png = opened(encode_png(Picture(PIXELS), ABOUT))
    png.info = {"exif": png.info["exif"]}
    assert read_about(as_exif(form, png)) == ABOUT


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "TIFF"])
def test_a_copy_in_another_format_tells_by_its_xmp(form: str) -> None:
    options = {"tiffinfo": {700: xmp_of(ABOUT)}} if form == "TIFF" else {"xmp": xmp_of(ABOUT)}
    assert read_about(saved(Image.fromarray(PIXELS[0]), form, **options)) == ABOUT


def test_a_gif_tells_by_its_comment() -> None:
    assert read_about(saved(Image.fromarray(PIXELS[0]), "GIF", comment=text_of(ABOUT))) == ABOUT


def test_xmp_in_which_the_property_became_an_attribute_is_understood() -> None:
    from xml.sax.saxutils import quoteattr

    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Another Program 7.0">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
        f' xmlns:ds="urn:dreamsweep:about#" ds:about={quoteattr(text_of(ABOUT))}/></rdf:RDF></x:xmpmeta>'
    )
    assert read_about(saved(Image.fromarray(PIXELS[0]), "JPEG", xmp=packet.encode())) == ABOUT


def behind(png: bytes, name: str) -> bytes:
    """The PNG with a text behind its pixels."""
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt(name, text_of(ABOUT) if name == "dreamsweep" else xmp_of(ABOUT).decode())
    chunks = saved(Image.fromarray(PIXELS[0]), "PNG", pnginfo=texts)
    length = struct.unpack_from(">I", chunks, 33)[0] + 12
    return png[:-12] + chunks[33 : 33 + length] + png[-12:]


@pytest.mark.parametrize("name", ["dreamsweep", "XML:com.adobe.xmp"])
def test_texts_behind_the_pixels_are_found(name: str) -> None:
    assert read_about(behind(encode_png(Picture(PIXELS)), name)) == ABOUT


def test_a_picture_of_which_half_got_lost_still_tells() -> None:
    png = encode_png(Picture(PIXELS), ABOUT)
    assert read_about(png[: len(png) // 2]) == ABOUT


@pytest.mark.parametrize(
    "make",
    [
        lambda: b"",
        lambda: b"nothing at all",
        lambda: encode_png(Picture(PIXELS)),
        lambda: saved(Image.fromarray(PIXELS[0]), "GIF", comment="made with love"),
        lambda: saved(Image.fromarray(PIXELS[0]), "GIF", comment='{"dreamsweep": 3}'),
        lambda: saved(Image.fromarray(PIXELS[0]), "GIF", comment="[" * 100_000),
        lambda: saved(Image.fromarray(PIXELS[0]), "JPEG", xmp=b"<x:xmpmeta"),
        lambda: saved(Image.fromarray(PIXELS[0]), "JPEG", xmp=b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"),
        lambda: saved(Image.fromarray(PIXELS[0]), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"),
    ],
)
def test_what_says_nothing_of_dreamsweep_says_nothing(make: Callable[[], bytes]) -> None:
    assert read_about(make()) is None


def test_an_mp4_tells_wherever_its_tags_are() -> None:
    data = b"\0\0\0\x20ftypisom" + bytes(500) + b'{"dreamsweep":oops' + bytes(9) + text_of(ABOUT).encode() + b"\xff\xfe"
    assert read_about(data) == ABOUT


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_json_is_refused(value: float) -> None:
    for text in (text_of, xmp_of, exif_of):
        with pytest.raises(ValueError, match="JSON"):
            text({"strength": value})
