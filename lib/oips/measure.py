"""Responses of images as they are stored: of the network as it was saved, to what it takes.

An ascent sees pictures, and what is stored of them is what the network takes: rounded once on the way there. So what is
reported of a stored image is measured on that image, and on nothing that would have to be turned back into it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from lib import stop
from lib.arrays import Floats, Reals, Tensor
from lib.network.graph import tracing
from lib.network.kernels import fast_kernels
from lib.network.pixels import Pixels
from lib.network.trunk import responses_of
from lib.network.unit_maps import UnitMaps
from lib.oips.objective import over_positions

_LEAST, _MULTIPLE = 16, 8
"""How many images a batch holds at least, and of what it holds a multiple. On processors no such size changes a bit of
an image; a matrix product of 8 rows is computed in another way."""


class Measure:
    """Response and pre-activation of pictures for units of one layer of a network that takes other pixels."""

    def __init__(
        self, model: Any, layer: str, pixels: Pixels, *, batch: int = 64, size: tuple[int, int] | None = None
    ) -> None:
        """Everything is traced here.

        Args:
            model: as it was saved; it takes `pixels`.
            layer, size: as `lib.network.trunk.responses_of` takes them; a free size has to be given.

        Raises:
            BadInput: as `lib.network.trunk.responses_of`.
        """
        import tensorflow as tf

        trunk = responses_of(model, [layer], size=size, kernels=fast_kernels)
        own = UnitMaps(trunk, layer)
        signature = [tf.TensorSpec((None, *trunk.input_shape), tf.float32), tf.TensorSpec((None,), tf.int32)]

        @tf.function(input_signature=signature, autograph=False)
        def measure(images: Tensor, units: Tensor) -> tuple[Tensor, Tensor]:
            found = own(images, own.weights(units))
            return over_positions(found.after), over_positions(found.before)

        with tracing():
            measure.get_concrete_function()
        self._batch, self._pixels, self._measure = batch, pixels, measure

    def __call__(self, pictures: Reals, units: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Response and pre-activation, [n] each, of what is stored of `pictures` [n, H, W, C], for a unit each."""
        return measure_batches(self._measure, self._batch, self._pixels.to_network(pictures), units)


def padded_size(images: int, batch: int) -> int:
    """How many images a compiled function is given where some, at most `batch`, are wanted of it.

    On a GPU always a whole batch: there another size may be computed in another way, whose bits are others.
    """
    import tensorflow as tf

    if tf.config.get_visible_devices("GPU"):
        return batch
    return min(batch, max(_LEAST, -(-images // _MULTIPLE) * _MULTIPLE))


def strengths_of(responses: Reals, pre_activations: Reals) -> Reals:
    """By what images are ordered for a unit: where it does not respond, its pre-activation decides. Any shape."""
    return np.asarray(np.where(responses > 0, responses, np.minimum(pre_activations, 0)))


def measure_batches(
    measure: Callable[..., tuple[Tensor, Tensor]], batch: int, images: Reals, units: npt.ArrayLike
) -> tuple[Floats, Floats]:
    """What a function of images and units gives for any number of them, [n] each; at most `batch` go in at once."""
    found = []
    for first in range(0, len(images), batch):
        stop.look()
        part = images[first : first + batch]
        rows = np.arange(padded_size(len(part), batch)) % len(part)
        out = measure(part[rows], np.asarray(units, np.int32)[first : first + batch][rows])
        found.append([np.asarray(array)[: len(part)] for array in out])
    responses, pre_activations = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    return responses, pre_activations
