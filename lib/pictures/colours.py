"""Colours: what a network is shown of a picture, and how the picture's own chroma returns to what was dreamed.

Luminance is that of Rec. 601 on sRGB values as they are, as Pillow's "L" is. What dreams has as many planes as the
network has channels: a network of one channel sees luminance, one of three red, green and blue.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from lib.arrays import Floats, Pixels, Reals
from lib.errors import BadInput

"""Decoded pixels [H, W, C], uint8 or uint16; C is 1 (grey) or 3 (sRGB)."""

Colours = Literal["kept", "grey", "dreamed"]
"""What becomes of a picture's colours when it is dreamed; see `paint`."""

REC_601 = np.array([0.299, 0.587, 0.114])

_VALUES_A_STRIP = 2**20


def check_channels(channels: int) -> None:
    """Raise BadInput for a network that sees neither one nor three channels."""
    if channels not in (1, 3):
        raise BadInput(f"the network sees {channels} channels, and a picture has 1 or 3: choose another network")


def planes_of(source: Pixels, channels: int, colours: Colours) -> Floats:
    """What dreams: float32 [H, W, channels] in [0, 1], for a network of 1 or 3 channels.

    Three planes of a grey picture, or of one that is taken to grey, are equal.
    """
    height, width, own = source.shape
    planes = np.empty((height, width, channels), np.float32)
    for rows in strips(height, width * own):
        values = source[rows] / white(source)
        planes[rows] = values if channels == own and colours != "grey" else luminance(values)
    return planes


def paint(source: Reals, dream: Reals, colours: Colours) -> Reals:
    """What was dreamed as a picture: float64 [H, W, C] in [0, 1].

    kept: the dream's luminance with the source's chroma. Where a colour that light or dark does not exist, its chroma
    fades as far as it must, and the luminance stays. grey: the dream's luminance alone. dreamed: the dream's own
    colours, where it has some; otherwise as kept.

    Args:
        source: the picture [H, W, C] in [0, 1].
        dream: [H, W, 1 or 3] in [0, 1].

    Returns:
        As many channels as the source has; three where a network that sees colours dreamed them into a grey one.
    """
    dream = np.asarray(dream, np.float64)
    if colours == "dreamed" and dream.shape[2] == 3:
        return dream
    light = luminance(dream)
    if colours == "grey" or source.shape[2] == 1:
        return np.broadcast_to(light, source.shape)
    chroma = source - luminance(source)
    # how much of the chroma there is room for: below 1 only where white or black would be passed
    room = np.where(chroma > 0, 1 - light, light)
    share = np.divide(room, np.abs(chroma), out=np.ones_like(chroma), where=np.abs(chroma) > room)
    return light + chroma * share.min(axis=2, keepdims=True)


def luminance(pixels: Reals) -> Reals:
    """[H, W, 1] of [H, W, C]; one channel is its own luminance."""
    return pixels if pixels.shape[2] == 1 else (pixels @ REC_601.astype(pixels.dtype))[:, :, None]


def white(pixels: Pixels) -> int:
    """The value of white: 255 or 65535."""
    return int(np.iinfo(pixels.dtype).max)


def strips(height: int, values_a_row: int) -> Iterator[slice]:
    """Rows of a picture in turn, few enough that doubles of a photograph's strip are a few megabytes."""
    step = max(1, _VALUES_A_STRIP // max(1, values_a_row))
    return (slice(first, min(height, first + step)) for first in range(0, height, step))
