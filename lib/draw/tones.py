"""From values to tones and colours, and back to no more pixels than there were."""

from functools import lru_cache

import numpy as np
from PIL import Image

from lib.arrays import Array, Bytes, Reals
from lib.errors import BadInput

NOT_A_NUMBER = (255, 0, 255)
"""Magenta, a colour that viridis does not have: this pixel is NaN or infinite."""
FLAT = (128, 128, 128)
"""Mid grey, another one: this image is constant and shows nothing."""
_SIGMAS = 3.0
_LEAST_SHARE_OF_BOUNDS = 1 / 3


def tone_window(images: Reals, bounds: tuple[float, float] | None = None) -> tuple[float, float]:
    """The range of pixel values, (darkest, brightest), on which `images` (any shape) are shown together.

    It is three standard deviations about the mean, cut at the least and the greatest value. Standardised OIPs have
    heavy tails (values up to 14 standard deviations in Conv2D_3), so that the full range would show a few bright
    pixels on one grey; quantiles would cut off just the few pixels that many OIPs consist of.

    `bounds` are those of the `box` constraint, if the images grew under it. They are the window then, and a pixel's
    tone says its value, unless the images use less than a third of them and would look grey.

    Values that are NaN or infinite count for nothing; without any others the window is (0, 0).
    """
    values = np.asarray(images, dtype=np.float64)
    values = values[np.isfinite(values)]
    if values.size == 0:
        return 0.0, 0.0
    least, greatest = float(values.min()), float(values.max())
    scale = max(abs(least), abs(greatest)) or 1.0  # squares of float64's largest values would overflow
    mean = float((values / scale).mean())
    spread = _SIGMAS * float((values / scale).std())
    low, high = max(least, (mean - spread) * scale), min(greatest, (mean + spread) * scale)
    if bounds is not None and high - low >= _LEAST_SHARE_OF_BOUNDS * (bounds[1] - bounds[0]):
        return float(bounds[0]), float(bounds[1])
    return low, high


def to_uint8(image: Array, window: tuple[float, float] | None = None) -> Bytes:
    """A float image [H, W, C] as RGB [H, W, 3] for the eye.

    One channel is shown in viridis, as in the blog: on its scale of colours faint structure stays visible beside strong
    one, and grey is left to mean that there is nothing. Three channels are red, green and blue on one common `window`
    (default: `tone_window` of this image), which keeps the balance of the colours. Two are shown as red against cyan;
    more than three as three groups of neighbours, each averaged.

    A pixel with a NaN or infinite channel is magenta; a constant image is flat mid grey.
    """
    values = np.asarray(image, dtype=np.float64)
    if values.ndim != 3 or 0 in values.shape:
        raise BadInput(f"an image has the shape [height, width, channels], none of them 0; this one has {values.shape}")
    valid = np.asarray(np.isfinite(values).all(axis=2))
    if not valid.any():
        return np.broadcast_to(np.array(NOT_A_NUMBER, np.uint8), (*valid.shape, 3)).copy()
    low, high = tone_window(values) if window is None else window
    seen = values[valid]
    least, greatest = float(seen.min()), float(seen.max())
    # Float32 arithmetic leaves crumbs on a constant image: stretched to full contrast they would look like a pattern.
    crumbs = 1e-6 * max(abs(least), abs(greatest))
    if greatest - least <= crumbs or high - low <= crumbs:
        rgb = np.broadcast_to(np.array(FLAT, np.uint8), (*valid.shape, 3)).copy()
    else:
        clipped = np.clip(np.where(valid[:, :, None], values, low), low, high)
        # Halves, because the difference of two large float64 numbers can overflow.
        shares = (clipped / 2 - low / 2) / (high / 2 - low / 2)
        rgb = _as_rgb(np.rint(255 * shares).astype(np.uint8))
    rgb[~valid] = NOT_A_NUMBER
    return rgb


def scale_to_uint8(images: Reals, low: float, high: float) -> Bytes:
    """Natural images of any shape as they were before they were scaled to `low` to `high`: 0 to 255."""
    return np.rint(255 / ((high - low) or 1) * (images - low)).clip(0, 255).astype(np.uint8)


def _as_rgb(tones: Bytes) -> Bytes:
    channels = tones.shape[2]
    if channels == 1:
        return _viridis()[tones[:, :, 0]]
    if channels == 2:
        return tones[:, :, [0, 1, 1]]
    if channels == 3:
        return tones
    groups = np.array_split(tones, 3, axis=2)
    return np.stack([np.rint(group.mean(axis=2)).astype(np.uint8) for group in groups], axis=2)


@lru_cache(maxsize=1)
def _viridis() -> Bytes:
    """The 256 colours of viridis, [256, 3]."""
    from matplotlib import colormaps  # here, not above: 0.4 s that `dreamsweep --help` must not pay

    return np.asarray(np.rint(255 * np.array(colormaps["viridis"].colors)), dtype=np.uint8)  # type: ignore[attr-defined]


def average_blocks(image: Reals, block: int) -> Reals:
    """[H, W, C] with every `block` by `block` pixels as their mean; the last ones with what is there.

    Before the tones are chosen, not after: fine structure that averages out would leave a flat grey.
    """
    height, wide, channels = image.shape
    padding = ((0, -height % block), (0, -wide % block), (0, 0))
    padded = np.pad(image, padding, mode="edge")
    shape = (padded.shape[0] // block, block, padded.shape[1] // block, block, channels)
    with np.errstate(invalid="ignore", over="ignore"):  # an infinite pixel makes its block NaN or infinite: marked
        return np.asarray(padded.reshape(shape).mean(axis=(1, 3)))


def enlarge(pixels: Bytes, factor: int) -> Image.Image:
    """[H, W, 3] with every pixel as a square of `factor` by `factor`: no blur pretends to detail that is not there."""
    picture = Image.fromarray(pixels)
    return picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
