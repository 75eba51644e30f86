"""Magnitudes fixed, phases optimised: MaCo (Fel et al. 2023).

A picture's contours are in the phases of its frequencies; their magnitudes are much the same in all pictures. So the
magnitudes stay what natural images have, and an ascent cannot win by what no picture has at all. It is written as a
constraint: a step goes where "natural" goes, and then each frequency gets its magnitude back. Of the start image only
the phases count. Waves beyond `LONGEST` are no stronger than those: else light and shade take most of the contrast.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from lib.arrays import Tensor
from lib.oips.constraint import Constraint
from lib.oips.growth import Growth
from lib.oips.parameterisation import Parameterisation, Shape
from lib.oips.photographs import PictureStatistics
from lib.oips.styles.natural import STYLE as NATURAL
from lib.oips.styles.natural import Natural, spectrum


class Phase(Natural):
    """As `Natural`, but every image has the same power at each frequency, in each of the colours that go together."""

    def __init__(self, constraint: Constraint, shape: Shape, growth: Growth, pictures: PictureStatistics) -> None:
        super().__init__(constraint, shape, growth, pictures)
        variances, colours = np.linalg.eigh(pictures.covariance)
        self._own_colours = colours.astype(np.float32)
        self._contrast = pictures.contrast
        magnitudes = spectrum(self.canvas[:2], pictures.exponent)
        magnitudes[0, 0] = 0  # the mean is not a matter of contours
        self._magnitudes = (np.sqrt(np.maximum(variances, 0))[:, None, None] * magnitudes).astype(np.float32)

    def start(self, noise: Tensor) -> Tensor:
        import tensorflow as tf

        return self.keep(tf.convert_to_tensor(noise))

    def keep(self, canvas: Tensor) -> Tensor:
        """With the magnitudes that are fixed; what leaves the range then is cut off."""
        import tensorflow as tf

        planes = tf.einsum("bhwc,cd->bdhw", canvas, self._own_colours)
        waves = tf.signal.rfft2d(planes)
        sizes = tf.abs(waves)
        waves *= tf.cast(tf.math.divide_no_nan(tf.constant(self._magnitudes), sizes), tf.complex64)
        planes = tf.einsum("bdhw,cd->bhwc", tf.signal.irfft2d(waves, self.canvas[:2]), self._own_colours)
        spread = tf.math.reduce_std(planes, [1, 2, 3], keepdims=True)
        standard = tf.math.divide_no_nan(planes, spread)
        if self.constraint.name == "box":
            low, high = self.constraint.low, self.constraint.high
            standard = (low + high) / 2 + self._contrast * (high - low) * standard
        return self.constraint.image(standard)


def parameterise(growth: Growth, pictures: PictureStatistics) -> Callable[[Constraint, Shape], Parameterisation]:
    """The canvas whose magnitudes are these pictures'."""
    return lambda constraint, shape: Phase(constraint, shape, growth, pictures)


STYLE = replace(
    NATURAL,
    name="phase",
    text="contours alone, with the power of pictures at every frequency",
    parameterise=parameterise,
)
