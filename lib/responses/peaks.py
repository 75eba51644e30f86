"""Where in an image a unit responds most: the position of its strongest activation."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lib import stop
from lib.arrays import Array, Images, Integers, Tensor
from lib.network.graph import LOCK
from lib.network.kernels import fast_kernels
from lib.network.trunk import responses_of
from lib.oips.constraint import Constraint


def find_peaks(
    model: Any,
    numbers: Mapping[str, Integers],
    images: Images,
    constraint: Constraint,
    *,
    batch: int = 256,
    size: tuple[int, int] | None = None,
) -> dict[str, Integers]:
    """By layer the position (row, column) of each unit's strongest activation in each of its images, [units, k, 2].

    Layers whose units have no positions, as dense ones, are left out. Of equal activations the first counts, row by
    row; where a unit does not respond at all, its pre-activations are compared.

    Args:
        numbers: by layer, [units, k]: which of `images` [N, H, W, C] to look at for each unit.
    """
    import tensorflow as tf

    trunk = responses_of(model, list(numbers), size=size, kernels=fast_kernels)
    widths: dict[str, int] = {}

    @tf.function(
        input_signature=[tf.TensorSpec((None, *trunk.input_shape), tf.float32)], autograph=False, reduce_retracing=True
    )
    def respond(pixels: Tensor) -> dict[str, Tensor]:
        places = {}
        for layer, maps in trunk.maps(constraint.image(pixels)).items():
            if len(maps[0].shape) == 4:
                widths[layer] = maps[0].shape[2]
                places[layer] = _strongest(*maps)
        return places

    with LOCK:
        respond.get_concrete_function()
    wanted = np.unique(np.concatenate([np.ravel(some) for some in numbers.values()]))
    found: dict[str, list[Array]] = {layer: [] for layer in widths}
    for first in range(0, len(wanted), batch):
        stop.look()
        # one index after another: of a file only these images are read
        part = np.stack([np.asarray(images[number], np.float32) for number in wanted[first : first + batch]])
        for layer, places in respond(part).items():
            found[layer].append(np.asarray(places))
    peaks = {}
    for layer, width in widths.items():
        rows = np.searchsorted(wanted, numbers[layer])
        places = np.concatenate(found[layer])[rows, np.arange(len(rows))[:, None]].astype(np.int64)
        peaks[layer] = np.stack(np.divmod(places, width), axis=-1)
    return peaks


def _strongest(after: Tensor, before: Tensor) -> Tensor:
    """The number of the strongest position of each map, [B, h, w, units] to [B, units]."""
    import tensorflow as tf

    units = after.shape[-1]
    flat = [tf.reshape(tf.cast(maps, tf.float32), [tf.shape(maps)[0], -1, units]) for maps in (after, before)]
    responds = tf.reduce_max(flat[0], axis=1) > 0
    return tf.where(responds, tf.argmax(flat[0], axis=1), tf.argmax(flat[1], axis=1))
