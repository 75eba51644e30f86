"""Bicubic resizing of pictures whose pixels are floats.

The blog resizes bicubically in every place. Pillow does it: Keys's cubic with a = -0.5, its support widened by the
factor where a picture shrinks, so that nothing fine is folded into something coarse; borders are cut off and the
weights that remain add up to one, so an even picture stays even.
"""

import numpy as np
from PIL import Image

from lib.arrays import Floats


def resize(pixels: Floats, height: int, width: int) -> Floats:
    """Pixels [H, W, C], float32 of any range, at another size, [height, width, C]; always a new array.

    A channel at a time, so beside the two pictures there are one channel of either and what Pillow holds between its
    two passes. A cubic overshoots at edges: what was within [0, 1] may leave it by a quarter.
    """
    out = np.empty((height, width, pixels.shape[2]), np.float32)
    for channel in range(pixels.shape[2]):
        plane = Image.fromarray(np.ascontiguousarray(pixels[..., channel], np.float32))
        out[..., channel] = np.asarray(plane.resize((width, height), Image.Resampling.BICUBIC))
    return out
