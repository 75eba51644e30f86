"""Which layers can be looked at unit by unit, and where their units are found: any layer that puts out maps or nodes.

A convolution's or dense layer's unit is followed to its activation (`lib.network.nonlinearity`). A unit of any other
layer is a channel of what that layer puts out: its response is the mean of that over the positions, and its
pre-activation what lies before the activations of it (`lib.network.pre_activations`).
"""

from lib.errors import BadInput
from lib.nearest import LISTED, nearest
from lib.network.graph import Graph, Step, is_adapter
from lib.network.nonlinearity import MIXING, Kind, Nonlinearity, activation_name, kind_of, nonlinearity_of
from lib.network.pre_activations import is_never_negative, look_before

MOST_NODES = 8192
"""A flattened map has more, and what is known of units beside each other grows with the square of their number."""


def find(graph: Graph, layer: str) -> Nonlinearity:
    """Where the units of the layer with that name are found.

    Raises:
        BadInput: no such layer, or one without units.
    """
    steps = graph.first_use()
    if layer not in steps:
        names = [name for name, step in steps.items() if has_units(graph, step)]
        raise BadInput(f"no layer {layer!r}{nearest(layer, names, LISTED)}")
    if not has_units(graph, steps[layer]):
        raise BadInput(no_units(layer, graph, steps[layer]))
    return units_of(graph, steps[layer])


def no_units(layer: str, graph: Graph, step: Step) -> str:
    """The message that a layer is no target."""
    if len(step.outputs) == 1 and len(shape := graph.shapes[step.outputs[0]]) == 2 and (shape[-1] or 0) > MOST_NODES:
        return f"layer {layer!r} puts out {shape[-1]:,} nodes, more than can be swept; choose another layer"
    if len(step.outputs) != 1:
        return f"layer {layer!r} has no units: it puts out {len(step.outputs)} tensors; choose another layer"
    return (
        f"layer {layer!r} has no units: it puts out {graph.shapes[step.outputs[0]]}, neither maps nor nodes; "
        "choose another layer"
    )


def has_units(graph: Graph, step: Step) -> bool:
    """Whether a layer can be a target: it puts out maps [B, H, W, C] or nodes [B, N]."""
    if len(step.outputs) != 1 or is_adapter(step.op):
        return False
    shape = graph.shapes[step.outputs[0]]
    if kind_of(step.op) is not None:
        return bool(shape[-1])
    return bool(shape) and bool(shape[-1]) and (len(shape) == 4 or (len(shape) == 2 and (shape[-1] or 0) <= MOST_NODES))


def units_of(graph: Graph, step: Step) -> Nonlinearity:
    """Where the units of a step that has some (`has_units`) are found."""
    if kind_of(step.op) is not None:
        return nonlinearity_of(graph, step)
    (out,) = step.outputs
    shape = graph.shapes[out][1:]
    units = shape[-1]
    assert units is not None, step.name
    kind: Kind = "map" if len(shape) > 1 else "node"
    name = activation_name(step.op)
    if name is not None and name in MIXING and len(step.inputs) == 1 and graph.shapes[step.inputs[0]][-1] == units:
        (logits,) = step.inputs  # as a dense layer's softmax: what it makes of its logits mixes them
        kind = kind if len(shape) > 1 else "class"
        return Nonlinearity(step, kind, units, shape, (), logits, logits, 0, "linear", True)
    before = look_before(graph, out)
    if before.whole:
        signed = not is_never_negative(graph, out)
        return Nonlinearity(step, kind, units, shape, (), out, out, 0, "linear", signed)
    activation = name if name is not None and name != "linear" else "activated"
    return Nonlinearity(
        step,
        kind,
        units,
        shape,
        tuple(before.cuts),
        before.slot,
        out,
        0,
        activation,
        False,
        tuple(before.added.values()),
        before.linear,
    )
