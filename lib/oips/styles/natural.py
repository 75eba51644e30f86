"""As pictures of the world are: power falls with frequency, colours go together, and what is seen moves.

Each step, and the start image, is multiplied, frequency by frequency, by a power of what natural images have there,
and, colour by colour, by their covariance. That is ascent in a space in which natural images are white noise: Olah et
al. 2017 move the coefficients of such a space, this moves the pixels by what would become of that move. That alone
leaves colours as strong as the range admits: so those are kept to what colourful pictures have.

Before each step, the last ones too, the image is shifted, turned and scaled a little, in one resampling: what responds
only where it lies to the pixel is not found. (Measured on block4 of a VGG16: 0.98 of the response is kept under a shift
of 2 px and 0.92 under a turn of 4 degrees; 0.87 and 0.80 where the last third of the steps sees the image as it is.)
"""

from collections.abc import Callable

import numpy as np

from lib.arrays import Doubles, Tensor
from lib.oips.canvas import Canvas
from lib.oips.constraint import Constraint
from lib.oips.growth import Growth
from lib.oips.parameterisation import Parameterisation, Shape
from lib.oips.photographs import LONGEST, PictureStatistics
from lib.oips.style import Style

STEEPNESS = 1.2
"""A step falls with frequency so many times as steeply as the amplitude of natural images. 2 would be their power: on a
VGG16 that gives softer pictures, and a fifth less of the response."""


class Natural(Canvas):
    """A canvas whose steps are like natural images, and whose colours are no stronger than theirs."""

    turn, scale = 3.5, 0.04  # turns of 4 degrees are what pictures are measured by (`lib.naturalness.kept`)
    settles = False
    curve_of_moved = True

    def __init__(self, constraint: Constraint, shape: Shape, growth: Growth, pictures: PictureStatistics) -> None:
        super().__init__(constraint, shape, smoothing=growth.smoothing, jitter=growth.jitter)
        self._filter = spectrum(self.canvas[:2], STEEPNESS * pictures.exponent)
        self._colours = pictures.covariance.astype(np.float32)
        # standardised, the unit is the pictures' contrast; else it is half the range
        unit = pictures.contrast if constraint.name == "standardised" else 0.5
        self._chroma = None if shape[-1] == 1 else constraint.unit * pictures.chroma / unit

    def start(self, noise: Tensor) -> Tensor:
        import tensorflow as tf

        noise = self._smooth(self._like_pictures(tf.convert_to_tensor(noise)))
        spread = tf.math.reduce_std(noise, [1, 2, 3], keepdims=True)
        return self.constraint.start(tf.math.divide_no_nan(noise, spread))

    def direction(self, canvas: Tensor, gradient: Tensor) -> Tensor:
        import tensorflow as tf

        way = self._smooth(self._like_pictures(self.constraint.direction(canvas, gradient)))
        length = tf.sqrt(tf.reduce_mean(tf.square(way), [1, 2, 3], keepdims=True))
        return self.constraint.unit * tf.math.divide_no_nan(way, length)

    def keep(self, canvas: Tensor) -> Tensor:
        """The nearest that keeps the constraint, once its colours are no stronger than those of colourful pictures."""
        import tensorflow as tf

        canvas = self.constraint.image(canvas)
        if self._chroma is None:
            return canvas
        grey = tf.reduce_mean(canvas, -1, keepdims=True)
        colour = canvas - grey
        strength = tf.sqrt(tf.reduce_mean(tf.square(colour), [1, 2, 3], keepdims=True))
        weaker = tf.minimum(1.0, tf.math.divide_no_nan(tf.fill(tf.shape(strength), self._chroma), strength))
        return self.constraint.image(grey + weaker * colour)

    def _like_pictures(self, canvas: Tensor) -> Tensor:
        """White noise becomes, as far as frequencies and colours go, something like a natural image."""
        import tensorflow as tf

        planes = tf.transpose(canvas, [0, 3, 1, 2])
        waves = tf.signal.rfft2d(planes) * tf.cast(self._filter, tf.complex64)
        planes = tf.signal.irfft2d(waves, self.canvas[:2])
        return tf.einsum("bchw,cd->bhwd", planes, self._colours)


def spectrum(sides: tuple[int, int], exponent: float) -> Doubles:
    """1/f to an exponent at each frequency of `tf.signal.rfft2d`, of waves no longer than `LONGEST`."""
    height, width = sides
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    found = np.maximum(frequency, 1 / min(LONGEST, max(height, width))) ** -exponent
    return np.asarray(found / found.mean())


def parameterise(growth: Growth, pictures: PictureStatistics) -> Callable[[Constraint, Shape], Parameterisation]:
    """The canvas of these pictures' frequencies and colours."""
    return lambda constraint, shape: Natural(constraint, shape, growth, pictures)


STYLE = Style(
    "natural",
    "frequencies and colours as pictures have them, and what moves a little is seen still; for photographs",
    {"constraint": "box", "oips": 1, "starts": 1, "steps": 128, "step_size": 0.5, "smoothing": 0.0, "jitter": 8},
    parameterise,
    kept=True,
)
