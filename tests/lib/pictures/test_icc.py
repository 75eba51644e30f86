"""Pictures in other colour spaces come out as they look: compared with the arithmetic of ICC, in float64."""

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from lib.pictures.files import decode

Floats = np.ndarray[Any, np.dtype[np.float64]]

# Adobe RGB's and sRGB's primaries, adapted to D50, as ICC profiles hold them: columns are red, green and blue.
ADOBE = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
D50 = (0.9642, 1.0, 0.8249)


def fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def xyz(values: Any) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(map(fixed, values))


def gamma(value: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(value * 256))


def profile(space: bytes, tags: dict[bytes, bytes], kind: bytes = b"mntr", connection: bytes = b"XYZ ") -> bytes:
    """An ICC profile, version 2.4."""
    description = b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(78)
    tags = {b"desc": description, b"wtpt": xyz(D50), **tags}
    table, data = struct.pack(">I", len(tags)), b""
    for tag, content in tags.items():
        content += bytes(-len(content) % 4)
        table += tag + struct.pack(">II", 128 + 4 + 12 * len(tags) + len(data), len(content))
        data += content
    size = 128 + len(table) + len(data)
    header = struct.pack(">I4xI4s4s4s", size, 0x02400000, kind, space, connection)
    header += bytes(12) + b"acsp" + bytes(28) + b"".join(map(fixed, D50))
    return header.ljust(128, b"\0") + table + data


def rgb_profile(primaries: Floats, power: float) -> bytes:
    columns = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(xyz, primaries.T), strict=True))
    return profile(b"RGB ", columns | {tag: gamma(power) for tag in (b"rTRC", b"gTRC", b"bTRC")})


def grey_profile(power: float) -> bytes:
    return profile(b"GRAY", {b"kTRC": gamma(power)})


def srgb_tone(linear: Floats) -> Floats:
    linear = linear.clip(0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def saved(pixels: Any, form: str, icc: bytes, mode: str | None = None) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels, mode)
    buffer = io.BytesIO()
    image.save(buffer, form, icc_profile=icc, **({"lossless": True} if form == "WEBP" else {}))
    return buffer.getvalue()


def colours() -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(30, 226, (40, 50, 3), np.uint8)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
def test_wide_colours_become_srgb(form: str) -> None:
    pixels = colours()
    linear = (pixels / 255) ** 2.2
    expected = srgb_tone(linear @ (np.linalg.inv(SRGB) @ ADOBE).T)
    found = decode(saved(pixels, form, rgb_profile(ADOBE, 2.2))).frames[0]
    inside = (expected > 1) & (expected < 254)
    assert np.abs(found - expected)[inside].max() <= 2
    assert np.abs(found.astype(int) - pixels).mean() > 3


def test_grey_on_another_curve_becomes_srgb_and_stays_grey() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    found = decode(saved(pixels, "PNG", grey_profile(1.0))).frames[0]
    assert found.shape == (16, 16, 1)
    np.testing.assert_allclose(found[..., 0], srgb_tone(pixels / 255), atol=2)


def test_deep_grey_on_another_curve_becomes_srgb_and_stays_deep() -> None:
    pixels = np.arange(0, 65536, 17, dtype=np.uint16).reshape(-1, 16)
    found = decode(saved(pixels, "PNG", grey_profile(1.8))).frames[0]
    assert found.dtype == np.uint16
    np.testing.assert_allclose(found[..., 0] / 257, srgb_tone((pixels / 65535) ** 1.8), atol=2)
    assert len(np.unique(found)) > 3000


def test_transparency_stays_where_it_is() -> None:
    alpha = np.arange(2000).reshape(40, 50).astype(np.uint8)
    picture = decode(saved(np.dstack([colours(), alpha]), "PNG", rgb_profile(ADOBE, 2.2)))
    plain = decode(saved(colours(), "PNG", rgb_profile(ADOBE, 2.2)))
    np.testing.assert_array_equal(picture.frames, plain.frames)
    assert picture.alpha is not None
    np.testing.assert_array_equal(picture.alpha[0], alpha)


def test_a_palette_is_converted_too() -> None:
    image = Image.fromarray(colours()).quantize(64)
    found = decode(saved(image, "PNG", rgb_profile(ADOBE, 2.2))).frames
    expected = decode(saved(image.convert("RGB"), "PNG", rgb_profile(ADOBE, 2.2))).frames
    np.testing.assert_array_equal(found, expected)


def cmyk_profile() -> bytes:
    """Inks of which each takes away its complement, and black takes away all, between two points an ink."""
    corners = np.stack(np.meshgrid(*[[0.0, 1.0]] * 4, indexing="ij"), axis=-1).reshape(16, 4)
    linear = (1 - corners[:, :3]) * (1 - corners[:, 3:])
    relative = linear @ SRGB.T / np.array(D50)
    cube = np.where(relative > 0.008856, np.cbrt(relative), 7.787 * relative + 16 / 116)
    lightness = 116 * cube[:, 1] - 16
    a, b = 500 * (cube[:, 0] - cube[:, 1]), 200 * (cube[:, 1] - cube[:, 2])
    lab = np.rint(np.stack([lightness * 2.55, a + 128, b + 128], axis=-1)).clip(0, 255).astype(np.uint8)
    straight = bytes(range(256))
    table = struct.pack(">4s4xBBBx", b"mft1", 4, 3, 2) + b"".join(map(fixed, np.eye(3).ravel()))
    table += straight * 4 + lab.tobytes() + straight * 3
    return profile(b"CMYK", {b"A2B0": table, b"A2B1": table}, kind=b"prtr", connection=b"Lab ")


@pytest.mark.parametrize("form", ["TIFF", "JPEG"])
def test_cmyk_is_printed_with_the_inks_of_its_profile(form: str) -> None:
    inks = np.zeros((16, 64, 4), np.uint8)
    for number, ink in enumerate([(0, 0, 0, 0), (255, 0, 0, 0), (0, 255, 255, 0), (0, 0, 0, 128)]):
        inks[:, 16 * number : 16 * number + 16] = ink
    found = decode(saved(inks, form, cmyk_profile(), "CMYK")).frames[0][8, 8::16].astype(int)
    np.testing.assert_allclose(found[:3], [(255, 255, 255), (0, 255, 255), (255, 0, 0)], atol=6)
    # Half black is half as light to the eye here (L* of 50), where arithmetic without a profile says 127.
    np.testing.assert_allclose(found[3], [119, 119, 119], atol=4)


@pytest.mark.parametrize(
    "icc",
    [
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        rgb_profile(ADOBE, 2.2)[:300],
        b"no profile at all",
        grey_profile(1.0),
    ],
    ids=["sRGB itself", "cut off", "damaged", "for grey"],
)
def test_a_profile_that_changes_nothing_or_cannot_be_used_leaves_every_bit(icc: bytes) -> None:
    np.testing.assert_array_equal(decode(saved(colours(), "PNG", icc)).frames[0], colours())
