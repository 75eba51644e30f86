"""PNG of pictures in the colours of a scale, as viridis."""

import struct
import zlib

import numpy as np

from lib.arrays import Bytes
from lib.pictures.png import SIGNATURE, chunk

_RGB = 2  # the number that PNG has for it
_LEVEL = 1  # of scales, higher ones take longer and save a hundredth


def scale_png(pixels: Bytes) -> bytes:
    """uint8 [H, W, 3] as PNG with nothing but its pixels, whose rows are packed as they are.

    Of the colours of a scale there are few, so that a pixel is found again whole: as small as three quarters of what
    differences of neighbours take, in a half to a third of the time. Pictures of other colours are smaller by those.
    """
    height, width, channels = pixels.shape
    rows = np.zeros((height, 1 + width * channels), np.uint8)  # before each row stands how it is filtered: not at all
    rows[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, _RGB, 0, 0, 0)
    packed = zlib.compress(rows.data, _LEVEL)
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
