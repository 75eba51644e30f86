"""Gradient ascent of a whole batch of images, each for a unit of its own, as one compiled loop on the device.

No Python runs between steps, and one trace serves every unit, every number of steps and every stage of a search: units,
step sizes and moves are tensors, and so is how many images there are. They are padded to one of few sizes, of which no
image's pixels depend on, nor on what else is in its batch: a unit grown alone equals the same unit grown among others.

What the gradient sees is not what the picture shows: a last step may overshoot, so the best image seen is kept.

A call of the loop is cut where it would last longer than about a second: whoever wants it to stop need not wait. All
that a step knows of those before it is handed from one call to the next, so that no pixel tells where it was cut.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lib import stop
from lib.arrays import Floats, Integers, Tensor
from lib.errors import BadInput
from lib.network.graph import tracing
from lib.network.kernels import fast_kernels
from lib.network.plan import Kernels
from lib.network.trunk import Trunk, responses_of
from lib.network.unit_maps import UnitMaps, Weights
from lib.oips.constraint import Constraint
from lib.oips.matching import Matching
from lib.oips.measure import measure_batches, padded_size
from lib.oips.objective import OBJECTIVES, Objective, over_positions
from lib.oips.parameterisation import Parameterisation, Shape

Rows = slice | list[int] | Integers

MOMENTUM = 0.8
SECONDS_A_CALL = 1.0
"""About so long does a call of the compiled loop last, unless a single step takes longer."""
_CALLS_GROW = 4  # at most so many times as many steps as in the call before, of which little is known yet
_NOTHING_SEEN = -np.inf


@dataclass(frozen=True)
class AscentState:
    """Images on their way up, one a row; all arrays are float32 and begin with the same axis.

    `images`, `velocity`: [n, *canvas], where it is and how it moves; `best`: [n, H, W, C], the best image of it so far.
    `score`, `response`, `pre_activation`: [n], of `best`; `curve`: [n, steps so far], the response at each step, NaN
    where the image was moved, its own response not seen, and the parameterisation shows no other.
    """

    images: Floats
    velocity: Floats
    best: Floats
    score: Floats
    response: Floats
    pre_activation: Floats
    curve: Floats

    @staticmethod
    def from_starts(images: Floats, shape: Shape | None = None) -> "AscentState":
        """Before the first step. `shape`: of an image, where it is not that of what is moved."""
        n = len(images)
        nothing = np.full(n, _NOTHING_SEEN, np.float32)
        best = images if shape is None else np.zeros((n, *shape), np.float32)
        return AscentState(images, np.zeros_like(images), best, nothing, nothing, nothing, np.zeros((n, 0), np.float32))

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
        batch: most images a call; fewer are padded (`lib.oips.measure.padded_size`).
        shape: (height, width, channels) of an image.
        units: how many the layer has.
        facets: how many each unit has of what is matched, 1 where nothing is.
        signed: whether all of them stay linear, and `signed_units`: which do.
        traces: how often TensorFlow has traced the loop: once, whatever is grown.
    """

    def __init__(
        self,
        model: Any,
        layer: str,
        constraint: Constraint,
        *,
        objectives: Sequence[str] = ("response",),
        parameterise: Callable[[Constraint, Shape], Parameterisation] = Parameterisation,
        matching: Matching | None = None,
        batch: int = 64,
        size: tuple[int, int] | None = None,
        kernels: Kernels = fast_kernels,
    ) -> None:
        """The loop for up to `batch` images at a time, traced here.

        Args:
            model, layer, size: as `lib.network.trunk.responses_of` takes them.
            objectives: names of some of `lib.oips.objective.OBJECTIVES`, which one trace serves (`towards`).
            parameterise: gives what is moved, for images of a shape under the constraint.
            matching: what images are to match besides.
            kernels: faster implementations of layers. They may round otherwise, and then the ascent goes by what they
                round, and chooses its best image so; `measure` never does.

        Raises:
            BadInput: as `lib.network.trunk.responses_of`, and for a network of free size where no size is given.
        """
        import tensorflow as tf

        self.batch = batch
        self.constraint = constraint
        self.layer = layer
        layers = dict.fromkeys([layer, *(matching.layers if matching else ())])
        trunk = responses_of(model, list(layers), size=size, kernels=kernels)
        self._own = UnitMaps(trunk, layer, matching.layers if matching else ())
        self._measured = self._own
        if kernels is not fast_kernels:
            exact = Trunk(trunk.graph, {layer: trunk.places[layer]}, trunk.input_shape, fast_kernels)
            self._measured = UnitMaps(exact, layer)
        self._objectives = {name: OBJECTIVES[name] for name in objectives}
        self._matching = matching
        self.facets = 1 if matching is None else matching.facets
        self.units = trunk.units[layer]
        self.signed = trunk.signed[layer]
        self.signed_units = trunk.signed_units[layer]
        height, width, channels = trunk.input_shape
        if height is None or width is None:
            raise BadInput("the network takes images of any size: choose one, as 64x64")
        self.shape = (height, width, channels)
        self.parameterisation = parameterise(constraint, self.shape)
        self.traces = 0
        self._steps_a_call: dict[int, int] = {}  # by how many images there are, of which some take longer
        # any number of images, so that one trace serves all: `padded_size` says how many there are
        pixels = tf.TensorSpec((None, *self.shape), tf.float32)
        canvas = tf.TensorSpec((None, *self.parameterisation.canvas), tf.float32)
        numbers = tf.TensorSpec((None,), tf.float32)
        chosen = tf.TensorSpec((), tf.int32)  # which objective
        self._optimise = tf.function(
            self._optimise_batch,
            input_signature=[
                canvas,
                canvas,
                pixels,
                numbers,
                numbers,
                numbers,
                tf.TensorSpec((None,), tf.int32),
                tf.TensorSpec((None, None), tf.float32),
                tf.TensorSpec((None, None, self.parameterisation.move), self.parameterisation.dtype),
                chosen,
            ],
            autograph=False,
        )
        self._measure = tf.function(
            self._measure_batch, input_signature=[pixels, tf.TensorSpec((None,), tf.int32)], autograph=False
        )
        self._finish = tf.function(
            self._finish_batch,
            input_signature=[canvas, pixels, numbers, numbers, numbers, tf.TensorSpec((None,), tf.int32), chosen],
            autograph=False,
        )
        with tracing():
            self._optimise.get_concrete_function()
            self._finish.get_concrete_function()
            self._measure.get_concrete_function()

    def towards(self, objective: str, look: Callable[[], None] = stop.look) -> "Towards":
        """The same ascent towards one of its objectives. `look`: called every few steps; what it raises ends it.

        What it knows is not kept for as long as the ascent, of which TensorFlow leaves no more than garbage to be
        looked for.
        """
        return Towards(self, list(self._objectives).index(objective), look)

    def optimise(
        self,
        state: AscentState,
        units: npt.ArrayLike,
        rates: npt.ArrayLike,
        moves: npt.ArrayLike | None = None,
        *,
        objective: int = 0,
        look: Callable[[], None] = stop.look,
    ) -> AscentState:
        """Every image some steps further.

        Args:
            state: at most `batch` images.
            units: [n], each image's unit; where something is matched, the row of it (`Matching.facets`).
            rates: [steps, n], how far each step goes, as a share of the constraint's unit of length.
            moves: [steps, n, move], how an image is moved before it is seen, as the parameterisation takes it.
            objective, look: which of the ascent's, and what may end it (`towards`).

        Raises:
            Stopped: this process was told to stop (`lib.stop`); or what else `look` raises.
        """
        import tensorflow as tf

        rates = np.asarray(rates, np.float32)
        n, steps = len(state), len(rates)
        if not 0 < n <= self.batch:
            raise ValueError(f"{n} images in a call that takes 1 to {self.batch}")
        # padding repeats images, so that it can meet nothing that they do not
        rows = np.arange(padded_size(n, self.batch)) % n
        if moves is None:
            moves = np.zeros((steps, n, self.parameterisation.move))
        padded = state.take(rows)
        own_units = tf.constant(np.asarray(units, np.int32)[rows])
        chosen = tf.constant(objective)
        rates, moves = rates[:, rows], np.asarray(moves, self.parameterisation.dtype)[:, rows]
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
            look()
            begun, last = time.monotonic(), min(done + self._steps_a_call.get(len(rows), 1), steps)
            *climb, curve = self._optimise(*climb, own_units, rates[done:last], moves[done:last], chosen)
            curves.append(np.asarray(curve)[:, :n].T)
            self._learn(len(rows), last - done, time.monotonic() - begun)
            done = last
        images, velocity, best, *numbers = climb
        best, score, response, pre_activation = self._finish(images, best, *numbers, own_units, chosen)
        found = (images, velocity, best, score, response, pre_activation)
        images, velocity, best, score, response, pre_activation = (np.asarray(array)[:n] for array in found)
        return AscentState(images, velocity, best, score, response, pre_activation, np.concatenate(curves, axis=1))

    def _learn(self, images: int, steps: int, seconds: float) -> None:
        """Choose how many steps the next call with so many images takes, from how long the last one took."""
        in_time = int(SECONDS_A_CALL * steps / max(seconds, 1e-6))
        most = _CALLS_GROW * max(steps, self._steps_a_call.get(images, 1))
        self._steps_a_call[images] = max(1, min(most, in_time))

    def measure(self, images: Floats, units: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Response and pre-activation, [n] each, of `images` [n, H, W, C] for a unit each; no constraint is applied."""
        return measure_batches(self._measure, self.batch, images, units)

    def starts(self, noise: Floats) -> Floats:
        """Where ascents begin, from standardised noise [n, *canvas], any n."""
        return np.asarray(self.parameterisation.start(noise))

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
        moves: Tensor,
        chosen: Tensor,
    ) -> tuple[Tensor, ...]:
        import tensorflow as tf

        self.traces += 1
        grown = self.parameterisation
        steps = tf.shape(rates)[0]
        weights = self._weights(units)

        def climb(step: Tensor, curve: Any, *state: Tensor) -> tuple[Any, ...]:
            images, velocity, best, scored, response, pre_activation = state
            rate = rates[step][:, None, None, None]
            gradient, score, now, before = self._gradient(images, moves[step], units, weights, chosen)
            own = grown.unmoved(moves[step])
            best, scored, response, pre_activation = self._keep(
                own, (grown.image(images), best), (score, now, before), (scored, response, pre_activation)
            )
            curve = curve.write(step, now if grown.curve_of_moved else tf.where(own, now, np.nan))
            velocity = MOMENTUM * velocity + grown.direction(images, gradient)
            images = grown.keep(images + rate * velocity)
            return step + 1, curve, images, velocity, best, scored, response, pre_activation

        curve = tf.TensorArray(tf.float32, steps, element_shape=(None,))
        begun = (0, curve, images, velocity, best, scored, response, pre_activation)
        _, curve, *climbed = tf.while_loop(lambda step, *_: step < steps, climb, begun, maximum_iterations=steps)
        return *climbed, curve.stack()

    def _finish_batch(
        self,
        images: Tensor,
        best: Tensor,
        scored: Tensor,
        response: Tensor,
        pre_activation: Tensor,
        units: Tensor,
        chosen: Tensor,
    ) -> tuple[Tensor, ...]:
        """The best images with the one that the last step led to, which no gradient was taken of."""
        import tensorflow as tf

        images = self.parameterisation.image(images)
        _, *seen = self._see(images, units, self._weights(units), chosen)
        every = tf.ones_like(scored, tf.bool)
        return self._keep(every, (images, best), tuple(seen), (scored, response, pre_activation))

    def _weights(self, rows: Tensor) -> Weights:
        """Of the units whose rows these are."""
        return self._own.weights(rows // self.facets)

    def _gradient(
        self, images: Tensor, moves: Tensor, units: Tensor, weights: Weights, chosen: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        import tensorflow as tf

        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            value, score, now, before = self._see(self.parameterisation.seen(images, moves), units, weights, chosen)
            optimised = tf.reduce_sum(value)
        return tape.gradient(optimised, images), score, now, before

    def _see(
        self, images: Tensor, units: Tensor, weights: Weights, chosen: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What is maximised, the score, the response and the mean pre-activation, [B] each."""
        found = self._own(images, weights)
        now, before = over_positions(found.after), over_positions(found.before)
        value = self._of_chosen(chosen, found.before, found.after, lambda objective: objective.value)
        score = self._of_chosen(chosen, now, before, lambda objective: objective.score)
        if self._matching is not None:
            value = self._matching.value(value, score, found.whole, units)
            score = self._matching.value(score, score, found.whole, units)
        return value, score, now, before

    def _of_chosen(
        self, chosen: Tensor, one: Tensor, other: Tensor, part: Callable[[Objective], Callable[..., Tensor]]
    ) -> Tensor:
        """What the chosen objective makes of two tensors. The others are given ones instead: a slope of theirs that is
        infinite, times the nothing that is wanted of it, would be no number."""
        import tensorflow as tf

        first, *others = map(part, self._objectives.values())
        if not others:
            return first(one, other)
        found = tf.zeros(())
        for number, objective in enumerate((first, *others)):
            is_it = tf.equal(chosen, number)
            seen = (tf.where(is_it, tensor, tf.ones_like(tensor)) for tensor in (one, other))
            found = tf.where(is_it, objective(*seen), found)
        return found

    def _measure_batch(self, images: Tensor, units: Tensor) -> tuple[Tensor, Tensor]:
        found = self._measured(images, self._measured.weights(units))
        return over_positions(found.after), over_positions(found.before)

    def _keep(
        self,
        own: Tensor,
        images: tuple[Tensor, Tensor],
        seen: tuple[Tensor, ...],
        kept: tuple[Tensor, Tensor, Tensor],
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The better of what is seen now and what was kept; only images that were seen as they are (`own`) count."""
        import tensorflow as tf

        (now_image, best_image), (now_score, now, before), (scored, response, pre_activation) = images, seen, kept
        better = own & (now_score > scored)
        return (
            tf.where(better[:, None, None, None], now_image, best_image),
            tf.where(better, now_score, scored),
            tf.where(better, now, response),
            tf.where(better, before, pre_activation),
        )


@dataclass(frozen=True)
class Towards:
    """An ascent that goes towards one of its objectives."""

    ascent: Ascent
    objective: int
    look: Callable[[], None]

    def optimise(
        self, state: AscentState, units: npt.ArrayLike, rates: npt.ArrayLike, moves: npt.ArrayLike | None = None
    ) -> AscentState:
        """As `Ascent.optimise`."""
        return self.ascent.optimise(state, units, rates, moves, objective=self.objective, look=self.look)


def cosine_rates(steps: int, first: float) -> Floats:
    """Step sizes [steps] that fall from `first` to nearly zero along half a cosine (Loshchilov and Hutter 2017)."""
    return (first * 0.5 * (1 + np.cos(np.pi * np.arange(steps) / steps))).astype(np.float32)
