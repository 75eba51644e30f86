"""Colours of a picture with an ICC profile, as sRGB."""

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

Tones = npt.NDArray[np.uint8]

_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
# As image editors do by default: what is darker than sRGB's black is not cut off.
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION


def to_srgb(profile: bytes, mode: str) -> Callable[[Image.Image], Image.Image] | None:
    """What turns pictures of `mode` (L, RGB, CMYK or LAB) with this profile into sRGB, in mode L or RGB.

    None where the profile changes nothing: where it is sRGB, or nearly (no colour moves by more than one of 255, which
    is how the many versions of sRGB's own profile differ), so that such pictures keep their bits; and where it cannot
    be used: damaged, or made for other colours than the picture has. Image viewers ignore such profiles, too.
    """
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB", _INTENT, _FLAGS)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None

    def converted(picture: Image.Image) -> Image.Image:
        image = ImageCms.applyTransform(picture, transform)
        assert image is not None  # which it is only where the picture itself is to be changed
        # A grey profile gives equal red, green and blue.
        return image.getchannel(0) if mode == "L" else image

    if mode in ("L", "RGB"):
        samples = _samples(mode)
        moved = np.asarray(converted(samples)).astype(int) - np.asarray(samples)
        if np.abs(moved).max() <= 1:
            return None
    return converted


def lab_to_srgb(picture: Image.Image) -> Image.Image:
    """A picture in CIE L*a*b* (D50, as TIFF has it) as sRGB."""
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    image = ImageCms.profileToProfile(picture, lab, srgb, _INTENT, "RGB", flags=_FLAGS)
    assert image is not None
    return image


def deep_tones(profile: bytes) -> npt.NDArray[np.uint16] | None:
    """sRGB's tone, [65536], for every tone of 16 bits under a grey profile; None as in `to_srgb`.

    Interpolated between the 256 tones that the colour management gives for grey, hence within half of 1/255 of the
    exact one.
    """
    convert = to_srgb(profile, "L")
    if convert is None:
        return None
    tones = np.asarray(convert(_samples("L"))).ravel().astype(np.float64)
    return np.rint(np.interp(np.arange(65536), np.arange(256) * 257, tones * 257)).astype(np.uint16)


def _samples(mode: str) -> Image.Image:
    """Every grey, or colours all over RGB."""
    if mode == "L":
        return Image.fromarray(np.arange(256, dtype=np.uint8)[np.newaxis])
    steps = np.linspace(0, 255, 18).astype(np.uint8)
    cube: Tones = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)
    return Image.fromarray(cube.reshape(18, -1, 3))
