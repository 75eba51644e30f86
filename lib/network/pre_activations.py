"""What lies before the activations of a tensor: what an ascent follows where all that can be seen of it is 0.

Behind an activation that is the activation's input. What only moves, gathers or adds up activated branches (pooling,
concatenation, dropout, padding, addition, a gate) is computed once more from what lies before their activations; a
rectifier and a maximum may change places, so for them this is the pre-activation in the strict sense. A branch without
activation is *linear*: what it holds has no side on which it is silent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lib.network.graph import Graph, Slot, Step
from lib.network.nonlinearity import activation_name, kind_of, virtual

# What gives each value a place and does not change it, or takes one of several values of the same channel.
_MOVES = {
    *("Concatenate", "Flatten", "Reshape", "Identity", "ActivityRegularization", "Activation"),
    *("Dropout", "SpatialDropout2D", "GaussianDropout", "GaussianNoise", "AlphaDropout"),
    *("ZeroPadding2D", "Cropping2D", "UpSampling2D", "MaxPooling2D", "AveragePooling2D"),
    *("GlobalMaxPooling2D", "GlobalAveragePooling2D"),
}
_SUMS = {"Add", "Average"}
_GATES = {"sigmoid", "hard_sigmoid", "softmax", "sparse_sigmoid"}
# Activations, and bare operations, that are never below 0.
_NOT_NEGATIVE = {
    *("relu", "relu6", "sigmoid", "hard_sigmoid", "sparse_sigmoid", "softmax", "sparsemax", "softplus", "squareplus"),
    *("sparse_plus", "exp"),
}
_POSITIVE_OPERATIONS = {"Abs", "Absolute", "Square", "Exp"}
_REDUCTIONS = {"Mean", "Max", "Min", "Sum", "Amax", "Amin"}


@dataclass(frozen=True, eq=False)
class Before:
    """What lies before the activations of a tensor: `slot`, of which the channels in `linear` have no activation.

    `whole`: none has, and `slot` is the tensor itself. `cuts` and `added`: as of a `Nonlinearity`.
    """

    slot: Slot
    whole: bool
    linear: frozenset[int] = frozenset()
    cuts: Mapping[Step, None] = field(default_factory=dict)
    added: Mapping[Slot, Step] = field(default_factory=dict)


def look_before(graph: Graph, slot: Slot, seen: dict[Slot, Before] | None = None) -> Before:
    """What lies before the activations of a tensor of the graph."""
    seen = {} if seen is None else seen
    if slot not in seen:
        seen[slot] = _look_before(graph, slot, seen)
    return seen[slot]


def is_never_negative(graph: Graph, slot: Slot) -> bool:
    """Whether it follows from the layers alone that no value of a tensor is below 0."""
    step = graph.producers.get(slot)
    if step is None:
        return False
    name, kind = activation_name(step.op), type(step.op).__name__
    if name is not None and name != "linear":
        return name in _NOT_NEGATIVE
    if kind_of(step.op) or not step.inputs:
        return False
    if kind in _POSITIVE_OPERATIONS:
        return True
    if kind == "Maximum":
        return any(is_never_negative(graph, one) for one in step.inputs)
    if kind not in _MOVES | _SUMS | _REDUCTIONS | {"Multiply", "Minimum"}:
        return False
    factors = (value for value in step.args if not isinstance(value, Slot | list | tuple))
    if kind in ("Add", "Multiply", "Minimum") and any(not isinstance(v, int | float) or v < 0 for v in factors):
        return False
    return all(is_never_negative(graph, one) for one in step.inputs)


def _look_before(graph: Graph, slot: Slot, seen: dict[Slot, Before]) -> Before:
    step = graph.producers.get(slot)
    linear = Before(slot, whole=True)
    if step is None or len(step.outputs) != 1:
        return linear
    name, kind = activation_name(step.op), type(step.op).__name__
    if name is not None and name != "linear":
        if kind_of(step.op):
            return Before(virtual(slot), whole=False, cuts={step: None})
        return Before(step.inputs[0], whole=False) if len(step.inputs) == 1 else linear
    if kind_of(step.op) or not step.inputs:
        return linear
    if kind in _MOVES:
        return _through(graph, step, step.inputs, seen, _moved)
    if kind in _SUMS and _are_alike(graph, step):
        return _through(graph, step, step.inputs, seen, lambda *found: frozenset().union(*_sets(*found)))
    if kind == "Maximum" and _are_alike(graph, step):
        return _through(graph, step, step.inputs, seen, lambda *found: frozenset.intersection(*_sets(*found)))
    if kind == "Multiply" and (main := _gated(graph, step)) is not None:
        return _through(graph, step, (main,), seen, _moved)
    return linear


def _through(graph: Graph, step: Step, inputs: Sequence[Slot], seen: dict[Slot, Before], join: Any) -> Before:
    """Behind a step that is computed once more, from what lies before the activations of these inputs."""
    import keras

    (out,) = step.outputs
    found = {one: look_before(graph, one, seen) for one in dict.fromkeys(inputs)}
    if all(before.whole for before in found.values()):
        return Before(out, whole=True)
    channels = graph.shapes[out][-1] or 0
    linear = join(graph, step, [found[one] for one in inputs])
    if len(linear) >= channels:
        return Before(out, whole=True)
    changed = {one: before.slot for one, before in found.items()}
    args, kwargs = keras.tree.map_structure(
        lambda leaf: changed.get(leaf, leaf) if isinstance(leaf, Slot) else leaf, (step.args, dict(step.kwargs))
    )
    again = Step(step.op, step.name, args, kwargs, tuple(changed.get(i, i) for i in step.inputs), (virtual(out),))
    cuts = {cut: None for before in found.values() for cut in before.cuts}
    added = {slot: one for before in found.values() for slot, one in before.added.items()}
    return Before(virtual(out), False, linear, cuts, {**added, virtual(out): again})


def _sets(graph: Graph, step: Step, found: Sequence[Before]) -> list[frozenset[int]]:
    """Of each input the channels that are linear."""
    widths = [graph.shapes[slot][-1] or 0 for slot in step.inputs]
    return [
        frozenset(range(width)) if before.whole else before.linear for width, before in zip(widths, found, strict=True)
    ]


def _moved(graph: Graph, step: Step, found: Sequence[Before]) -> frozenset[int]:
    """The channels that are linear behind a step that moves values."""
    shape, channels = graph.shapes[step.inputs[0]], graph.shapes[step.outputs[0]][-1] or 0
    kind = type(step.op).__name__
    if kind == "Concatenate":
        sets = _sets(graph, step, found)
        if step.op.axis not in (-1, len(shape) - 1):
            return frozenset().union(*sets)
        starts = [sum((graph.shapes[slot][-1] or 0) for slot in step.inputs[:at]) for at in range(len(sets))]
        return frozenset(start + one for start, part in zip(starts, sets, strict=True) for one in part)
    linear, width = found[0].linear, shape[-1] or 0
    if not linear or width == channels:
        return linear
    if kind == "Flatten" and width and channels % width == 0:
        return frozenset(at for at in range(channels) if at % width in linear)
    return frozenset(range(channels))  # they cannot be told apart any more


def _are_alike(graph: Graph, step: Step) -> bool:
    """Whether the channels of all inputs are those of the output, and there is no other input."""
    widths = {graph.shapes[slot][-1] for slot in (*step.inputs, *step.outputs)}
    return len(widths) == 1 and all(isinstance(value, Slot | list | tuple) for value in step.args)


def _gated(graph: Graph, step: Step) -> Slot | None:
    """The input that a product lets through in part, where the others are gates: between 0 and 1, or one a map."""
    shape = graph.shapes[step.outputs[0]]
    main = [slot for slot in step.inputs if not _is_gate(graph, slot, shape)]
    if len(main) != 1 or graph.shapes[main[0]][-1] != shape[-1] or not _are_alike(graph, step):
        return None
    return main[0]


def _is_gate(graph: Graph, slot: Slot, shape: tuple[int | None, ...]) -> bool:
    own = graph.shapes[slot]
    if len(own) == len(shape) == 4 and own[1:3] == (1, 1) != shape[1:3]:
        return is_never_negative(graph, slot)
    step = graph.producers.get(slot)
    return step is not None and activation_name(step.op) in _GATES
