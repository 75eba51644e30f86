"""Carving: the blog's first way of dreaming, on one coarse scale.

A picture is taken down to the size of the network's images, and what is lost on the way is kept as details. Then,
some rounds: the small picture is optimised for some steps, goes up to full size, gets its details again, and comes down
again. All resizing is bicubic. As in the blog the small picture keeps its mean and its deviation meanwhile; so
an even picture, which has none, stays even.

What the small pattern adds is soft and strong, so the last thing is to adjust the width of the value distribution: to
the picture's own, or what fits between black and white. The pattern then turns into a ghostly shadow.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lib.arrays import Floats
from lib.pictures.resample import resize

Optimise = Callable[[int, Floats], tuple[Floats, Floats]]
"""From the number of a round, from 0, and a small picture to that picture some steps further, and its objective."""

_LEAST_SPREAD = 1e-6
_CUT = 0.005  # this part of the values may end up below black, and as many above white
_SAMPLE = 2**20  # values that are looked at for that


@dataclass(frozen=True)
class Carved:
    """What carving left; planes are float32 and those of `adjusted` in [0, 1].

    `start`: the small picture before the ascent; `pattern`: after its last ascent; `upscaled`: that at full size;
    `detailed`: with details; `adjusted`: with the picture's own distribution of values, which is the dream. `values`:
    the objective over the steps of each round.
    """

    start: Floats
    pattern: Floats
    upscaled: Floats
    detailed: Floats
    adjusted: Floats
    values: tuple[Floats, ...]


def carve(picture: Floats, size: tuple[int, int], optimise: Optimise, rounds: int) -> Carved:
    """Carves a picture [H, W, C] in [0, 1] at a coarse `size` (height, width), in one or more rounds."""
    height, width = picture.shape[:2]
    start = np.clip(resize(picture, *size), 0, 1)
    details = picture - resize(start, height, width)
    small, found = start, []
    for number in range(rounds):
        optimised, values = optimise(number, small)
        found.append(values)
        pattern = like(optimised, start)
        upscaled = resize(pattern, height, width)
        detailed = upscaled + details
        if number < rounds - 1:
            small = np.clip(resize(detailed, *size), 0, 1)
    return Carved(start, pattern, upscaled, detailed, fit_range(like(detailed, picture)), tuple(found))


def fit_range(pixels: Floats) -> Floats:
    """Pixels between black and white, narrowed and shifted no more than is needed, so that hardly any are cut."""
    flat = pixels.reshape(-1)
    low, high = np.quantile(flat[:: -(-len(flat) // _SAMPLE)], [_CUT, 1 - _CUT])
    factor = min(1.0, 1 / max(high - low, _LEAST_SPREAD))
    middle = pixels.mean(dtype=np.float64)
    low, high = (middle + factor * (end - middle) for end in (low, high))
    shift = max(0.0, -low) - max(0.0, high - 1)
    return np.clip((pixels - np.float32(middle)) * np.float32(factor) + np.float32(middle + shift), 0, 1)


def like(pixels: Floats, other: Floats) -> Floats:
    """Pixels with the mean and the standard deviation of another picture's, over all its channels."""
    mean, spread = pixels.mean(dtype=np.float64), pixels.std(dtype=np.float64)
    factor = other.std(dtype=np.float64) / max(spread, _LEAST_SPREAD)
    scaled = pixels * np.float32(factor)
    scaled += np.float32(other.mean(dtype=np.float64) - mean * factor)
    return scaled
