"""What a network ends in, output by output: classes, labels, values or maps, told from its last layers.

A softmax has classes of which one is right, several sigmoids have labels each of which may be; both are told by their
activation, and what drops out or stands still behind it changes nothing. Outputs without activation may be logits or
values: they are logits where their number is that of the data set's classes, and one is where there are two.
"""

from dataclasses import dataclass
from typing import Any, Literal

from lib.network.graph import Graph, Slot, Step, graph_of
from lib.network.nonlinearity import Nonlinearity, activation_name, kind_of, virtual
from lib.words import count, plural

HeadKind = Literal["classes", "labels", "values", "maps"]

_PASSES = {
    *("Identity", "ActivityRegularization", "Dropout", "GaussianDropout", "GaussianNoise", "AlphaDropout"),
    *("SpatialDropout2D", "Activation", "Flatten", "Reshape"),
}
_SOFT = {"softmax", "log_softmax"}


@dataclass(frozen=True, eq=False)
class Head:
    """One output of a network.

    Attributes:
        name: of the output, as Keras calls it.
        kind: "classes", one of which is predicted; "labels", each of which is or is not; "values"; "maps" of any of
            these, which this software does not sum up.
        outputs: how many numbers an image has.
        classes: how many classes or labels those stand for; 0 for values and maps.
        text: what it ends in, as a sentence goes on behind "the network ends in".
        place: where the logits, or the values, are found.
    """

    name: str
    kind: HeadKind
    outputs: int
    classes: int
    text: str
    place: Nonlinearity


def heads_of(model: Any, classes: int | None = None) -> list[Head]:
    """What each output of a model is, in the model's order.

    Args:
        classes: how many the data set has, where there is one.

    Raises:
        BadInput: a model that cannot be read (`lib.network.graph.graph_of`).
    """
    graph = graph_of(model)
    names = list(getattr(model, "output_names", ()))
    if len(names) != len(graph.outputs):
        names = [f"output {at}" for at in range(len(graph.outputs))]
    return [_head(graph, out, str(name), classes) for out, name in zip(graph.outputs, names, strict=True)]


def _head(graph: Graph, out: Slot, name: str, classes: int | None) -> Head:
    shape = graph.shapes[out]
    many = shape[-1] or 0
    step, tip = _last_step(graph, out)
    activation = activation_name(step.op) if step is not None else None
    if len(shape) != 2 or not many:
        what = f"a {activation} over maps: a segmentation" if activation in _SOFT else "maps"
        return Head(name, "maps", many, 0, f"{what} {_sizes(shape)}", _at(graph, step, tip, tip, many))
    if step is not None and activation is not None and activation != "linear":
        own = kind_of(step.op) is not None
        before = virtual(tip) if own else step.inputs[0]
        place = _at(graph, step, tip, before, many)
        if activation in _SOFT and many > 1:
            return Head(name, "classes", many, many, f"a {activation} of {plural(many, 'class', 'classes')}", place)
        if activation == "sigmoid":
            if many == 1:
                return Head(name, "classes", 1, 2, "a single sigmoid: two classes", place)
            text = f"{count(many)} sigmoids: a label each, of which several may hold at once"
            return Head(name, "labels", many, many, text, place)
    place = _at(graph, step, out, out, many)
    if activation in (None, "linear"):
        if classes == 2 and many == 1:
            return Head(name, "classes", 1, 2, "a single output without activation: the logit of two classes", place)
        dense = step is not None and kind_of(step.op) == "node"
        if many > 1 and (many == classes or (classes is None and dense)):
            text = f"{count(many)} outputs without activation: the logits of as many classes"
            return Head(name, "classes", many, many, text, place)
        text = f"{plural(many, 'output')} without activation: values, a regression"
        return Head(name, "values", many, 0, text, place)
    return Head(name, "values", many, 0, f"{plural(many, 'output')} of {activation}: values, a regression", place)


def _last_step(graph: Graph, out: Slot) -> tuple[Step | None, Slot]:
    """The step that an output really comes from, behind which nothing is changed, and what it gives."""
    slot = out
    while (step := graph.producers.get(slot)) is not None:
        if type(step.op).__name__ not in _PASSES or len(step.inputs) != 1:
            return step, slot
        if activation_name(step.op) not in (None, "linear"):
            return step, slot
        (entry,) = step.inputs
        shape, behind = graph.shapes[entry], graph.shapes[slot]
        if shape != behind and shape[1:] != (1, 1, behind[-1]):
            return step, slot
        slot = entry
    return None, slot


def _at(graph: Graph, step: Step | None, tip: Slot, values: Slot, many: int) -> Nonlinearity:
    """The place of some values; `tip` is what the step gives."""
    step = step or graph.steps[-1]
    cuts = (step,) if values == virtual(tip) else ()
    return Nonlinearity(step, "class", many, (many,), cuts, values, values, 0, "linear", True)


def _sizes(shape: tuple[int | None, ...]) -> str:
    return f"[{', '.join('any' if side is None else str(side) for side in shape[1:])}]"
