"""How alike two OIPs are, wherever in the image their pattern lies."""

from collections.abc import Sequence

import numpy as np

from lib.arrays import Complexes, Reals

ALIKE = 0.8
"""OIPs of a unit whose correlation at some shift reaches this show the same pattern."""


def correlation(first: Reals, second: Reals) -> float:
    """The greatest normalised cross-correlation of two images [H, W, C] at any shift, in [-1, 1].

    Shifts that wrap round the border count, and those that push part of the pattern out of the image. A constant image
    is like other constant ones (1) and like no other image (0).
    """
    return _greatest(_spectrum(first), _spectrum(second), first.shape[:2])


def distinct(images: Reals, scores: Sequence[float] | Reals, most: int, *, alike: float = ALIKE) -> list[int]:
    """Which images [n, H, W, C] to keep: the best first, each unlike (correlation below `alike`) all kept before it."""
    kept: dict[int, Complexes | None] = {}
    for at in np.argsort(-np.asarray(scores), kind="stable"):
        if len(kept) == most:
            break
        spectrum = _spectrum(images[at])
        if all(_greatest(spectrum, other, images.shape[1:3]) < alike for other in kept.values()):
            kept[int(at)] = spectrum
    return list(kept)


def _spectrum(image: Reals) -> Complexes | None:
    """Of the image, centred, normed and padded to twice its sides, so that nothing wraps; None for a constant one."""
    height, width = image.shape[:2]
    values = image.astype(np.float64)
    values = values - values.mean()
    norm = float(np.sqrt((values * values).sum()))
    return np.fft.rfft2(values / norm, (2 * height, 2 * width), axes=(0, 1)) if norm > 1e-12 else None


def _greatest(first: Complexes | None, second: Complexes | None, sides: tuple[int, ...]) -> float:
    if first is None or second is None:
        return 1.0 if first is second else 0.0
    height, width = sides
    cut = np.fft.irfft2((first * second.conj()).sum(axis=2), (2 * height, 2 * width))
    # a shift that wraps is the sum of the two that do not, whose patterns meet in it
    wrapped = cut.reshape(2, height, 2, width).sum(axis=(0, 2))
    return float(np.clip(max(cut.max(), wrapped.max()), -1.0, 1.0))
