"""A picture of any size and colours as a network takes it."""

import numpy as np

from lib.arrays import Array, Bytes, Floats
from lib.pictures.colours import check_channels, planes_of
from lib.pictures.resample import resize


def as_input(picture: Array, shape: tuple[int | None, int | None, int]) -> Floats:
    """A decoded picture as a network is shown it, float32 [height, width, channels] within 0..1.

    It is cut about its middle to the network's proportions, so that nothing is distorted, and resized bicubically.

    Args:
        picture: uint8 or uint16 [H, W, 1 or 3].
        shape: (height, width, channels) of the network's images; None where a size is free: the picture's own then.

    Raises:
        BadInput: the network sees neither one nor three channels.
    """
    check_channels(shape[2])
    planes = planes_of(picture, shape[2], "kept")
    height, width = shape[0] or planes.shape[0], shape[1] or planes.shape[1]
    planes = _cut(planes, height, width)
    if planes.shape[:2] != (height, width):
        planes = resize(planes, height, width)
    return np.asarray(planes.clip(0, 1), np.float32)


def _cut(planes: Array, height: int, width: int) -> Array:
    """The largest middle part of [H, W, C] that has the proportions of `height` to `width`."""
    own_height, own_width = planes.shape[:2]
    rows = min(own_height, max(1, round(own_width * height / width)))
    columns = min(own_width, max(1, round(own_height * width / height)))
    top, left = (own_height - rows) // 2, (own_width - columns) // 2
    return planes[top : top + rows, left : left + columns]


def as_bytes(pictures: Array) -> Bytes:
    """Pictures within 0..1, floats of any shape, as tones: 0 to 255."""
    return np.rint(np.asarray(pictures, np.float64) * 255).clip(0, 255).astype(np.uint8)
