"""What an ascent moves, how it is seen by the network, and what of it is kept as the image.

`Parameterisation` is the plain one: the pixels themselves, each by itself. Styles that want other pictures
(`lib.oips.styles`) derive from it and change what they need. All of its tensors have the batch as their first axis.
"""

from collections.abc import Callable, Sequence

import numpy as np

from lib.arrays import Array, Reals, Tensor
from lib.oips.constraint import Constraint

Shape = tuple[int, int, int]


class Parameterisation:
    """The pixels themselves: steps may be blurred, and images rolled by some pixels before a step and back after it.

    Attributes:
        shape: (height, width, channels) of an image, and `canvas` of what is moved, which may be larger.
        moved: whether images are seen moved at all. `move`: by how many numbers, of which `dtype`, a move is told.
        curve_of_moved: whether the response to a moved image stands in the curve of an ascent.
    """

    move = 2
    dtype: type[np.generic] = np.int32
    curve_of_moved = False

    def __init__(self, constraint: Constraint, shape: Shape, *, smoothing: float = 0.0, jitter: int = 0) -> None:
        """`smoothing`: standard deviation, in pixels, of the blur of each step. `jitter`: pixels."""
        self.constraint, self.shape, self.canvas = constraint, shape, shape
        self.smoothing, self.jitter = smoothing, jitter
        self.moved = jitter > 0

    def start(self, noise: Tensor) -> Tensor:
        """What grows from standardised noise [B, *canvas]."""
        return self.constraint.start(self._smooth(noise))

    def onto(self, images: Reals) -> Reals:
        """What is moved where images [n, H, W, C] grow on; as an array."""
        return images

    def image(self, canvas: Tensor) -> Tensor:
        """The images [B, H, W, C] that are kept of it."""
        return canvas

    def seen(self, canvas: Tensor, moves: Tensor) -> Tensor:
        """What the network is shown [B, H, W, C], moved by `moves` [B, move]."""
        return _roll(canvas, moves) if self.moved else canvas

    def unmoved(self, moves: Tensor) -> Tensor:
        """Which images are seen as they are, [B]."""
        import tensorflow as tf

        return tf.reduce_all(moves == 0, axis=1) if self.moved else tf.ones(tf.shape(moves)[:1], tf.bool)

    def direction(self, canvas: Tensor, gradient: Tensor) -> Tensor:
        """Which way to go, one unit of the constraint long."""
        return self._smooth(self.constraint.direction(canvas, gradient))

    def keep(self, canvas: Tensor) -> Tensor:
        """The nearest that keeps the constraint."""
        return self.constraint.image(canvas)

    def moves(self, seeds: Sequence[int], steps: int) -> Array:
        """How the images of these starts are moved at each step, [steps, n, move]; in the last third not at all, in
        which an image is seen as it is, and settles."""
        moves = np.zeros((steps, len(seeds), self.move), self.dtype)
        moved = steps * 2 // 3
        if self.jitter and moved:
            for at, seed in enumerate(seeds):
                rng = np.random.Generator(np.random.Philox(key=seed + 1))
                moves[:moved, at] = rng.integers(-self.jitter, self.jitter + 1, (moved, 2))
        return moves

    def _smooth(self, images: Tensor) -> Tensor:
        return blur(images, self.smoothing) if self.smoothing > 0 else images


def blur(images: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of standard deviation `sigma` pixels; [B, H, W, C]. Borders are mirrored, so that none shows."""
    import tensorflow as tf

    reach = min(max(1, round(3 * sigma)), min(images.shape[1:3]) - 1)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    images = tf.pad(images, [[0, 0], [reach, reach], [reach, reach], [0, 0]], "SYMMETRIC")
    for axis in (0, 1):
        shape = [1, 1, 1, 1]
        shape[axis] = len(weights)
        kernel = tf.tile(tf.reshape(weights, shape), [1, 1, images.shape[-1], 1])
        images = tf.nn.depthwise_conv2d(images, kernel, [1, 1, 1, 1], "VALID")
    return images


def _roll(images: Tensor, shifts: Tensor) -> Tensor:
    """Each image rolled by its own shift (down, right); [B, H, W, C] and [B, 2]. Its gradient is rolled back."""
    import tensorflow as tf

    @tf.custom_gradient
    def rolled(images: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        return _rolled(images, shifts), lambda gradient: _rolled(gradient, -shifts)

    return rolled(images)


def _rolled(images: Tensor, shifts: Tensor) -> Tensor:
    import tensorflow as tf

    height, width = images.shape[1:3]
    rows = (tf.range(height)[None, :] - shifts[:, :1]) % height
    columns = (tf.range(width)[None, :] - shifts[:, 1:]) % width
    images = tf.gather(images, rows, axis=1, batch_dims=1)
    return tf.gather(images, columns, axis=2, batch_dims=1)
