"""The images of a data set at another size, each made when it is asked for: a data set need not fit into memory."""

from typing import Any

import numpy as np

from lib.arrays import Floats, Images
from lib.pictures.resample import resize


class ResizedImages:
    """Images [N, H, W, C] within 0..1 at another (height, width), resized bicubically; what a cubic overshoots is
    clipped."""

    def __init__(self, images: Images, size: tuple[int, int]) -> None:
        self._images, self._size = images, size

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, height, width, C)."""
        number, _, _, channels = self._images.shape
        return number, *self._size, channels

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, key: Any, /) -> Floats:
        """One image or several, float32, as of an array."""
        found = np.asarray(self._images[key], np.float32)
        some = found if found.ndim == 4 else found[None]
        out = np.empty((len(some), *self.shape[1:]), np.float32)
        for number, image in enumerate(some):
            out[number] = resize(image, *self._size)
        np.clip(out, 0, 1, out=out)
        return out if found.ndim == 4 else out[0]
