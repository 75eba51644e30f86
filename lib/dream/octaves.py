"""DeepDream at several resolutions of a picture, from coarse to fine: the original algorithm.

Only what was dreamed at one resolution is brought to the next (Mordvintsev, Olah and Tyka 2015): each octave begins
from the picture itself at its size plus the change so far, enlarged. So no detail is lost by having been small.
"""

from collections.abc import Callable

import numpy as np

from lib.arrays import Floats
from lib.pictures.resample import resize

Size = tuple[int, int]

Optimise = Callable[[int, Floats], tuple[Floats, Floats]]
"""From an octave's number, from 0, and the picture there, to that picture some steps further, and its objective."""


def octave_sizes(height: int, width: int, octaves: int, scale: float, least: Size) -> list[Size]:
    """(height, width) of each octave, from coarse to fine, each `scale` times the one before, up to the picture's own.

    Octaves that have a side below `least` are left out, but not the picture's own size; and of octaves of the same
    size, as a picture of few pixels has, there is one.
    """
    shares = [scale**-number for number in reversed(range(octaves))]
    sizes = [(max(1, round(height * share)), max(1, round(width * share))) for share in shares]
    large = [size for size in sizes if size[0] >= least[0] and size[1] >= least[1]]
    return list(dict.fromkeys([*large, (height, width)]))


def through_octaves(picture: Floats, sizes: list[Size], optimise: Optimise) -> tuple[Floats, list[Floats]]:
    """Dreams a picture [H, W, C] in [0, 1] at each size in turn, the last of which is its own.

    Returns:
        Pixels [H, W, C] in [0, 1], and the objective over each octave's steps.
    """
    found = []
    pixels = change = np.zeros((1, 1, picture.shape[2]), np.float32)
    for number, (height, width) in enumerate(sizes):
        base = picture if (height, width) == picture.shape[:2] else np.clip(resize(picture, height, width), 0, 1)
        pixels, values = optimise(number, np.clip(base + resize(change, height, width), 0, 1))
        change = pixels - base
        found.append(values)
    return pixels, found
