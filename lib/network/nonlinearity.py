"""Where in the network a unit becomes what the next layers see of it: its nonlinearity.

A layer with an activation of its own is cut in two: before is the pre-activation, after it the response. A unit of a
linear layer is followed forward, through what leaves each channel a channel of its own, to the first activation that it
meets: batch normalisation, addition, dropout, padding, cropping, pooling and concatenation. Where it feeds several
steps, the first activation in the network's order counts. A unit that meets none, because the next thing mixes channels
(a convolution, a dense layer, a softmax) or the network ends, is *signed*: it has no side on which it is silent, and
its response is what its own layer puts out.

That is said of the layers whose weights make units: convolutions and dense layers. Any other layer that can be a target
has its own output for a response (`lib.network.targets`).
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lib.network.graph import Graph, Slot, Step, after

if TYPE_CHECKING:  # NumPy takes a while, and commands that only list want no network
    from lib.arrays import Tensor

Kind = Literal["map", "node", "class"]

# Bare operations (`keras.ops.relu(x)`, `x + y`) are Keras classes without a public name: known by the name they have.
OPERATIONS = {
    *("relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "hard_silu", "hard_sigmoid"),
    *("sigmoid", "sparse_sigmoid", "log_sigmoid", "tanh", "hard_tanh", "tanh_shrink", "softplus", "softsign"),
    *("soft_shrink", "hard_shrink", "squareplus", "sparse_plus", "threshold", "exp"),
}
MIXING = {"softmax", "log_softmax", "sparsemax", "glu"}  # activations that make one channel depend on the others


@dataclass(frozen=True, eq=False)
class Nonlinearity:
    """A layer's units and where their pre-activation and activation are found.

    `before` and `after` are the tensors that hold them, from channel `offset` on (above 0 behind a concatenation);
    `shape`, without batch, is that of the units' activations. `cuts` are steps whose own activation is to be taken
    apart: the tensor between the two halves is a slot that the graph does not have (`virtual`), and whoever runs the
    graph fills it. `added` are steps that the graph does not have, which compute `before` from such slots.
    Signed units have the same slot twice. `linear`: the units that are signed in a layer that is not, as a
    concatenation of activated and linear branches.
    """

    step: Step
    kind: Kind
    units: int
    shape: tuple[int | None, ...]
    cuts: tuple[Step, ...]
    before: Slot
    after: Slot
    offset: int
    activation: str
    signed: bool
    added: tuple[Step, ...] = ()
    linear: frozenset[int] = frozenset()

    @property
    def own(self) -> bool:
        """Whether the step's own activation lies between the two."""
        return self.step in self.cuts

    @property
    def place(self) -> Slot:
        """A tensor of the graph that has the positions of the units."""
        return self.step.outputs[0] if self.own else self.after

    @property
    def signed_units(self) -> frozenset[int]:
        """The units that have no side on which they are silent."""
        return frozenset(range(self.units)) if self.signed else self.linear


def kind_of(op: Any) -> Kind | None:
    """Whether a layer's weights make units, and which; class units are known only from what follows."""
    from keras import layers

    maps = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Conv2DTranspose)
    if isinstance(op, maps):
        return "map"
    return "node" if isinstance(op, layers.Dense) else None


class OwnActivation:
    """The second half of a layer with an activation of its own, where the halves are apart; called as a layer is."""

    def __init__(self, op: Any) -> None:
        self.activation = op.activation

    def __call__(self, x: "Tensor") -> "Tensor":
        return self.call(x)

    def call(self, x: "Tensor") -> "Tensor":
        return self.activation(x)


def virtual(slot: Slot) -> Slot:
    """The slot of what lies before the activation of a tensor, where the graph has no tensor for it."""
    return Slot(-1 - slot.number)


def nonlinearity_of(graph: Graph, step: Step) -> Nonlinearity:
    """Follows the units of a step that has some (`kind_of`)."""
    kind = kind_of(step.op)
    assert kind is not None, step.name
    out = step.outputs[0]
    shape = graph.shapes[out][1:]
    units = shape[-1]
    assert units is not None, step.name
    name = activation_name(step.op)
    if name is not None and name != "linear":
        signed = name in MIXING
        if signed and kind == "node":
            kind = "class"
        before = virtual(out)
        activation, behind = ("linear", before) if signed else (name, out)
        return Nonlinearity(step, kind, units, shape, (step,), before, behind, 0, activation, signed)

    carried = {out: 0}  # tensors in which the units still are channels, and from which channel on
    for later in after(graph.steps, step):
        met = [slot for slot in later.inputs if slot in carried]
        if not met:
            continue
        name = activation_name(later.op) if kind_of(later.op) is None else None
        if name is not None and name in MIXING:
            # class units only where nothing has happened to the logits on their way
            if kind == "node" and met[0] == out:
                kind = "class"
        elif name is not None and name != "linear":
            behind = later.outputs[0]
            shape = (*graph.shapes[behind][1:-1], units)
            return Nonlinearity(step, kind, units, shape, (), met[0], behind, carried[met[0]], name, False)
        else:
            offset = _carry_on(graph, later, carried)
            if offset is not None:
                carried[later.outputs[0]] = offset
    return Nonlinearity(step, kind, units, shape, (), out, out, 0, "linear", True)


def activation_name(op: Any) -> str | None:
    """The name of the function that a layer or operation applies to each value; None where it is something else."""
    from keras import activations, layers

    if isinstance(op, layers.ReLU):
        return "leaky_relu" if op.negative_slope else "relu6" if op.max_value == 6 else "relu"
    for layer, name in (
        (layers.LeakyReLU, "leaky_relu"),
        (layers.PReLU, "prelu"),
        (layers.ELU, "elu"),
        (layers.Softmax, "softmax"),
    ):
        if isinstance(op, layer):
            return name
    if isinstance(op, layers.Layer | OwnActivation):
        if not (isinstance(op, layers.Activation | OwnActivation) or kind_of(op)):
            return None
        function = op.activation
        if function is None or function is activations.linear:
            return "linear"
        return str(getattr(function, "__name__", type(function).__name__)).lower()
    name = type(op).__name__
    if name == "ReLU":
        return "leaky_relu" if op.negative_slope else "relu"
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()  # LogSoftmax, as the function is called
    return snake if snake in OPERATIONS or snake in MIXING else None


def _carry_on(graph: Graph, step: Step, carried: dict[Slot, int]) -> int | None:
    """From which channel on the units are found behind a step; None where it does not keep them apart."""
    from keras import layers

    op = step.op
    first = next(slot for slot in step.inputs if slot in carried)
    before, behind = graph.shapes[first], graph.shapes[step.outputs[0]]
    if isinstance(op, layers.Concatenate) or type(op).__name__ == "Concatenate":
        if op.axis not in (-1, len(before) - 1):
            return None
        widths = [graph.shapes[slot][-1] or 0 for slot in step.inputs]
        return sum(widths[: step.inputs.index(first)]) + carried[first]
    if isinstance(op, layers.BatchNormalization):
        keeps = op.axis in (-1, len(before) - 1)
    else:
        keeps = type(op).__name__ in ("Add", "Subtract") or isinstance(
            op,
            layers.Add
            | layers.Average
            | layers.Dropout
            | layers.SpatialDropout2D
            | layers.GaussianDropout
            | layers.GaussianNoise
            | layers.AlphaDropout
            | layers.ActivityRegularization
            | layers.Identity
            | layers.Activation  # a linear one
            | layers.ZeroPadding2D
            | layers.Cropping2D
            | layers.UpSampling2D
            | layers.MaxPooling2D
            | layers.AveragePooling2D
            | layers.GlobalMaxPooling2D
            | layers.GlobalAveragePooling2D,
        )
    return carried[first] if keeps and before[-1] == behind[-1] else None
