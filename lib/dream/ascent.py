"""Gradient ascent of one picture of any size, as one compiled loop that serves every size.

What is optimised and how its gradient is found is not said here: a `Gradient` says it, of the whole picture by windows
or of tiles. What a gradient needs to know of a picture's size it works out before, in Python (`plan`), and is handed in
numbers, so that neither size nor parity is part of the trace.

A step, as in DeepDream: the picture is rolled by some pixels, its gradient is found and rolled back, perhaps turned
towards what is natural (`lib.dream.natural`), smoothed, divided by its root mean square over the whole picture, and
added. Pixels stay within [0, 1].
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from lib import stop
from lib.arrays import Array, Floats, ShortIntegers, Tensor
from lib.network.graph import tracing

Progress = Callable[[int, int], None]
"""Is called with how many steps are done, of how many."""

_SECONDS_A_CALL = 1.0
_VALUES_A_BAND = 1 << 20


class Gradient(Protocol):
    """What a picture [H, W, C], float32 in [0, 1], is to become more of."""

    @property
    def signature(self) -> tuple[Any, ...]:
        """The `tf.TensorSpec`s of the tensors of a plan; sizes that depend on the picture are None."""

    def plan(self, height: int, width: int) -> tuple[Array, ...]:
        """What the two below need to know of pictures of that size.

        Raises:
            BadInput: pictures of that size cannot be dreamed.
        """

    def value(self, picture: Tensor, *plan: Tensor) -> Tensor:
        """The objective, a scalar; called while tracing."""

    def __call__(self, picture: Tensor, *plan: Tensor) -> tuple[Tensor, Tensor]:
        """The objective, and its gradient [H, W, C] up to a positive factor; called while tracing."""


class DreamAscent:
    """The compiled ascent of one objective. Threads may optimise different pictures with it at the same time.

    While it runs it holds up to six arrays of floats of the picture's size: the picture as it was handed over and as
    it is; while the gradient is found, the picture rolled and the gradient; after that the gradient rolled back,
    smoothed and scaled, and the sum of picture and gradient. What the gradient needs for itself comes on top, and the
    picture and the start that the caller holds. TensorFlow keeps for later what it has once had, so that the octaves of
    a picture add up to about twice its last one: a process that dreams a photograph of 24 megapixels peaks at 1.7 GiB
    where the network sees one channel (96 MB an array), and at 3.6 GiB where it sees three.

    Attributes:
        traces: how often TensorFlow has traced the loop: once, whatever pictures come.
    """

    def __init__(self, gradient: Gradient, channels: int, *, towards: Callable[[Tensor], Tensor] | None = None) -> None:
        """The loop for pictures of so many channels, traced here.

        Args:
            towards: from the whole picture's gradient [H, W, C] to where a step goes; None: along it.
        """
        import tensorflow as tf

        self._gradient, self._towards = gradient, towards
        self.traces = 0
        picture = tf.TensorSpec((None, None, channels), tf.float32)
        self._optimise = tf.function(
            self._optimise_picture,
            input_signature=[
                picture,
                tf.TensorSpec((None, 2), tf.int32),
                tf.TensorSpec((), tf.float32),
                tf.TensorSpec((None,), tf.float32),
                *gradient.signature,
            ],
            autograph=False,
        )
        self._value = tf.function(gradient.value, input_signature=[picture, *gradient.signature], autograph=False)
        with tracing():
            self._optimise.get_concrete_function()
            self._value.get_concrete_function()

    def optimise(
        self,
        pixels: Floats,
        *,
        steps: int,
        step_size: float,
        smoothing: float,
        jitter: int,
        seed: int,
        objective_weights: Sequence[Array] = (),
        progress: Progress | None = None,
    ) -> tuple[Floats, Floats]:
        """A picture some steps further, and how the objective rose.

        Args:
            pixels: [H, W, C] in [0, 1].
            step_size: root mean square of a step's change, before pixels are cut to [0, 1].
            smoothing: standard deviation, in pixels, of the Gaussian blur of each step; 0 for none.
            jitter: greatest shift, in pixels, by which the picture is rolled before a step, up or down and left or
                right; the first step sees the picture as it is.
            objective_weights: what the gradient wants to be handed behind its plan (see `lib.dream.gradients`).
            progress: called about once a second, and at the end.

        Returns:
            Pixels [H, W, C] in [0, 1], and the objective [steps + 1] before each step and after the last. In
            between it is that of the rolled picture, which borders make a little different.

        Raises:
            BadInput: pictures of that size cannot be dreamed.
            Stopped: this process was told to stop (`lib.stop`).
        """
        import tensorflow as tf

        height, width = pixels.shape[:2]
        plan = tuple(tf.constant(array) for array in (*self._gradient.plan(height, width), *objective_weights))
        shifts = _shifts(steps, jitter, seed)
        weights = _gaussian(smoothing, min(height, width))
        picture, values, done, chunk = tf.constant(pixels, tf.float32), [], 0, 1
        while done < steps:
            stop.look()
            begun = time.monotonic()
            picture, found = self._optimise(picture, shifts[done : done + chunk], np.float32(step_size), weights, *plan)
            values.append(found.numpy())
            done += len(found)
            a_step = (time.monotonic() - begun) / len(found)
            chunk = max(1, min(4 * chunk, int(_SECONDS_A_CALL / max(a_step, 1e-6))))
            if progress:
                progress(done, steps)
        values.append(self._value(picture, *plan).numpy()[None])
        return picture.numpy(), np.concatenate(values)

    def _optimise_picture(
        self, picture: Tensor, shifts: Tensor, step_size: Tensor, weights: Tensor, *plan: Tensor
    ) -> tuple[Tensor, Tensor]:
        import tensorflow as tf

        self.traces += 1
        steps = tf.shape(shifts)[0]

        def step(at: Tensor, picture: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            value, gradient = self._gradient(tf.roll(picture, shifts[at], (0, 1)), *plan)
            gradient = tf.roll(gradient, -shifts[at], (0, 1))
            if self._towards is not None:
                gradient = self._towards(gradient)
            gradient = _blur(gradient, weights)
            # where nothing responds the gradient is zero, and the picture stays as it is
            scale = tf.math.divide_no_nan(step_size, tf.sqrt(tf.reduce_mean(tf.square(gradient))))
            return at + 1, tf.clip_by_value(picture + scale * gradient, 0.0, 1.0), values.write(at, value)

        values = tf.TensorArray(tf.float32, steps, element_shape=())
        _, picture, values = tf.while_loop(
            lambda at, *_: at < steps,
            step,
            (0, picture, values),
            shape_invariants=(tf.TensorShape(()), picture.shape, tf.TensorShape(None)),
            parallel_iterations=1,
        )
        return picture, values.stack()


def _shifts(steps: int, jitter: int, seed: int) -> ShortIntegers:
    """By how much (down, right) the picture is rolled before each step, [steps, 2]."""
    shifts = np.random.default_rng(seed).integers(-jitter, jitter, (steps, 2), np.int32, endpoint=True)
    shifts[0] = 0
    return shifts


def _gaussian(sigma: float, side: int) -> Floats:
    """Weights, an odd number of them, of a blur of pictures whose shorter side is given."""
    if sigma == 0:
        return np.ones(1, np.float32)
    reach = min(max(1, round(3 * sigma)), side)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return (weights / weights.sum()).astype(np.float32)


def _blur(picture: Tensor, weights: Tensor) -> Tensor:
    """[H, W, C] folded with weights down and across; borders are mirrored.

    A band of rows at a time, so that beside the picture and the result little is held. Channels stay beside each other:
    across, the next pixel is as many values away as there are channels.
    """
    import tensorflow as tf

    reach = tf.shape(weights)[0] // 2
    (height, width, _), channels = tf.unstack(tf.shape(picture)), picture.shape[2]
    step = tf.maximum(1, _VALUES_A_BAND // (width * channels))

    def band(first: Tensor, blurred: Tensor) -> tuple[Tensor, Tensor]:
        last = tf.minimum(first + step, height)
        rows = tf.range(first - reach, last + reach)
        rows = tf.where(rows < 0, -1 - rows, tf.where(rows < height, rows, 2 * height - 1 - rows))
        values = tf.pad(tf.gather(picture, rows), [[0, 0], [reach, reach], [0, 0]], "SYMMETRIC")
        values = tf.reshape(values, (1, tf.shape(rows)[0], (width + 2 * reach) * channels, 1))
        values = tf.nn.conv2d(values, tf.reshape(weights, (-1, 1, 1, 1)), 1, "VALID")
        values = tf.nn.conv2d(values, tf.reshape(weights, (1, -1, 1, 1)), 1, "VALID", dilations=(1, channels))
        values = tf.reshape(values, (last - first, width, channels))
        return last, tf.tensor_scatter_nd_update(blurred, tf.range(first, last)[:, None], values)

    return tf.while_loop(lambda first, _: first < height, band, (0, tf.zeros_like(picture)), parallel_iterations=1)[1]
