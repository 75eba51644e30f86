"""Where in the network a unit becomes what the next layers see of it: its nonlinearity.

A layer with an activation of its own is cut in two: before is the pre-activation, after it the response. A unit of a
linear layer is followed forward, through what leaves each channel a channel of its own, to the first activation that it
meets: batch normalisation, addition, dropout, padding, cropping, pooling and concatenation. Where it feeds several
steps, the first activation in the network's order counts. A unit that meets none, because the next thing mixes channels
(a convolution, a dense layer, a softmax) or the network ends, is *signed*: it has no side on which it is silent, and
its response is what its own layer puts out.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal

from lib.errors import BadInput
from lib.network.graph import Graph, Slot, Step, after

Kind = Literal["map", "node", "class"]

# Bare operations (`keras.ops.relu(x)`, `x + y`) are Keras classes without a public name: known by the name they have.
_OPERATIONS = {
    *("relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "hard_silu", "hard_sigmoid"),
    *("sigmoid", "sparse_sigmoid", "log_sigmoid", "tanh", "hard_tanh", "tanh_shrink", "softplus", "softsign"),
    *("soft_shrink", "hard_shrink", "squareplus", "sparse_plus", "threshold", "exp"),
}
_MIXING = {"softmax", "log_softmax", "sparsemax", "glu"}  # activations that make one channel depend on the others


@dataclass(frozen=True, eq=False)
class Nonlinearity:
    """A layer's units and where their pre-activation and activation are found.

    `before` and `after` are the tensors that hold them, from channel `offset` on (above 0 behind a concatenation);
    `shape`, without batch, is that of the units' activations. Where `own`, the step's own activation lies between the
    two, and `before` is a slot that the graph does not have: whoever runs the graph cuts the step in two and fills it.
    Signed units have the same slot twice.
    """

    step: Step
    kind: Kind
    units: int
    shape: tuple[int | None, ...]
    own: bool
    before: Slot
    after: Slot
    offset: int
    activation: str
    signed: bool


def kind_of(op: Any) -> Kind | None:
    """Whether a layer has units, and which; class units are known only from what follows (`nonlinearity_of`)."""
    from keras import layers

    maps = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Conv2DTranspose)
    if isinstance(op, maps):
        return "map"
    return "node" if isinstance(op, layers.Dense) else None


def find(graph: Graph, layer: str) -> Nonlinearity:
    """The nonlinearity of the layer with that name.

    Raises:
        BadInput: no such layer, or one without units.
    """
    steps = graph.first_use()
    if layer not in steps or kind_of(steps[layer].op) is None:
        have = ", ".join(name for name, step in steps.items() if kind_of(step.op))
        raise BadInput(f"no layer {layer!r} with units: the model has {have or 'none'}")
    return nonlinearity_of(graph, steps[layer])


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
        signed = name in _MIXING
        if signed and kind == "node":
            kind = "class"
        before = Slot(-1 - out.number)
        activation, behind = ("linear", before) if signed else (name, out)
        return Nonlinearity(step, kind, units, shape, True, before, behind, 0, activation, signed)

    carried = {out: 0}  # tensors in which the units still are channels, and from which channel on
    for later in after(graph.steps, step):
        met = [slot for slot in later.inputs if slot in carried]
        if not met:
            continue
        name = activation_name(later.op) if kind_of(later.op) is None else None
        if name is not None and name in _MIXING:
            # class units only where nothing has happened to the logits on their way
            if kind == "node" and met[0] == out:
                kind = "class"
        elif name is not None and name != "linear":
            behind = later.outputs[0]
            shape = (*graph.shapes[behind][1:-1], units)
            return Nonlinearity(step, kind, units, shape, False, met[0], behind, carried[met[0]], name, False)
        else:
            offset = _carry_on(graph, later, carried)
            if offset is not None:
                carried[later.outputs[0]] = offset
    return Nonlinearity(step, kind, units, shape, False, out, out, 0, "linear", True)


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
    if isinstance(op, layers.Layer):
        if not (isinstance(op, layers.Activation) or kind_of(op)):
            return None
        function = op.activation
        if function is None or function is activations.linear:
            return "linear"
        return str(getattr(function, "__name__", type(function).__name__)).lower()
    name = type(op).__name__
    if name == "ReLU":
        return "leaky_relu" if op.negative_slope else "relu"
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()  # LogSoftmax, as the function is called
    return snake if snake in _OPERATIONS or snake in _MIXING else None


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
