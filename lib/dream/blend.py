"""The dream laid over the picture: source + strength * mask * (dream - source), rounded once, on decoded pixels."""

import numpy as np

from lib.arrays import Pixels, Reals
from lib.errors import BadInput
from lib.pictures.colours import Colours, paint, strips, white


def blend(
    source: Pixels, dream: Reals, *, colours: Colours = "kept", strength: float = 1.0, mask: Reals | None = None
) -> Pixels:
    """The result of a dream; where strength or mask is 0, it is the source to the bit, its colours too.

    Args:
        source: uint8 or uint16 [H, W, C].
        dream: what was dreamed, [H, W, 1 or 3] in [0, 1]; painted as `lib.pictures.colours.paint` says.
        strength: 0 to 1.
        mask: [H, W] in [0, 1]: white dreams, black stays. None: all of it dreams.

    Returns:
        The source's shape and type. A grey picture of 8 bits gets three channels where colours were dreamed into it;
        one of 16 bits stays grey, because hardly any file can hold colours of 16 bits.

    Raises:
        BadInput: a mask or a dream of another size.
    """
    height, width = source.shape[:2]
    for name, array in (("dream", dream), ("mask", mask)):
        if array is not None and array.shape[:2] != (height, width):
            raise BadInput(f"the {name} has {array.shape[:2]} rows and columns, the picture {(height, width)}")
    if source.dtype != np.uint8 and source.shape[2] == 1 and colours == "dreamed":
        colours = "kept"
    result: Pixels | None = None
    for rows in strips(height, width * 3):
        top = white(source)
        values = source[rows].astype(np.float64)
        over = paint(values / top, dream[rows], colours) * top
        weight = np.float64(strength) if mask is None else strength * mask[rows, :, None].astype(np.float64)
        mixed = np.clip(np.rint(values + weight * (over - values)), 0, top).astype(source.dtype)
        if result is None:
            result = np.empty((height, width, mixed.shape[2]), source.dtype)
        result[rows] = mixed
    assert result is not None, "a picture has rows"
    return result
