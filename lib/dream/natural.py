"""Steps as photographs differ: power falls with frequency, and colours go together.

The gradient of a network that was trained on photographs is loudest where photographs have least: in the finest
details, and in colours that no light has. A picture that follows it far is sprinkled with dots of all colours. So a
step is multiplied, frequency by frequency, by 1/f, and, colour by colour, by the covariance of photographs: that is
ascent in a space in which photographs are white noise (Olah et al. 2017), as in `lib.oips.styles.natural`.
"""

from collections.abc import Callable

import numpy as np

from lib.arrays import Doubles, Tensor
from lib.dream.mode import Setup
from lib.oips.photographs import LONGEST, of_photographs

STEEPNESS = 0.8
"""A step falls with frequency so many times as steeply as the amplitude of photographs: about as 1/f, of waves no
longer than `LONGEST`; what is larger is dreamed at coarser octaves. (Measured on VGG16's block4_conv3, steps of size 2:
of the change that a dream makes, 0.05 of the power is above a quarter of the sampling rate, and 0.14 is colour; 0.12
and 0.52 with the gradient as it is. With f^-0.5 lines stay sharp, 0.08; with f^-1.5 they are blurred, 0.03, and the
response is a fifth less. With longer waves, one picture of 256 pixels turned black.)"""

_VALUES_A_BAND = 1 << 20


def natural_step(setup: Setup) -> "NaturalStep | None":
    """What becomes of the gradient in the modes' ascents; None where a step is the gradient as it is."""
    if not setup.natural:
        return None
    pictures = of_photographs(setup.channels)
    return NaturalStep(STEEPNESS * pictures.exponent, None if setup.luminance_only else pictures.covariance)


class NaturalStep:
    """The step [H, W, C] of a gradient [H, W, C] of any size, up to a positive factor; called while tracing.

    The gradient is continued by its mirror image, so that no border shows at the opposite one: the cosine transform
    does that. Rows are transformed a band at a time, so that beside the gradient and the step little is held.
    """

    def __init__(self, exponent: float, covariance: Doubles | None) -> None:
        """The step for channels with this covariance [C, C].

        Args:
            exponent: of the fall with frequency.
            covariance: None where all channels of a gradient are alike, and so are those of its step.
        """
        self._exponent = exponent
        self._covariance = None if covariance is None else covariance.astype(np.float32)

    def __call__(self, gradient: Tensor) -> Tensor:
        import tensorflow as tf

        shape = tf.shape(gradient)
        if self._covariance is None:
            return tf.broadcast_to(self._fall(gradient[:, :, :1]), shape)
        return tf.tensordot(self._fall(gradient), self._covariance, 1)

    def _fall(self, planes: Tensor) -> Tensor:
        """[H, W, C] with each frequency multiplied by its power."""
        import tensorflow as tf

        height, width, channels = tf.unstack(tf.shape(planes))

        def turned(rows: Tensor, length: Tensor) -> Tensor:
            """The columns of each plane as rows: of rows [C * N, length], [C * length, N]."""
            by_plane = tf.transpose(tf.reshape(rows, (channels, -1, length)), (0, 2, 1))
            return tf.reshape(by_plane, (channels * length, -1))

        def fall_in(columns: Tensor, numbers: Tensor) -> Tensor:
            across, down = _cycles(numbers % width, width)[:, None], _cycles(tf.range(height), height)
            frequency = tf.maximum(tf.sqrt(across**2 + down**2), 1 / LONGEST)
            return _backward(_forward(columns) * (LONGEST * frequency) ** -self._exponent)

        rows = tf.reshape(tf.transpose(planes, (2, 0, 1)), (-1, width))
        columns = _by_bands(turned(_by_bands(rows, lambda band, _: _forward(band)), width), fall_in)
        rows = _by_bands(turned(columns, height), lambda band, _: _backward(band))
        fallen = tf.transpose(tf.reshape(rows, (channels, height, width)), (1, 2, 0))
        return tf.ensure_shape(fallen, planes.shape)


def _cycles(numbers: Tensor, length: Tensor) -> Tensor:
    """The frequencies of these parts of a cosine transform, in cycles a pixel."""
    import tensorflow as tf

    return tf.cast(numbers, tf.float32) / tf.cast(2 * length, tf.float32)


def _forward(rows: Tensor) -> Tensor:
    import tensorflow as tf

    return tf.signal.dct(rows, norm="ortho")


def _backward(rows: Tensor) -> Tensor:
    import tensorflow as tf

    return tf.signal.idct(rows, norm="ortho")


def _by_bands(rows: Tensor, change: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Rows [N, M], of which each becomes what a function makes of it and its number; a band of them at a time."""
    import tensorflow as tf

    count, length = tf.unstack(tf.shape(rows))
    step = tf.maximum(1, _VALUES_A_BAND // length)

    def band(first: Tensor, changed: Tensor) -> tuple[Tensor, Tensor]:
        numbers = tf.range(first, tf.minimum(first + step, count))
        some = change(rows[first : first + step], numbers)
        return first + step, tf.tensor_scatter_nd_update(changed, numbers[:, None], some)

    return tf.while_loop(lambda first, _: first < count, band, (0, tf.zeros_like(rows)), parallel_iterations=1)[1]
