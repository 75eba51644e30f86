"""One picture of a folder as an image of a data set: upright sRGB bytes of the size that is wanted."""

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

from lib.arrays import Bytes, Pixels
from lib.data.fit import fit_image
from lib.data.wanted_images import Fit
from lib.pictures.files import Head, decode_first, head_of
from lib.pictures.opening import read_picture_file


def read_head(path: Path) -> Head:
    """What a picture's header says. Raises BadInput for what is no picture, in words that can follow its name."""
    return head_of(path)


def read_picture(path: Path, size: tuple[int, int], channels: int, fit: Fit, least: int | None) -> tuple[Bytes, bytes]:
    """A picture as [H, W, C] bytes of this (width, height) and one channel or three, and the SHA-256 of its file.

    What shines through is paper: transparent parts become white. `least`: as in `decode_first`.

    Raises:
        BadInput: it is no picture, or not a whole one. The words can follow its name.
    """
    data = read_picture_file(path)
    picture = decode_first(data, least)
    pixels = _eight_bits(picture.frames[0])
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    if picture.alpha is not None:
        image = image.convert("RGBA")
        image.putalpha(Image.fromarray(picture.alpha[0]))
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    mode = "L" if channels == 1 else "RGB"
    array = np.asarray(fit_image(image if image.mode == mode else image.convert(mode), size, fit))
    return (array[..., np.newaxis] if channels == 1 else array), hashlib.sha256(data).digest()


def _eight_bits(pixels: Pixels) -> Bytes:
    """The higher byte's share of deep tones: 65535 is 257 times 255."""
    return (pixels // 257).astype(np.uint8) if pixels.dtype == np.uint16 else pixels.astype(np.uint8, copy=False)
