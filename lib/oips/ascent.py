"""Gradient ascent of a whole batch of images, each for a unit of its own, as one compiled loop on the device.

No Python runs between steps, and one trace serves every unit, every number of steps and every stage of a search: units,
step sizes and shifts are tensors, and batches are padded to one size. So an image's pixels do not depend on
what else is in its batch, and a unit grown alone equals the same unit grown among others.

What the gradient sees is not what the picture shows: a last step may overshoot, so the best image seen is kept.

A call of the loop is cut where it would last longer than about a second: whoever wants it to stop need not wait. All
that a step knows of those before it is handed from one call to the next, so that no pixel tells where it was cut.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lib import stop
from lib.arrays import Floats, Integers, Tensor
from lib.errors import BadInput
from lib.network.graph import LOCK
from lib.network.kernels import fast_kernels
from lib.network.trunk import responses_of
from lib.oips.constraint import Constraint
from lib.oips.measure import measure_batches, unit_maps
from lib.oips.objective import OBJECTIVES, over_positions

Rows = slice | list[int] | Integers

MOMENTUM = 0.8
SECONDS_A_CALL = 1.0
"""About so long does a call of the compiled loop last, unless a single step takes longer."""
_CALLS_GROW = 4  # at most so many times as many steps as in the call before, of which little is known yet
_NOTHING_SEEN = -np.inf


@dataclass(frozen=True)
class AscentState:
    """Images on their way up, one a row; all arrays are float32 and begin with the same axis.

    `images`, `velocity`, `best`: [n, H, W, C], where an image is, how it moves, the best image of it so far. `score`,
    `response`, `pre_activation`: [n], of `best`; `curve`: [n, steps so far], the response at each step, NaN where the
    image was shifted and its own response not seen.
    """

    images: Floats
    velocity: Floats
    best: Floats
    score: Floats
    response: Floats
    pre_activation: Floats
    curve: Floats

    @staticmethod
    def from_starts(images: Floats) -> "AscentState":
        """Before the first step."""
        n = len(images)
        nothing = np.full(n, _NOTHING_SEEN, np.float32)
        return AscentState(
            images, np.zeros_like(images), images, nothing, nothing, nothing, np.zeros((n, 0), np.float32)
        )

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: Rows) -> "AscentState":
        """Some of the images: `rows` as NumPy takes them."""
        return AscentState(**{name: array[rows] for name, array in vars(self).items()})

    @staticmethod
    def join(parts: "list[AscentState]") -> "AscentState":
        """All images of all parts, which have the same number of steps behind them."""
        return AscentState(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])})


class Ascent:
    """The compiled ascent for one layer of one model under one constraint.

    Attributes:
        batch: images a call; fewer are padded.
        shape: (height, width, channels) of an image.
        units: how many the layer has.
        signed: whether all of them stay linear, and `signed_units`: which do.
        traces: how often TensorFlow has traced the loop: once, whatever is grown.
    """

    def __init__(
        self,
        model: Any,
        layer: str,
        constraint: Constraint,
        *,
        objective: str = "response",
        smoothing: float = 0.0,
        jitter: bool = False,
        batch: int = 64,
        size: tuple[int, int] | None = None,
    ) -> None:
        """The loop for `batch` images at a time, traced here.

        Args:
            model, layer, size: as `lib.network.trunk.responses_of` takes them.
            objective: the name of one of `lib.oips.objective.OBJECTIVES`.
            smoothing: standard deviation, in pixels, of the blur of each step.
            jitter: whether steps are shifted.

        Raises:
            BadInput: as `lib.network.trunk.responses_of`, and for a network of free size where no size is given.
        """
        import tensorflow as tf

        self.batch = batch
        self.constraint = constraint
        self.layer = layer
        self.smoothing = smoothing
        self.jitter = jitter
        self._trunk = responses_of(model, [layer], size=size, kernels=fast_kernels)
        self._objective = OBJECTIVES[objective]
        self.units = self._trunk.units[layer]
        self.signed = self._trunk.signed[layer]
        self.signed_units = self._trunk.signed_units[layer]
        height, width, channels = self._trunk.input_shape
        if height is None or width is None:
            raise BadInput("the network takes images of any size: choose one, as 64x64")
        self.shape = (height, width, channels)
        self.traces = 0
        self._steps_a_call = 1
        pixels = tf.TensorSpec((batch, *self.shape), tf.float32)
        numbers = tf.TensorSpec((batch,), tf.float32)
        self._optimise = tf.function(
            self._optimise_batch,
            input_signature=[
                pixels,
                pixels,
                pixels,
                numbers,
                numbers,
                numbers,
                tf.TensorSpec((batch,), tf.int32),
                tf.TensorSpec((None, batch), tf.float32),
                tf.TensorSpec((None, batch, 2), tf.int32),
            ],
        )
        self._measure = tf.function(
            self._measure_batch, input_signature=[pixels, tf.TensorSpec((batch,), tf.int32)], autograph=False
        )
        self._finish = tf.function(
            self._finish_batch,
            input_signature=[pixels, pixels, numbers, numbers, numbers, tf.TensorSpec((batch,), tf.int32)],
            autograph=False,
        )
        with LOCK:
            self._optimise.get_concrete_function()
            self._finish.get_concrete_function()
            self._measure.get_concrete_function()

    def optimise(
        self, state: AscentState, units: npt.ArrayLike, rates: npt.ArrayLike, shifts: npt.ArrayLike | None = None
    ) -> AscentState:
        """Every image some steps further.

        Args:
            state: at most `batch` images.
            units: [n], each image's unit.
            rates: [steps, n], how far each step goes, as a share of the constraint's unit of length.
            shifts: [steps, n, 2], by how many pixels (down, right) an image is rolled before a step, and back after it.

        Raises:
            Stopped: this process was told to stop (`lib.stop`).
        """
        import tensorflow as tf

        rates = np.asarray(rates, np.float32)
        n, steps = len(state), len(rates)
        if not 0 < n <= self.batch:
            raise ValueError(f"{n} images in a call that takes 1 to {self.batch}")
        rows = np.arange(self.batch) % n  # padding repeats images, so that it can meet nothing that they do not
        if shifts is None:
            shifts = np.zeros((steps, n, 2), np.int32)
        padded = state.take(rows)
        own_units = tf.constant(np.asarray(units, np.int32)[rows])
        rates, shifts = rates[:, rows], np.asarray(shifts, np.int32)[:, rows]
        climb: list[Tensor] = [
            tf.constant(array)
            for array in (
                padded.images,
                padded.velocity,
                padded.best,
                padded.score,
                padded.response,
                padded.pre_activation,
            )
        ]
        curves, done = [state.curve], 0
        while done < steps:
            stop.look()
            begun, last = time.monotonic(), min(done + self._steps_a_call, steps)
            *climb, curve = self._optimise(*climb, own_units, rates[done:last], shifts[done:last])
            curves.append(np.asarray(curve)[:, :n].T)
            self._learn(last - done, time.monotonic() - begun)
            done = last
        images, velocity, best, *numbers = climb
        best, score, response, pre_activation = self._finish(images, best, *numbers, own_units)
        found = (images, velocity, best, score, response, pre_activation)
        images, velocity, best, score, response, pre_activation = (np.asarray(array)[:n] for array in found)
        return AscentState(images, velocity, best, score, response, pre_activation, np.concatenate(curves, axis=1))

    def _learn(self, steps: int, seconds: float) -> None:
        """Choose how many steps the next call takes, from how long the last one took."""
        in_time = int(SECONDS_A_CALL * steps / max(seconds, 1e-6))
        self._steps_a_call = max(1, min(_CALLS_GROW * max(steps, self._steps_a_call), in_time))

    def measure(self, images: Floats, units: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Response and pre-activation, [n] each, of `images` [n, H, W, C] for a unit each; no constraint is applied."""
        return measure_batches(self._measure, self.batch, images, units)

    def starts(self, noise: Floats) -> Floats:
        """Start images from standardised noise [n, H, W, C], any n: smoothed as the steps are, under the constraint."""
        return np.asarray(self.constraint.start(self._smooth(noise)))

    def _optimise_batch(
        self,
        images: Tensor,
        velocity: Tensor,
        best: Tensor,
        scored: Tensor,
        response: Tensor,
        pre_activation: Tensor,
        units: Tensor,
        rates: Tensor,
        shifts: Tensor,
    ) -> tuple[Tensor, ...]:
        import tensorflow as tf

        self.traces += 1
        steps = tf.shape(rates)[0]
        curve = tf.TensorArray(tf.float32, steps, element_shape=(self.batch,))
        for step in tf.range(steps):
            rate = rates[step][:, None, None, None]
            if self.jitter:
                seen = _roll(images, shifts[step])
                gradient, now, before = self._gradient(seen, units)
                gradient = _roll(gradient, -shifts[step])
                own = tf.reduce_all(shifts[step] == 0, axis=1)
            else:
                gradient, now, before = self._gradient(images, units)
                own = tf.ones((self.batch,), tf.bool)
            best, scored, response, pre_activation = self._keep(
                own, (images, best), (now, before), (scored, response, pre_activation)
            )
            curve = curve.write(step, tf.where(own, now, np.nan))
            velocity = MOMENTUM * velocity + self._smooth(self.constraint.direction(images, gradient))
            images = self.constraint.image(images + rate * velocity)
        return images, velocity, best, scored, response, pre_activation, curve.stack()

    def _finish_batch(
        self, images: Tensor, best: Tensor, scored: Tensor, response: Tensor, pre_activation: Tensor, units: Tensor
    ) -> tuple[Tensor, ...]:
        """The best images with the one that the last step led to, which no gradient was taken of."""
        import tensorflow as tf

        now, before = self._measure_batch(images, units)
        every = tf.ones((self.batch,), tf.bool)
        return self._keep(every, (images, best), (now, before), (scored, response, pre_activation))

    def _gradient(self, images: Tensor, units: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        import tensorflow as tf

        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            before, after = unit_maps(self._trunk, self.layer, images, units)
            optimised = tf.reduce_sum(self._objective.value(before, after))
        return tape.gradient(optimised, images), over_positions(after), over_positions(before)

    def _measure_batch(self, images: Tensor, units: Tensor) -> tuple[Tensor, Tensor]:
        before, after = unit_maps(self._trunk, self.layer, images, units)
        return over_positions(after), over_positions(before)

    def _keep(
        self,
        own: Tensor,
        images: tuple[Tensor, Tensor],
        seen: tuple[Tensor, Tensor],
        kept: tuple[Tensor, Tensor, Tensor],
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The better of what is seen now and what was kept; only images that were seen as they are (`own`) count."""
        import tensorflow as tf

        (now_image, best_image), (now, before), (scored, response, pre_activation) = images, seen, kept
        now_score = self._objective.score(now, before)
        better = own & (now_score > scored)
        return (
            tf.where(better[:, None, None, None], now_image, best_image),
            tf.where(better, now_score, scored),
            tf.where(better, now, response),
            tf.where(better, before, pre_activation),
        )

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
    """Each image rolled by its own shift (down, right); [B, H, W, C] and [B, 2]."""
    import tensorflow as tf

    height, width = images.shape[1:3]
    rows = (tf.range(height)[None, :] - shifts[:, :1]) % height
    columns = (tf.range(width)[None, :] - shifts[:, 1:]) % width
    images = tf.gather(images, rows, axis=1, batch_dims=1)
    return tf.gather(images, columns, axis=2, batch_dims=1)


def cosine_rates(steps: int, first: float) -> Floats:
    """Step sizes [steps] that fall from `first` to nearly zero along half a cosine (Loshchilov and Hutter 2017)."""
    return (first * 0.5 * (1 + np.cos(np.pi * np.arange(steps) / steps))).astype(np.float32)
