"""What is left of a response when the image is moved a little or loses its finest detail.

A picture of something goes on showing it when it is shifted by two pixels; what only looks so to the network does not.
The moves are fixed. A style that shows its images moved (`lib.oips.styles.natural`) turns them by less than is measured
here, and does not blur them; shifts of this size are among those that it has seen. A share says nothing without the
response itself: a grey image keeps all.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

from lib.arrays import Array, Doubles, Floats

Move = Literal["shift", "turn", "blur"]
_SHIFT, _TURN, _BLUR = 2, 4.0, 1.0
MOVES: Mapping[Move, str] = {
    "shift": f"a shift of {_SHIFT} px",
    "turn": f"a turn of {_TURN:g} degrees",
    "blur": f"a blur of {_BLUR:g} px",
}
"""What is done to an image, and how much of it, in words."""

_WAYS = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))


def kept_shares(
    measure: Callable[[Floats, npt.ArrayLike], tuple[Floats, Floats]], images: Array, units: npt.ArrayLike
) -> dict[Move, Doubles]:
    """The share of each image's response that is left, [n] by move, on the mean over its directions.

    NaN where there is no response above zero to begin with.

    Args:
        measure: from images and their units to responses and pre-activations, as `lib.oips.measure.Measure`.
        images: [n, H, W, C]. What comes in at a border is the image mirrored.
        units: [n].
    """
    images = np.asarray(images, np.float32)
    responses = np.asarray(measure(images, units)[0], np.float64)
    whole = np.where(responses > 0, responses, np.nan)
    found: dict[Move, Doubles] = {}
    for move in MOVES:
        left = [np.asarray(measure(moved, units)[0], np.float64) for moved in _moved(images, move)]
        found[move] = np.mean(left, axis=0) / whole
    return found


def _moved(images: Floats, move: Move) -> Iterator[Floats]:
    """The images after a move, once for each of its directions."""
    from scipy import ndimage

    if move == "blur":
        yield np.asarray(ndimage.gaussian_filter(images, (0, _BLUR, _BLUR, 0), mode="reflect"), np.float32)
    elif move == "turn":
        for angle in (_TURN, -_TURN):
            yield np.stack([ndimage.rotate(image, angle, reshape=False, order=1, mode="reflect") for image in images])
    else:
        reach = ((0, 0), (_SHIFT, _SHIFT), (_SHIFT, _SHIFT), (0, 0))
        wider = np.pad(images, reach, "symmetric")
        height, width = images.shape[1:3]
        for down, right in _WAYS:
            top, left = _SHIFT * (1 - down), _SHIFT * (1 - right)
            yield wider[:, top : top + height, left : left + width]
