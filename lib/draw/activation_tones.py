"""Activations as colours: several images of a layer on one scale, standardised and clipped as the blog can."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lib.arrays import Array, Bytes, Doubles, Reals
from lib.draw.tones import NOT_A_NUMBER, average_blocks
from lib.errors import BadInput

BLOGS_CLIP = (-2.0, 2.0)
"""Standard deviations: the blog takes 64 of 256 tones for one, about the middle."""


@dataclass(frozen=True)
class Scale:
    """The values that stand at both ends of the colours."""

    low: float
    high: float


def as_maps(values: Array) -> Doubles:
    """Activations of one image [h, w, units], [h, units] or [units] as [h, w, units]; a node is a map of one value.

    Raises:
        BadInput: any other shape, or one without a value.
    """
    maps = np.asarray(values, np.float64)
    if maps.ndim not in (1, 2, 3) or 0 in maps.shape:
        raise BadInput(f"activations of an image are [height, width, units] or [units]: not {maps.shape}")
    return maps.reshape(*maps.shape[:-1], *[1] * (3 - maps.ndim), maps.shape[-1])


def standardise_maps(maps: Reals) -> Reals:
    """Each map [h, w, units] with zero mean and unit variance, as in the blog; a constant map is 0.

    Nodes have one value each: they are standardised together. (In the blog each alone became 0.)
    """
    axes = (0, 1) if maps.shape[0] * maps.shape[1] > 1 else (0, 1, 2)
    with np.errstate(invalid="ignore", over="ignore"):  # maps with values that are no numbers stay marked as such
        spread = maps.std(axis=axes, keepdims=True)
        centred = maps - maps.mean(axis=axes, keepdims=True)
        # float32 leaves crumbs on a constant map, which must not be stretched to a pattern
        flat = spread <= 1e-6 * np.abs(maps).max(axis=axes, keepdims=True)
        return np.where(flat, 0.0, centred / np.where(flat, 1.0, spread))


def scale_of(images: Sequence[Reals], clip: tuple[float, float] | None) -> Scale:
    """One scale for all images: `clip`, or else from the least value (0, where none is below) to the greatest."""
    if clip is not None:
        if not clip[0] < clip[1]:
            raise BadInput(f"clipping needs a lower and a higher value, not {clip[0]:g} and {clip[1]:g}")
        return Scale(*clip)
    ends = [(float(finite.min()), float(finite.max())) for maps in images if (finite := maps[np.isfinite(maps)]).size]
    low, high = min([0.0, *(least for least, _ in ends)]), max([0.0, *(greatest for _, greatest in ends)])
    return Scale(low, high if high > low else low + 1.0)


def tiles(maps: Reals, scale: Scale, colours: Bytes, *, factor: int, block: int) -> Bytes:
    """Every unit of [h, w, units] as a picture, uint8 [units, high, wide, 3].

    Blocks of `block` by `block` values are averaged, then each is `factor` by `factor` pixels. What is no number is
    magenta.
    """
    seen = average_blocks(maps, block) if block > 1 else maps
    known = np.isfinite(seen)
    shares = np.clip((np.where(known, seen, scale.low) - scale.low) / (scale.high - scale.low), 0.0, 1.0)
    rgb = colours[np.rint(shares * (len(colours) - 1)).astype(np.intp)]
    rgb[~known] = NOT_A_NUMBER
    return rgb.transpose(2, 0, 1, 3).repeat(factor, axis=1).repeat(factor, axis=2)


@lru_cache(maxsize=8)
def colours_of(name: str) -> Bytes:
    """The 256 colours of one of matplotlib's maps, [256, 3].

    Raises:
        BadInput: there is none of that name; the message has the nearest.
    """
    from matplotlib import colormaps  # here, not above: 0.4 s that `dreamsweep --help` must not pay

    if name not in colormaps:
        plain = [known for known in colormaps if not known.endswith("_r")]
        by_lower = {known.lower(): known for known in plain}
        near = [by_lower[found] for found in difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.5)]
        few = ", ".join(near or ("viridis", "magma", "jet", "gray"))
        raise BadInput(f"matplotlib has no colours {name!r}: {'did you mean ' if near else 'choose among '}{few}?")
    return np.asarray(colormaps[name](np.linspace(0, 1, 256), bytes=True))[:, :3]
