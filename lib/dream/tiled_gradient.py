"""The gradient of a picture by tiles: windows of the network's own size, for the whole network and its dense head.

Tiles overlap, and what each wants changed is laid together with weights that fall to zero at its edges (Hann's), so
that neighbours pass into each other. In even places all tiles dream the same, and a regular grid of them would show as
a weave; so they lie irregularly, and the ascent shifts them anew before each step. Beyond its borders a picture is
mirrored, or they would show as a frame.

The network sees each tile standardised, as the blog shows it what it looks at. So what counts in a tile is its shapes,
be they light or dark, strong or faint: shown as they are, light tiles would do all the dreaming and dark ones none.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lib.arrays import Array, Tensor
from lib.errors import BadInput
from lib.network.kernels import fast_kernels
from lib.network.trunk import responses_of

# A batch of tiles has about as many pixels as 64 images of MNIST, or is one tile: what the network's layers hold of it
# at a time does not depend on the picture's size.
_PIXELS_A_BATCH = 64 * 28 * 28

# TensorFlow copies a tensor to add to places of it: tiles are added to strips of so many pixels, and strips to the
# picture.
_PIXELS_A_STRIP = 2**19

MEAN, SPREAD = 0.3, 0.3
"""Of each tile as the network sees it; black is 0 and white 1. Photographs have about 0.45 and 0.25, the ink of MNIST
0.13 and 0.31."""

FAINTEST = 0.02
"""The deviation of a tile below which it is not amplified to the full: what is even stays even."""


class Tiles:
    """A `lib.dream.ascent.Gradient` of one network, by tiles.

    Attributes:
        size: (height, width) of a tile.
        channels: of the pictures, as the network has them.
        stride: by how many rows and columns neighbours are apart, on average.
    """

    def __init__(
        self,
        model: Any,
        layers: tuple[str, ...],
        objective: Callable[[Mapping[str, tuple[Tensor, Tensor]]], Tensor],
        overlap: float,
    ) -> None:
        """The gradient of one objective.

        Args:
            model: Keras model with one image input.
            layers: those that the objective looks at.
            objective: from activations and pre-activations [B, ..., units] by layer to one number a tile, [B].
            overlap: of a tile with its neighbour, as a share of its side, 0 up to below 1.

        Raises:
            BadInput: as `lib.network.trunk.responses_of`, and for a network of free size.
        """
        self._trunk = responses_of(model, list(layers), kernels=fast_kernels)
        height, width, self.channels = self._trunk.input_shape
        if height is None or width is None:
            raise BadInput("the network takes pictures of any size, so tiles have none: choose mode octaves")
        self._objective = objective
        self.size = (height, width)
        self.stride = (max(1, round(height * (1 - overlap))), max(1, round(width * (1 - overlap))))
        self._batch = max(1, _PIXELS_A_BATCH // (height * width))

    @property
    def signature(self) -> tuple[Any, ...]:
        """Of corners and strips: `plan`."""
        import tensorflow as tf

        return tf.TensorSpec((None, 2), tf.int32), tf.TensorSpec((None, 4), tf.int32)

    def plan(self, height: int, width: int) -> tuple[Array, Array]:
        """The tiles' corners [tiles, 2], from above to below, and the strips in which they are laid together.

        Of a strip, [strips, 4]: its first tile and the one behind its last, the first row that it touches and the one
        behind the last.
        """
        corners = scatter_corners((height, width), self.size, self.stride)
        above = corners[:, 0]
        below = above + self.size[0]
        top = np.clip(np.minimum(above, 2 * height - below), 0, height)  # the second are mirrored ones
        bottom = np.clip(np.maximum(below, -above), 0, height)
        room = max(self.size[0], _PIXELS_A_STRIP // width - self.size[0])
        strips, first = [], 0
        while first < len(corners):
            behind = int(np.searchsorted(above, above[first] + room))
            strips.append((first, behind, top[first:behind].min(), bottom[first:behind].max()))
            first = behind
        return corners, np.array(strips, np.int32)

    def value(self, picture: Tensor, *plan: Tensor) -> Tensor:
        """The mean objective of all tiles."""
        import tensorflow as tf

        corners, _ = plan
        count, size = tf.shape(corners)[0], tf.shape(picture)

        def add_batch(first: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
            places = self._places(corners[first : first + self._batch], size)
            return first + self._batch, value + tf.reduce_sum(self._values(tf.gather_nd(picture, places)))

        _, value = tf.while_loop(
            lambda first, _: first < count, add_batch, (0, tf.constant(0.0)), parallel_iterations=1
        )
        return value / tf.cast(count, tf.float32)

    def __call__(self, picture: Tensor, *plan: Tensor) -> tuple[Tensor, Tensor]:
        """The mean objective of all tiles, and the gradient of each tile's own, laid together; [H, W, C]."""
        import tensorflow as tf

        corners, strips = plan
        size = tf.shape(picture)
        weights = tf.constant(_hann(self.size[0])[:, None] * _hann(self.size[1]), tf.float32)[None, :, :, None]

        def add_strip(at: Tensor, value: Tensor, whole: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            begin, end, top, below = tf.unstack(strips[at])

            def add_batch(first: Tensor, value: Tensor, sums: Tensor) -> tuple[Tensor, Tensor, Tensor]:
                some = corners[first : tf.minimum(first + self._batch, end)]
                places = self._places(some, size)
                values, wanted = self._gradient(tf.gather_nd(picture, places))
                parts = tf.concat([wanted * weights, tf.broadcast_to(weights, tf.shape(wanted[..., :1]))], -1)
                sums = tf.tensor_scatter_nd_add(sums, places - tf.stack([top, 0]), parts)
                return first + self._batch, value + tf.reduce_sum(values), sums

            sums = tf.zeros((below - top, size[1], self.channels + 1))
            _, value, sums = tf.while_loop(
                lambda first, *_: first < end, add_batch, (begin, value, sums), parallel_iterations=1
            )
            return at + 1, value, tf.tensor_scatter_nd_add(whole, tf.range(top, below)[:, None], sums)

        whole = tf.zeros((size[0], size[1], self.channels + 1))
        _, value, whole = tf.while_loop(
            lambda at, *_: at < tf.shape(strips)[0], add_strip, (0, tf.constant(0.0), whole), parallel_iterations=1
        )
        return value / tf.cast(tf.shape(corners)[0], tf.float32), whole[..., :-1] / whole[..., -1:]

    def _places(self, corners: Tensor, size: Tensor) -> Tensor:
        """Row and column of each pixel of tiles with these corners, [B, height, width, 2]; mirrored beyond borders."""
        import tensorflow as tf

        found = []
        for axis, side in enumerate(self.size):
            at = (corners[:, axis, None] + tf.range(side)) % (2 * size[axis])
            found.append(tf.minimum(at, 2 * size[axis] - 1 - at))
        shape = (tf.shape(corners)[0], *self.size)
        return tf.stack([tf.broadcast_to(found[0][:, :, None], shape), tf.broadcast_to(found[1][:, None], shape)], -1)

    def _gradient(self, tiles: Tensor) -> tuple[Tensor, Tensor]:
        """The objective of each tile [B], and its gradient [B, height, width, C]."""
        import tensorflow as tf

        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(tiles)
            values = self._values(tiles)
        return values, tape.gradient(values, tiles)

    def _values(self, tiles: Tensor) -> Tensor:
        return self._objective(self._trunk.maps(MEAN + SPREAD * standardise(tiles)))


def standardise(tiles: Tensor) -> Tensor:
    """Each of [B, H, W, C] with mean 0 and deviation 1, or less where it is fainter than `FAINTEST`."""
    import tensorflow as tf

    centred = tiles - tf.reduce_mean(tiles, (1, 2, 3), keepdims=True)
    variance = tf.reduce_mean(tf.square(centred), (1, 2, 3), keepdims=True)
    return centred * tf.math.rsqrt(variance + FAINTEST**2)


def scatter_corners(picture: tuple[int, int], tile: tuple[int, int], stride: tuple[int, int]) -> Array:
    """Corners, int32 [tiles, 2], of tiles that cover a picture irregularly, from above to below.

    The picture is cut into cells as large as the stride; for each there is one tile, somewhere where it covers the
    whole cell. Along an axis that is no longer than a tile there is only one, in the middle. Tiles may reach beyond the
    picture.
    """
    cells, spare = [], []
    for length, side, step in zip(picture, tile, stride, strict=True):
        count, step = (1, side) if length <= side else (-(-length // step), step)
        cells.append(np.arange(count) * step - (count * step - length) // 2)
        spare.append(side - step)
    corners = np.stack(np.meshgrid(*cells, indexing="ij"), -1).reshape(-1, 2)
    corners = corners - np.random.default_rng(0).integers(0, spare, corners.shape, endpoint=True)
    return corners[np.argsort(corners[:, 0], kind="stable")].astype(np.int32)


def _hann(side: int) -> Array:
    return np.sin(np.pi * (np.arange(side) + 0.5) / side) ** 2
