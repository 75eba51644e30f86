"""How alike two OIPs are, wherever in the image their pattern lies."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[Any]

ALIKE = 0.8
"""OIPs of a unit whose correlation at some shift reaches this show the same pattern."""


def correlation(first: Floats, second: Floats) -> float:
    """The greatest normalised cross-correlation of two images [H, W, C] at any shift, in [-1, 1].

    Shifts that wrap round the border count, and those that push part of the pattern out of the image. A constant image
    is like other constant ones (1) and like no other image (0).
    """
    height, width = first.shape[:2]
    patterns = [_centred(image) for image in (first, second)]
    if not any(pattern.any() for pattern in patterns):
        return 1.0
    spectra = [np.fft.rfft2(pattern, (2 * height, 2 * width), axes=(0, 1)) for pattern in patterns]
    product = (spectra[0] * spectra[1].conj()).sum(axis=2)
    cut = np.fft.irfft2(product, (2 * height, 2 * width))
    # a shift that wraps is the sum of the two that do not, whose patterns meet in it
    wrapped = cut.reshape(2, height, 2, width).sum(axis=(0, 2))
    return float(np.clip(max(cut.max(), wrapped.max()), -1.0, 1.0))


def distinct(images: Floats, scores: Sequence[float] | Floats, most: int, *, alike: float = ALIKE) -> list[int]:
    """Which images [n, H, W, C] to keep: the best first, each unlike (correlation below `alike`) all kept before it."""
    kept: list[int] = []
    for at in np.argsort(-np.asarray(scores), kind="stable"):
        if len(kept) == most:
            break
        if all(correlation(images[at], images[other]) < alike for other in kept):
            kept.append(int(at))
    return kept


def _centred(image: Floats) -> Floats:
    values = image.astype(np.float64)
    values = values - values.mean()
    norm = float(np.sqrt((values * values).sum()))
    return values / norm if norm > 1e-12 else np.zeros_like(values)
