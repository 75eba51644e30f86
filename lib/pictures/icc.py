"""Colours of a picture with an ICC profile, as sRGB."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageCms

from lib.arrays import Bytes, Words

_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
# As image editors do by default: what is darker than sRGB's black is not cut off.
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION


def to_srgb(profile: bytes, mode: str) -> Callable[[Image.Image], Image.Image] | None:
    """What turns pictures of `mode` (L, RGB or CMYK) with this profile into sRGB, in mode L or RGB.

    None where the profile changes nothing: where it is sRGB, or nearly (no colour moves by more than one of 255, which
    is how the many versions of sRGB's own profile differ), so that such pictures keep their bits; and where it cannot
    be used: damaged, or made for other colours than the picture has. Image viewers ignore such profiles, too.
    """
    if mode == "L":
        tones = _tones(profile)
        return None if tones is None else lambda picture: picture.point(tones.tolist())
    transform = _transform(profile, mode)
    if transform is None:
        return None
    if mode == "RGB" and _same(_colours(), _apply(_colours(), transform)):
        return None
    return lambda picture: _apply(picture, transform)


def deep_tones(profile: bytes) -> Words | None:
    """sRGB's tone, [65536], for every tone of 16 bits under a grey profile; None as in `to_srgb`.

    Interpolated between the 256 tones that the colour management gives for grey, hence within half of 1/255 of the
    exact one.
    """
    tones = _tones(profile)
    if tones is None:
        return None
    return np.rint(np.interp(np.arange(65536), np.arange(256) * 257, tones * 257.0)).astype(np.uint16)


def _tones(profile: bytes) -> Bytes | None:
    """sRGB's tone for each of the 256 of grey; None as in `to_srgb`."""
    # Optimised, the transform of a linear profile makes the darkest tones half as bright as they are.
    transform = _transform(profile, "L", ImageCms.Flags.NOOPTIMIZE)
    if transform is None:
        return None
    greys = Image.fromarray(np.arange(256, dtype=np.uint8)[np.newaxis])
    # Red, green and blue are equal.
    found = _apply(greys, transform).getchannel(0)
    return None if _same(greys, found) else np.asarray(found)[0]


def lab_to_srgb(picture: Image.Image) -> Image.Image:
    """A picture in CIE L*a*b* (D50, as TIFF has it) as sRGB."""
    profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return _apply(picture, ImageCms.buildTransform(*profiles, "LAB", "RGB", _INTENT, _FLAGS))


def _transform(
    profile: bytes, mode: str, more: ImageCms.Flags = ImageCms.Flags.NONE
) -> ImageCms.ImageCmsTransform | None:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        srgb = ImageCms.createProfile("sRGB")
        return ImageCms.buildTransform(source, srgb, mode, "RGB", _INTENT, _FLAGS | more)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def _apply(picture: Image.Image, transform: ImageCms.ImageCmsTransform) -> Image.Image:
    image = ImageCms.applyTransform(picture, transform)
    assert image is not None  # which it is only where the picture itself is to be changed
    return image


def _same(one: Image.Image, other: Image.Image) -> bool:
    return int(np.abs(np.asarray(one).astype(int) - np.asarray(other)).max()) <= 1


def _colours() -> Image.Image:
    """From all over RGB."""
    steps = np.linspace(0, 255, 18).astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)
    return Image.fromarray(cube.reshape(18, -1, 3))
