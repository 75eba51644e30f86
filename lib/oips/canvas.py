"""Images that grow on a canvas with a margin, from which they are cut: so their borders have been inside.

At the border of an image a network sees less of what surrounds a pixel, or zeros beside it, and the best that can be
done there are frames and bars that no other place has. Here each step sees another cutting of the canvas.
"""

from collections.abc import Callable, Sequence

import numpy as np

from lib.arrays import Array, Reals, Tensor
from lib.oips.constraint import Constraint
from lib.oips.parameterisation import Parameterisation, Shape

_SHARE = 8  # of a side: images are shifted by no more, whatever was asked for


class Canvas(Parameterisation):
    """The pixels of a canvas; a move is (down, right, degrees, the logarithm of the scale), done in one resampling.

    Attributes:
        reach: the width of the margin, and the greatest shift, in pixels. Images are turned by up to `turn` degrees to
            either side, and made larger or smaller by up to the share `scale`.
        settles: whether images are seen unmoved in the last third of the steps, and shifts are whole pixels.
    """

    move = 4
    dtype = np.float32
    turn, scale = 0.0, 0.0
    settles = True

    def __init__(self, constraint: Constraint, shape: Shape, *, smoothing: float = 0.0, jitter: int = 0) -> None:
        height, width, channels = shape
        self.reach = min(jitter, min(height, width) // _SHARE)
        super().__init__(constraint, shape, smoothing=smoothing, jitter=self.reach)
        self.canvas = (height + 2 * self.reach, width + 2 * self.reach, channels)
        self.moved = bool(self.reach or self.turn or self.scale)

    def onto(self, images: Reals) -> Reals:
        """With a margin in which they are mirrored."""
        reach = (self.reach, self.reach)
        return np.pad(images, ((0, 0), reach, reach, (0, 0)), "symmetric")

    def image(self, canvas: Tensor) -> Tensor:
        height, width, _ = self.shape
        return self._kept(canvas[:, self.reach : self.reach + height, self.reach : self.reach + width])

    def seen(self, canvas: Tensor, moves: Tensor) -> Tensor:
        import tensorflow as tf

        if not self.moved:
            return self.image(canvas)

        # TensorFlow's own gradient fills what was not seen with its mirror image, and would move it
        @tf.custom_gradient
        def cut(canvas: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
            there = _transforms(moves, self.canvas, self.shape)
            back = _inverse(there)
            return _resampled(canvas, there, self.shape, "REFLECT"), lambda gradient: _resampled(
                gradient, back, self.canvas, "CONSTANT"
            )

        return self._kept(cut(canvas))

    def moves(self, seeds: Sequence[int], steps: int) -> Array:
        moves = np.zeros((steps, len(seeds), self.move), self.dtype)
        moved = steps * 2 // 3 if self.settles else steps
        if not self.moved or not moved:
            return moves
        most = np.array([self.reach, self.reach, self.turn, np.log1p(self.scale)])
        for at, seed in enumerate(seeds):
            rng = np.random.Generator(np.random.Philox(key=seed + 1))
            moves[:moved, at] = rng.uniform(-most, most, (moved, self.move))
        return np.round(moves) if self.settles else moves

    def _kept(self, cutting: Tensor) -> Tensor:
        """A cutting, under the constraint: only its own mean and variance count."""
        return cutting if self.constraint.name == "box" else self.constraint.image(cutting)


def _resampled(images: Tensor, transforms: Tensor, shape: Shape, fill: str) -> Tensor:
    import tensorflow as tf

    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=shape[:2],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode=fill,
    )


def _inverse(transforms: Tensor) -> Tensor:
    """Of affine transforms [B, 8]."""
    import tensorflow as tf

    a, b, c, d, e, f, zero, _ = tf.unstack(transforms, axis=1)
    whole = a * e - b * d
    rows = [e, -b, b * f - c * e, -d, a, c * d - a * f]
    return tf.stack([*(row / whole for row in rows), zero, zero], axis=1)


def _transforms(moves: Tensor, canvas: Shape, shape: Shape) -> Tensor:
    """From where in the canvas each pixel of the image comes, [B, 8], as TensorFlow is told projective transforms."""
    import tensorflow as tf

    down, right, degrees, scale = tf.unstack(moves, axis=1)
    angle = degrees * (np.pi / 180)
    cosine, sine = tf.cos(angle) * tf.exp(-scale), tf.sin(angle) * tf.exp(-scale)
    x, y = (shape[1] - 1) / 2, (shape[0] - 1) / 2
    x_there, y_there = (canvas[1] - 1) / 2 + right, (canvas[0] - 1) / 2 + down
    zero = tf.zeros_like(down)
    rows = [cosine, -sine, x_there - cosine * x + sine * y, sine, cosine, y_there - sine * x - cosine * y, zero, zero]
    return tf.stack(rows, axis=1)
