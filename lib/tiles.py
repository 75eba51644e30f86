"""The gradient of a picture by tiles: windows of the network's own size, for the whole network and its dense head.

Tiles overlap, and what each wants changed is laid together with weights that fall to zero at its edges (Hann's), so
that neighbours pass into each other; the weights of all tiles that a pixel lies in add up to one. Whoever climbs shifts
the grid anew before each step. Beyond its borders a picture is mirrored.

The network sees each tile standardised, as the blog shows it what it looks at. So what counts in a tile is its shapes,
be they light or dark, strong or faint: shown as they are, light tiles would do all the dreaming and dark ones none.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lib.errors import BadInput
from lib.kernels import fast_kernels
from lib.trunk import responses_of

Tensor = Any
Array = npt.NDArray[Any]

# A batch of tiles has about as many pixels as 64 images of MNIST, or is one tile: what the network's layers hold of it
# at a time does not depend on the picture's size.
_PIXELS_A_BATCH = 64 * 28 * 28

MEAN, SPREAD = 0.3, 0.3
"""Of each tile as the network sees it; black is 0 and white 1. Photographs have about 0.45 and 0.25, the ink of MNIST
0.13 and 0.31."""

FAINTEST = 0.02
"""The deviation of a tile below which it is not amplified to the full: what is even stays even."""


class Tiles:
    """A `lib.dream_ascent.Gradient` of one network, by tiles.

    Attributes:
        size: (height, width) of a tile.
        channels: of the pictures, as the network has them.
        stride: by how many rows and columns neighbours are shifted.
    """

    def __init__(
        self,
        model: Any,
        layers: tuple[str, ...],
        objective: Callable[[Mapping[str, tuple[Tensor, Tensor]]], Tensor],
        overlap: float,
        *,
        pixel_range: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        """The gradient of one objective.

        Args:
            model: Keras model with one image input.
            layers: those that the objective looks at.
            objective: from activations and pre-activations [B, ..., units] by layer to one number a tile, [B].
            overlap: of a tile with its neighbour, as a share of its side, 0 up to below 1.
            pixel_range: what black and white were when the network was trained.

        Raises:
            BadInput: as `lib.trunk.responses_of`, and for a network of free size.
        """
        self._trunk = responses_of(model, list(layers), kernels=fast_kernels)
        height, width, self.channels = self._trunk.input_shape
        if height is None or width is None:
            raise BadInput("the network takes pictures of any size, so tiles have none: choose mode octaves")
        self._objective = objective
        self._low, self._high = pixel_range
        self.size = (height, width)
        self.stride = (max(1, round(height * (1 - overlap))), max(1, round(width * (1 - overlap))))
        self._batch = max(1, _PIXELS_A_BATCH // (height * width))

    @property
    def signature(self) -> tuple[Any, ...]:
        import tensorflow as tf

        return tuple(tf.TensorSpec((None, side), kind) for side in self.size for kind in (tf.int32, tf.float32))

    def plan(self, height: int, width: int) -> tuple[Array, ...]:
        """Which rows the bands of tiles take and with which weights, [bands, tile height] each; so for columns."""
        return (*places(height, self.size[0], self.stride[0]), *places(width, self.size[1], self.stride[1]))

    def value(self, picture: Tensor, *plan: Tensor) -> Tensor:
        """The mean objective of all tiles."""
        return self(picture, *plan)[0]

    def __call__(self, picture: Tensor, *plan: Tensor) -> tuple[Tensor, Tensor]:
        """The mean objective of all tiles, and the gradient of each tile's own, laid together; [H, W, C]."""
        import tensorflow as tf

        rows, row_weights, columns, column_weights = plan
        height, width = tf.unstack(tf.shape(picture)[:2])
        bands, across = tf.shape(rows)[0], tf.shape(columns)[0]

        def band(at: Tensor, value: Tensor, gradient: Tensor) -> Any:
            strip = tf.gather(picture, rows[at])

            def some(first: Tensor, value: Tensor, change: Tensor) -> Any:
                last = tf.minimum(first + self._batch, across)
                taken, weights = columns[first:last], column_weights[first:last]
                tiles = tf.transpose(tf.gather(strip, taken, axis=1), (1, 0, 2, 3))
                tiles = tf.ensure_shape(tiles, (None, *self.size, self.channels))
                values, wanted = self._of_tiles(tiles)
                wanted = tf.transpose(wanted * weights[:, None, :, None], (0, 2, 1, 3))
                change = tf.tensor_scatter_nd_add(change, taken[..., None], wanted)
                return last, value + tf.reduce_sum(values), change

            change = tf.zeros((width, self.size[0], self.channels))
            _, value, change = tf.while_loop(
                lambda first, *_: first < across, some, (0, value, change), parallel_iterations=1
            )
            change = tf.transpose(change, (1, 0, 2)) * row_weights[at][:, None, None]
            return at + 1, value, tf.tensor_scatter_nd_add(gradient, rows[at][:, None], change)

        gradient = tf.zeros((height, width, self.channels))
        _, value, gradient = tf.while_loop(
            lambda at, *_: at < bands, band, (0, tf.constant(0.0), gradient), parallel_iterations=1
        )
        return value / tf.cast(bands * across, tf.float32), gradient

    def _of_tiles(self, tiles: Tensor) -> tuple[Tensor, Tensor]:
        """The objective of each tile [B], and its gradient [B, height, width, C]."""
        import tensorflow as tf

        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(tiles)
            seen = self._low + (MEAN + SPREAD * standardised(tiles)) * (self._high - self._low)
            values = self._objective(self._trunk.maps(seen))
        return values, tape.gradient(values, tiles)


def standardised(tiles: Tensor) -> Tensor:
    """Each of [B, H, W, C] with mean 0 and deviation 1, or less where it is fainter than `FAINTEST`."""
    import tensorflow as tf

    centred = tiles - tf.reduce_mean(tiles, (1, 2, 3), keepdims=True)
    variance = tf.reduce_mean(tf.square(centred), (1, 2, 3), keepdims=True)
    return centred * tf.math.rsqrt(variance + FAINTEST**2)


def places(length: int, side: int, stride: int) -> tuple[Array, Array]:
    """Where tiles lie along an axis, and what each says there.

    They are `stride` apart and reach beyond both ends alike, by less than a stride together, unless the axis is shorter
    than a tile. Beyond the ends it is mirrored.

    Returns:
        Positions on the axis, int32 [tiles, side], and weights, float32 alike, which add up to 1 at each position: 0
        beyond the ends.
    """
    tiles = 1 + max(0, -(-(length - side) // stride))
    beyond = (tiles - 1) * stride + side - length
    at = np.arange(tiles)[:, None] * stride + np.arange(side) - beyond // 2
    inside = (at >= 0) & (at < length)
    folded = at % (2 * length)
    folded = np.where(folded < length, folded, 2 * length - 1 - folded)
    hann = np.sin(np.pi * (np.arange(side) + 0.5) / side) ** 2 * inside
    total = np.bincount(folded.ravel(), hann.ravel(), length)
    return folded.astype(np.int32), (hann / total[folded]).astype(np.float32)
