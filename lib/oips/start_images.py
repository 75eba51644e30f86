"""Start images: the random images that OIPs grow from.

A start image is a weighted sum of noise at several length scales, as in the blog: what a scale's noise looks like is
white noise, blurred so that its fluctuations are about that many pixels wide. The numbers depend on the seed, the unit
and the start's own number alone (Philox, counter-based), so that a unit grown alone, in a batch, on another worker or
in another order starts from the same pixels.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

from lib.arrays import Floats
from lib.oips.growth import Mixture


def start_seed(seed: int, unit: str | None, number: int) -> int:
    """The seed of one start image: 63 bits from the sweep's seed, the unit (None: shared by all) and its number."""
    text = f"{seed}\n{unit or ''}\n{number}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def length_scales(number: int, mixtures: Sequence[Mixture]) -> Mixture:
    """The length scales, in pixels, of the start image of this number."""
    return tuple(mixtures[number % len(mixtures)])


def start_image(seed: int, scales: Mixture, shape: tuple[int, int, int]) -> Floats:
    """Noise of the given length scales (pixels), summed with equal weights; zero mean, unit variance.

    Args:
        seed: from `start_seed`.
        scales: below 1 counts as white noise.
        shape: (height, width, channels).
    """
    from scipy.ndimage import gaussian_filter

    rng = np.random.Generator(np.random.Philox(key=seed))
    image = np.zeros(shape)
    for scale in scales:
        noise = rng.standard_normal(shape)
        # a Gaussian of this width leaves fluctuations about `scale` pixels wide; wrapped, so borders are not special
        noise = gaussian_filter(noise, (scale / 2, scale / 2, 0), mode="wrap")
        image += noise / max(float(noise.std()), 1e-12)
    image -= image.mean()
    return (image / max(float(image.std()), 1e-12)).astype(np.float32)
