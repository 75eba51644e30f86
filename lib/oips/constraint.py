"""What an image may be while it grows: the constraint that an ascent keeps it under, and that responses are compared
under.

`standardised`: zero mean and unit variance over the pixels of each image, as in the blog. `box`: every pixel in the
range of pictures. Both are of pictures, whose black is 0 and white 1, whatever the network takes: what it is shown is
made of them channel by channel, so under `box` each channel stays in the range that is declared for it.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from lib.arrays import Tensor
from lib.errors import BadInput

ConstraintName = Literal["standardised", "box"]
CONSTRAINTS: tuple[ConstraintName, ...] = get_args(ConstraintName)

_LEAST_SPREAD = 1e-6
_TINY, _LIFT = 1e-15, 2.0**80


@dataclass(frozen=True)
class Constraint:
    """One constraint. `low` and `high` are the least and greatest pixel value of pictures."""

    name: ConstraintName
    low: float
    high: float

    def __post_init__(self) -> None:
        if self.name not in CONSTRAINTS:
            raise BadInput(f"constraint is {self.name!r}; choose from {', '.join(CONSTRAINTS)}")
        if not self.low < self.high:
            raise BadInput(f"pixels range from {self.low} to {self.high}; the first must be below the second")

    def image(self, pixels: Tensor) -> Tensor:
        """The nearest images that keep the constraint; [B, H, W, C], a tensor."""
        import tensorflow as tf

        if self.name == "box":
            return tf.clip_by_value(pixels, self.low, self.high)
        pixels = pixels - tf.reduce_mean(pixels, [1, 2, 3], keepdims=True)
        spread = tf.sqrt(tf.reduce_mean(pixels * pixels, [1, 2, 3], keepdims=True))
        return pixels / tf.maximum(spread, _LEAST_SPREAD)

    def start(self, noise: Tensor) -> Tensor:
        """Images that keep the constraint, from standardised noise.

        Under `box` the noise fills the range: its mean lies in the middle, two standard deviations at the ends.
        """
        if self.name == "box":
            noise = (self.low + self.high) / 2 + noise * (self.high - self.low) / 4
        return self.image(noise)

    def direction(self, images: Tensor, gradient: Tensor) -> Tensor:
        """The way to go: the gradient without what the constraint would undo, its root mean square one unit.

        One unit is the standard deviation of the pixels, or half their range. Where the gradient is zero, so is this.
        """
        import tensorflow as tf

        unit = self.unit
        if self.name == "box":
            held = ((images <= self.low) & (gradient < 0)) | ((images >= self.high) & (gradient > 0))
            gradient = tf.where(held, 0.0, gradient)
        else:
            gradient = gradient - tf.reduce_mean(gradient, [1, 2, 3], keepdims=True)
            gradient = gradient - images * tf.reduce_mean(gradient * images, [1, 2, 3], keepdims=True)
        # tiny gradients are real (behind saturated activations), and their squares would be zero: only exact zero has
        # no direction. A power of two changes no bit of the others.
        tiny = tf.reduce_max(tf.abs(gradient), [1, 2, 3], keepdims=True) < _TINY
        gradient = gradient * tf.where(tiny, _LIFT, 1.0)
        square = tf.reduce_mean(gradient * gradient, [1, 2, 3], keepdims=True)
        scale = tf.reduce_max(tf.abs(gradient), [1, 2, 3], keepdims=True)
        safe = tf.where(scale > 0, scale, 1.0)
        return unit * tf.math.divide_no_nan(gradient / safe, tf.sqrt(square) / safe)

    @property
    def unit(self) -> float:
        """What steps are measured by: half the range of the pixels, or their standard deviation."""
        return (self.high - self.low) / 2 if self.name == "box" else 1.0

    def pixel_bounds(self, pixels: int) -> tuple[float, float]:
        """Between which values every pixel of an image of `pixels` values lies, for proofs."""
        if self.name == "box":
            return self.low, self.high
        # one value as far from the others as it can be is at sqrt(n - 1): the rest is room for rounding
        reach = pixels**0.5
        return -reach, reach
