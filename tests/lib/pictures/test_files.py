"""Pictures of every kind are decoded to what they look like, and what is no picture says so in one line."""

import io
import struct
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from lib.errors import BadInput
from lib.pictures.files import MOST_PIXELS, Picture, Size, decode, media_type, size_of

GREY = np.rint(np.linspace(0, 255, 12 * 15)).astype(np.uint8).reshape(12, 15)
RGB = np.stack([GREY, GREY[::-1], np.roll(GREY, 5)], axis=-1)
ALPHA = np.where(np.arange(15) < 7, np.uint8(90), np.uint8(255)) * np.ones((12, 1), np.uint8)
LOSSLESS = ("PNG", "TIFF", "WEBP", "BMP", "GIF", "PPM")


def saved(picture: Image.Image | np.ndarray[Any, Any], form: str, **options: Any) -> bytes:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    buffer = io.BytesIO()
    if form == "WEBP":
        options = {"lossless": True, "exact": True} | options
    image.save(buffer, form, **options)
    return buffer.getvalue()


def only(picture: Picture) -> np.ndarray[Any, Any]:
    """[H, W, C] of a picture of one frame."""
    assert len(picture.frames) == 1
    return picture.frames[0]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *more: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"".join(
        [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), *more, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    )


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP", "BMP", "PPM"])
def test_colours_come_out_as_they_went_in(form: str) -> None:
    picture = decode(saved(RGB, form))
    np.testing.assert_array_equal(only(picture), RGB)
    assert picture.frames.dtype == np.uint8
    assert picture.alpha is None


@pytest.mark.parametrize("form", ["PNG", "TIFF", "BMP", "GIF", "PPM", "JPEG"])
def test_grey_has_one_channel(form: str) -> None:
    pixels = only(decode(saved(GREY, form, **({"quality": 100} if form == "JPEG" else {}))))
    if form == "GIF":  # which knows palettes only
        assert pixels.shape == (12, 15, 3)
        pixels = pixels[:, :, :1]
    np.testing.assert_allclose(pixels[:, :, 0], GREY, atol=2 if form == "JPEG" else 0)


def test_a_jpeg_in_colours_is_decoded() -> None:
    smooth = np.asarray(Image.fromarray(RGB).resize((60, 48), Image.Resampling.BICUBIC))
    np.testing.assert_allclose(only(decode(saved(smooth, "JPEG", quality=100, subsampling=0))), smooth, atol=6)


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_grey_of_every_depth_runs_from_black_to_white(depth: int) -> None:
    most = 2**depth - 1
    rows = b"\0" + (bytes([0b01000000]) if depth == 1 else struct.pack(f">{2}{'H' if depth == 16 else 'B'}", 0, most))
    if depth in (2, 4):
        rows = b"\0" + bytes([most << (8 - 2 * depth)])
    pixels = only(decode(png(2, 1, depth, 0, rows)))
    assert pixels[0, :, 0].tolist() == [0, 65535 if depth == 16 else 255]


@pytest.mark.parametrize("form", ["PNG", "TIFF", "PPM"])
def test_grey_of_sixteen_bits_keeps_them(form: str) -> None:
    deep = (np.arange(12 * 15, dtype=np.uint16).reshape(12, 15) * 361).astype(np.uint16)
    image = Image.fromarray(deep)
    pixels = only(decode(saved(image.convert("I") if form == "PPM" else image, form)))
    assert pixels.dtype == np.uint16
    np.testing.assert_array_equal(pixels[:, :, 0], deep)


def tiff(bits: int, photometric: int, data: bytes, width: int, height: int, byteorder: str = "<") -> bytes:
    entries = [(256, width), (257, height), (258, bits), (259, 1), (262, photometric), (273, 8), (277, 1),
               (278, height), (279, len(data))]  # fmt: skip
    order = b"II*\0" if byteorder == "<" else b"MM\0*"
    directory = struct.pack(byteorder + "H", len(entries))
    for tag, value in entries:
        directory += struct.pack(byteorder + "HHI", tag, 4, 1) + struct.pack(byteorder + "I", value)
    return order + struct.pack(byteorder + "I", 8 + len(data)) + data + directory + bytes(4)


def test_twelve_bits_of_a_tiff_are_scaled_to_white() -> None:
    packed = bytes([0x00, 0x0F, 0xFF])  # 0 and 4095
    assert only(decode(tiff(12, 1, packed, 2, 1)))[0, :, 0].tolist() == [0, 65535]


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_deep_tiff_of_either_byte_order_is_read(order: str) -> None:
    data = struct.pack(order + "2H", 1000, 65000)
    assert only(decode(tiff(16, 1, data, 2, 1, order)))[0, :, 0].tolist() == [1000, 65000]


def test_a_tiff_in_which_zero_is_white_is_not_shown_as_its_negative() -> None:
    assert only(decode(tiff(16, 0, struct.pack("<2H", 0, 65535), 2, 1)))[0, :, 0].tolist() == [65535, 0]
    assert only(decode(tiff(8, 0, bytes([0, 255]), 2, 1)))[0, :, 0].tolist() == [255, 0]


@pytest.mark.parametrize("mode", ["I", "F"])
def test_pixels_of_thirty_two_bits_are_refused_where_they_need_them(mode: str) -> None:
    with pytest.raises(BadInput, match="save it with 8 or 16 bits"):
        decode(saved(Image.new(mode, (3, 2), 70_000), "TIFF"))


def test_colours_of_sixteen_bits_become_eight() -> None:
    pixels = only(decode(png(1, 1, 16, 2, b"\0" + struct.pack(">3H", 0, 0x8000, 0xFFFF))))
    assert pixels.tolist() == [[[0, 128, 255]]]


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
def test_transparency_is_kept_beside_the_colours_under_it(form: str) -> None:
    picture = decode(saved(np.dstack([RGB, ALPHA]), form))
    np.testing.assert_array_equal(only(picture), RGB)
    assert picture.alpha is not None
    np.testing.assert_array_equal(picture.alpha[0], ALPHA)


def test_grey_with_transparency_stays_grey() -> None:
    picture = decode(saved(np.dstack([GREY, ALPHA]), "PNG"))
    np.testing.assert_array_equal(only(picture)[:, :, 0], GREY)
    assert picture.alpha is not None
    np.testing.assert_array_equal(picture.alpha[0], ALPHA)


def test_an_alpha_channel_that_is_opaque_throughout_is_none() -> None:
    assert decode(saved(np.dstack([RGB, np.full_like(GREY, 255)]), "PNG")).alpha is None


@pytest.mark.parametrize(
    ("mode", "transparent"), [("1", 0), ("L", 17), ("RGB", (17, 17, 17)), ("P", 17), ("I;16", 17 * 257)]
)
def test_one_colour_can_be_transparent(mode: str, transparent: Any) -> None:
    tone = 0 if mode == "1" else 17
    deep = np.array([[tone * 257, 65535]], np.uint16) if mode == "I;16" else np.array([[tone, 255]], np.uint8)
    image = Image.fromarray(deep)
    picture = decode(saved(image if mode == "I;16" else image.convert(mode), "PNG", transparency=transparent))
    assert picture.frames[0, 0, :, 0].tolist() == [tone, 255]
    assert picture.alpha is not None
    assert picture.alpha.tolist() == [[[0, 255]]]


def test_a_palette_is_looked_up() -> None:
    image = Image.fromarray(RGB // 64 * 64).quantize(64)
    for form in ("PNG", "GIF", "TIFF", "BMP"):
        np.testing.assert_array_equal(only(decode(saved(image, form))), np.asarray(image.convert("RGB")))


def test_cmyk_is_converted_to_the_colours_that_it_prints() -> None:
    inks = np.zeros((16, 64, 4), np.uint8)
    for number, ink in enumerate([(0, 0, 0, 0), (255, 0, 0, 0), (0, 255, 0, 0), (0, 0, 0, 255)]):
        inks[:, 16 * number : 16 * number + 16] = ink
    image = Image.fromarray(inks, "CMYK")
    for data in (saved(image, "JPEG", quality=100), saved(image, "TIFF")):
        pixels = only(decode(data))[8, 8::16]
        np.testing.assert_allclose(pixels, [(255, 255, 255), (0, 255, 255), (255, 0, 255), (0, 0, 0)], atol=3)


def test_lab_is_converted() -> None:
    data = saved(Image.merge("LAB", [Image.new("L", (2, 2), tone) for tone in (255, 128, 128)]), "TIFF")
    assert only(decode(data)).min() >= 254


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_the_orientation_in_exif_is_applied_once(form: str, orientation: int) -> None:
    blocks = np.kron(np.arange(6, dtype=np.uint8).reshape(2, 3) * 40, np.ones((16, 16), np.uint8))
    stored = Image.fromarray(blocks).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.getexif()[0x0112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(stored))
    found = only(decode(saved(Image.fromarray(blocks).convert("RGB"), form, exif=exif)))
    np.testing.assert_allclose(found, expected, atol=3 if form == "JPEG" else 0)


def test_a_deep_tiff_on_its_side_is_set_upright() -> None:
    deep = np.array([[1, 2, 3], [4, 5, 60000]], np.uint16)
    assert only(decode(saved(deep, "TIFF", tiffinfo={274: 6})))[:, :, 0].tolist() == [[4, 1], [5, 2], [60000, 3]]


def animation_of(frames: np.ndarray[Any, Any], form: str, **options: Any) -> bytes:
    images = [Image.fromarray(frame) for frame in frames]
    return saved(images[0], form, save_all=True, append_images=images[1:], **options)


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
def test_every_frame_is_a_whole_picture(form: str) -> None:
    frames = np.stack([np.roll(RGB, number, axis=1) for number in range(4)])
    times = {} if form == "TIFF" else {"duration": [100, 200, 300, 40], "loop": 0}
    picture = decode(animation_of(frames, form, **times))
    np.testing.assert_array_equal(picture.frames, frames)
    assert picture.durations == ((1000,) * 4 if form == "TIFF" else (100, 200, 300, 40))
    assert picture.loops == 0
    assert size_of(animation_of(frames, form, **times)) == Size(12, 15, 4)


@pytest.mark.parametrize("form", ["WEBP", "PNG"])
def test_every_frame_of_an_animation_on_its_side_is_set_upright(form: str) -> None:
    frames = np.stack([np.roll(RGB, number, axis=1) for number in range(3)])
    exif = Image.Exif()
    exif[0x0112] = 6
    found = decode(animation_of(frames, form, duration=50, exif=exif)).frames
    np.testing.assert_array_equal(found, np.rot90(frames, -1, axes=(1, 2)))


def test_what_a_gifs_frame_leaves_out_is_taken_from_the_one_before() -> None:
    frames = np.zeros((3, 12, 15), np.uint8)
    for number in range(3):
        frames[number, 2 : 4 + number, 3:5] = 200
    picture = decode(animation_of(frames, "GIF", duration=50, loop=2))
    np.testing.assert_array_equal(picture.frames, np.repeat(frames[..., None], 3, axis=-1))
    assert (picture.durations, picture.loops) == ((50, 50, 50), 3)
    assert decode(animation_of(frames, "GIF", duration=50)).loops == 1


def test_frames_of_which_some_are_transparent_all_have_an_alpha() -> None:
    frames = np.stack([np.dstack([RGB, np.full_like(GREY, 255)]), np.dstack([RGB[::-1], ALPHA])])
    picture = decode(animation_of(frames, "WEBP", duration=50, lossless=True, exact=True))
    assert picture.alpha is not None
    assert picture.alpha[0].min() == 255
    np.testing.assert_array_equal(picture.alpha[1], ALPHA)


def test_the_still_picture_of_an_animated_png_is_none_of_its_frames() -> None:
    frames = np.stack([RGB, RGB[::-1], RGB[:, ::-1]])
    picture = decode(animation_of(frames, "PNG", default_image=True, duration=50))
    np.testing.assert_array_equal(picture.frames, frames[1:])


def test_thumbnails_in_a_tiff_are_passed_over_and_other_sizes_refused() -> None:
    small = Image.fromarray(RGB[::3, ::3])
    pages = [small.copy(), small.copy()]
    pages[0].encoderinfo = {"tiffinfo": {254: 1}}
    data = saved(RGB, "TIFF", save_all=True, append_images=pages[:1])
    np.testing.assert_array_equal(only(decode(data)), RGB)
    with pytest.raises(BadInput, match="has 2 pages of different sizes"):
        decode(saved(RGB, "TIFF", save_all=True, append_images=pages[1:]))


def test_pages_of_different_kinds_are_brought_to_one() -> None:
    deep = Image.fromarray(GREY.astype(np.uint16) * 257)
    picture = decode(saved(RGB, "TIFF", save_all=True, append_images=[deep, Image.fromarray(GREY)]))
    assert picture.frames.dtype == np.uint8
    np.testing.assert_array_equal(picture.frames, np.stack([RGB, *[GREY[..., None].repeat(3, axis=-1)] * 2]))


def test_of_the_pictures_in_a_phones_jpeg_only_the_first_is_taken() -> None:
    data = saved(RGB, "MPO", save_all=True, append_images=[Image.fromarray(RGB[::-1])], quality=100)
    assert decode(data).frames.shape == (1, 12, 15, 3)
    assert size_of(data) == Size(12, 15, 1)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"])
def test_the_media_type_is_that_of_the_bytes(form: str) -> None:
    assert media_type(saved(GREY, form)) == f"image/{form.lower()}"
    with pytest.raises(BadInput, match="is not a picture"):
        media_type(b"a text")


def test_a_text_and_an_empty_file_say_what_they_are() -> None:
    with pytest.raises(BadInput, match="is empty"):
        decode(b"")
    for data in (b"x", b"hello, I am a text\n" * 50, b"%PDF-1.4 ...", b"<svg xmlns='...'></svg>", bytes(100)):
        with pytest.raises(BadInput, match="is not a picture"):
            decode(data)


NOISE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP", "BMP", "GIF", "JPEG", "PPM"])
def test_a_truncated_picture_is_one_clear_line(form: str, share: float) -> None:
    data = saved(NOISE, form)
    with pytest.raises(BadInput, match=r"^is (truncated or damaged: .+|not a picture: .+)$"):
        decode(data[: max(1, int(share * len(data)))])


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP", "BMP", "GIF", "JPEG", "PPM"])
def test_a_damaged_picture_is_decoded_or_refused_and_raises_nothing_else(form: str) -> None:
    random = np.random.default_rng(1)
    whole = np.frombuffer(saved(NOISE, form), np.uint8)
    for _ in range(60):
        damaged = whole.copy()
        damaged[random.integers(0, min(len(whole), 400), 4)] = random.integers(0, 256, 4)
        with suppress(BadInput):
            decode(damaged.tobytes())


def test_a_decompression_bomb_is_refused_before_memory_is_asked_for() -> None:
    bomb = png(60_000, 60_000, 8, 2, b"")
    for look in (decode, size_of):
        with pytest.raises(BadInput, match="is too large: 60000x60000 are more than 110 million pixels"):
            look(bomb)


def test_many_frames_are_a_bomb_too() -> None:
    count, side = 200, 1000
    frames = [Image.new("L", (side, side), number % 256) for number in range(count)]
    bomb = saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)
    assert count * side * side > MOST_PIXELS
    with pytest.raises(BadInput, match="200 frames of 1000x1000 have more than 110 million pixels"):
        decode(bomb)


def test_a_picture_that_cannot_be_opened_says_why(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        size_of(tmp_path / "none.png")
    (tmp_path / "a.png").write_bytes(saved(RGB, "PNG"))
    assert size_of(tmp_path / "a.png") == Size(12, 15, 1)


def test_pictures_are_decoded_in_many_threads_at_once() -> None:
    files = [saved(np.roll(NOISE, number, axis=0), form) for number in range(8) for form in ("PNG", "WEBP", "TIFF")]
    barrier = threading.Barrier(8)

    def look(data: bytes) -> Any:
        if not barrier.broken:
            barrier.wait(10)
        return only(decode(data)).tobytes()

    alone = [only(decode(data)).tobytes() for data in files]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(look, files)) == alone
