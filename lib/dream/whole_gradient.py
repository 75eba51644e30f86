"""The gradient of a whole picture at once, for networks that must not be shown parts of it.

Global pooling, squeeze-and-excitation, attention: what such a layer gives at one place depends on every other, so no
window is enough. The picture then has to fit into memory with all that the network makes of it.
"""

import math
from fractions import Fraction
from typing import Any

from lib.arrays import ShortIntegers, Tensor
from lib.dream.objective import DreamObjective
from lib.dream.windowed_gradient import WindowedGradient
from lib.errors import BadInput
from lib.network.graph import Graph, Step, graph_of
from lib.network.kernels import fast_kernels
from lib.network.targets import find
from lib.network.trunk import responses_of
from lib.network.window_plan import AXES, EACH, Unbounded, WindowField, reach_of

_ENLARGING = ("UpSampling2D", "Conv2DTranspose")

MOST_PIXELS = 1 << 19
"""Of a picture that is taken whole; an EfficientNet holds about 3 kB a pixel."""


def picture_gradient(model: Any, objective: DreamObjective) -> "WindowedGradient | WholeGradient":
    """The gradient of pictures of any size: by windows where the network allows it, else at once.

    Raises:
        BadInput: a layer that is there for the network's own image size alone.
    """
    try:
        return WindowedGradient(model, objective)
    except Unbounded as unbounded:
        return WholeGradient(model, objective, unbounded.layer)


class WholeGradient:
    """A `lib.dream.ascent.Gradient`: of an objective, of the picture at once.

    Attributes:
        least: (height, width) of the smallest picture that has a position of each layer.
    """

    signature: tuple[Any, ...] = ()

    def __init__(self, model: Any, objective: DreamObjective, layer: str) -> None:
        """The gradient for one model, of which one layer, named for messages, forbids windows.

        Raises:
            BadInput: a layer that is there for the network's own image size alone.
        """
        graph = graph_of(model)
        self._layer = layer
        self._objective = objective
        self._trunk = responses_of(model, objective.layers, kernels=fast_kernels)
        places = [find(graph, name) for name in objective.layers]
        targets = [place.step.outputs[0] for place in places]
        steps = graph.needed_for(targets)
        rows, columns = ({step: reach_of(step, graph, axis) or EACH for step in steps} for axis in AXES)
        field = WindowField(graph, steps, targets, (rows, columns))
        self._multiples = _multiples(graph, steps)
        self.least = max(field.least_side(0), self._multiples[0]), max(field.least_side(1), self._multiples[1])
        for step in steps:
            if _fixes_size(step, graph):
                raise BadInput(
                    f"{' and '.join(objective.layers)} can be had only of images of the network's own size, because of "
                    f"layer {step.name}: choose a convolution as objective, or mode tiles"
                )

    def plan(self, height: int, width: int) -> tuple[ShortIntegers, ...]:
        """Nothing; but a size that cannot be is refused.

        Raises:
            BadInput: a picture too large to be taken whole, or too small to have a position of each layer.
        """
        if height < self.least[0] or width < self.least[1]:
            raise BadInput(
                f"a picture of {width}x{height} is too small for {' and '.join(self._objective.layers)}: "
                f"give one of {self.least[1]}x{self.least[0]} or more, or choose an earlier layer"
            )
        if height * width > MOST_PIXELS:
            raise BadInput(
                f"a picture of {width}x{height} is too large: layer {self._layer} has no bounded receptive field, so "
                f"the network takes pictures whole, up to {MOST_PIXELS} pixels: give a smaller picture, or choose "
                "layers before it, or mode tiles"
            )
        return ()

    def value(self, picture: Tensor) -> Tensor:
        """The objective, a scalar."""
        if self._multiples != (1, 1):
            picture = _mirror(picture, self._multiples)
        return self._objective.value(self._trunk.maps(picture[None]))[0]

    def __call__(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """The objective, and its gradient [H, W, C]."""
        import tensorflow as tf

        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(picture)
            value = self.value(picture)
        # mirroring forgets how many channels there are
        return value, tf.ensure_shape(tape.gradient(value, picture), picture.shape)


def _multiples(graph: Graph, steps: list[Step]) -> tuple[int, int]:
    """What (height, width) must be multiples of, for maps that were made smaller and larger again to fit others.

    A network that makes nothing larger takes every size.
    """
    if not any(type(step.op).__name__ in _ENLARGING for step in steps):
        return 1, 1
    found = [1, 1]
    for axis in AXES:
        smaller = {graph.input: Fraction(1)}
        for step in steps:
            rate = max((smaller[slot] for slot in step.inputs if slot in smaller), default=Fraction(1))
            smaller[step.outputs[0]] = rate = rate * _shrinks(step.op, axis)
            if rate.denominator == 1:
                found[axis] = math.lcm(found[axis], rate.numerator)
    return found[0], found[1]


def _shrinks(op: Any, axis: int) -> Fraction:
    """By which factor a layer makes maps smaller along an axis."""
    sizes = op.size if type(op).__name__ == "UpSampling2D" else getattr(op, "strides", None)
    if not isinstance(sizes, tuple) or len(sizes) != 2:
        return Fraction(1)
    return Fraction(1, sizes[axis]) if type(op).__name__ in _ENLARGING else Fraction(sizes[axis])


def _mirror(picture: Tensor, multiples: tuple[int, int]) -> Tensor:
    """The picture, mirrored at its lower and right border until its sides are such multiples."""
    import tensorflow as tf

    below, beside = ((-tf.shape(picture)[axis]) % multiples[axis] for axis in AXES)
    return tf.pad(picture, [[0, below], [0, beside], [0, 0]], "SYMMETRIC")


def _fixes_size(step: Step, graph: Graph) -> bool:
    """Whether a layer makes a fixed number of something from the positions of a map, or has weights for each."""
    if type(step.op).__name__ in ("PReLU", "LayerNormalization"):
        return any(len(weight.shape) > 1 and max(weight.shape[:2]) > 1 for weight in step.op.weights)
    if type(step.op).__name__ not in ("Flatten", "Reshape", "Permute"):
        return False
    before = graph.shapes[step.inputs[0]]
    return len(before) == 4 and before[1:3] != (1, 1)
