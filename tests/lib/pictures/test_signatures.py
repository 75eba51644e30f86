"""A file is known by its first bytes."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lib.errors import BadInput
from lib.pictures.files import decode, decode_first, head_of
from lib.pictures.signatures import FIRST, format_of

FORMATS = ["JPEG", "PNG", "GIF", "TIFF", "BMP", "PPM", "WEBP", "JPEG2000", "AVIF"]


def saved(form: str, size: tuple[int, int] = (12, 9)) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(buffer, form)
    return buffer.getvalue()


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_that_is_read_is_known_by_its_first_bytes(form: str, tmp_path: Path) -> None:
    data = saved(form)
    assert format_of(data[:FIRST]) == form
    assert decode(data).frames.shape == decode_first(data).frames.shape == (1, 9, 12, 3)
    (tmp_path / "file").write_bytes(data)
    head = head_of(tmp_path / "file")
    assert (head.height, head.width, head.colour) == (9, 12, True)


@pytest.mark.parametrize(
    "start",
    [
        *(b"", b"BM", b"BMW is a car of a maker", b"P", b"P1", b"Page one", b"RIFF....WAVEfmt ", b"II", b"GIF"),
        *(b"%PDF-1.7", b"\0\0\0\x20ftypisom\0\0\0\0", b"\0\0\0\x0cftyp"),
    ],
)
def test_what_only_begins_like_a_picture_is_none(start: bytes) -> None:
    assert format_of(start) is None


@pytest.mark.parametrize(
    ("brands", "form"),
    [
        (b"mif1\0\0\0\0mif1avifmiaf", "AVIF"),
        (b"mif1\0\0\0\0mif1heicmiaf", "HEIF"),
        (b"heic\0\0\0\0", "HEIF"),
        (b"avis\0\0\0\0msf1", "AVIF"),
        (b"mp42\0\0\0\0isommp42", None),
        (b"isom\0\0\0\0isom", None),
    ],
)
def test_pictures_of_one_family_of_files_are_told_apart_by_all_of_their_brands(brands: bytes, form: str | None) -> None:
    start = (8 + len(brands)).to_bytes(4, "big") + b"ftyp" + brands
    # what follows the box is no brand
    assert format_of((start + b"avif" * 9)[:FIRST]) == form


@pytest.mark.parametrize("form", FORMATS)
def test_of_a_truncated_picture_nothing_is_read(form: str) -> None:
    whole = saved(form, (80, 60))
    for cut in (2, 3, 10):
        with pytest.raises(BadInput, match="truncated or damaged"):
            decode_first(whole[: len(whole) * (cut - 1) // cut])


def test_a_large_jpeg_is_decoded_smaller_where_less_is_wanted() -> None:
    data = saved("JPEG", (1600, 800))
    assert decode_first(data, 100).frames.shape == (1, 200, 400, 3)
    assert decode_first(data, 400).frames.shape == (1, 800, 1600, 3)
    assert decode_first(saved("PNG", (1600, 800)), 100).frames.shape == (1, 800, 1600, 3)


def test_a_photograph_of_a_phone_is_read_where_the_plug_in_is(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    smooth = Image.linear_gradient("L").resize((64, 48)).convert("RGB")
    smooth.save(tmp_path / "one.heic", quality=95)
    data = (tmp_path / "one.heic").read_bytes()
    assert format_of(data[:FIRST]) == "HEIF"
    decoded = decode_first(data).frames[0]
    assert decoded.shape == (48, 64, 3)
    assert np.abs(decoded.astype(int) - np.asarray(smooth)).mean() < 3
    with pytest.raises(BadInput, match="truncated or damaged"):
        decode_first(data[: len(data) // 2])


def test_heic_without_the_plug_in_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from lib.pictures import heif

    monkeypatch.setattr(heif, "register", lambda: False)
    with pytest.raises(BadInput, match="is HEIC, which is read where pillow-heif is installed"):
        decode(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
