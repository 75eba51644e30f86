"""Units and the layers they belong to, and how a user names them."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from lib.errors import BadInput
from lib.nearest import LISTED, list_some, nearest
from lib.network.graph import Graph, Slot, Step, graph_of
from lib.network.nonlinearity import Kind, Nonlinearity, kind_of
from lib.network.targets import has_units, no_units, units_of

_LARGE = 3  # an average over more positions along a side, all there are, is meant to leave none


@dataclass(frozen=True, order=True)
class Unit:
    """One map of a layer, or one node, written `Conv2D_2/17` (from 0)."""

    layer: str
    index: int

    def __str__(self) -> str:
        return f"{self.layer}/{self.index}"

    @classmethod
    def parse(cls, text: str) -> "Unit":
        """Reads `LAYER/INDEX`, cut at the last slash: a layer in a nested model has slashes in its own name.

        Raises:
            BadInput: no index behind a slash.
        """
        layer, slash, index = text.rpartition("/")
        if not (layer and slash and index.isascii() and index.isdigit()):
            raise BadInput(f"{text!r} names no unit: write a layer, a slash and a number from 0, as Conv2D_2/17")
        return cls(layer, int(index))


@dataclass(frozen=True)
class Layer:
    """A layer that has units.

    Attributes:
        shape: of their activation, without batch; None where the network leaves it free.
        type: the name of its class, as Conv2D or Concatenate.
        weighted: whether its own weights make its units: a convolution, or a dense layer.
        default: whether it is swept where no layer is named: a convolution that sees space.
    """

    name: str
    kind: Kind
    units: int
    shape: tuple[int | None, ...]
    type: str = ""
    weighted: bool = True
    default: bool = False


def ranges_of(indices: Iterable[int]) -> str:
    """Indices of units in few words, as `0-63,70`; `indices_in` reads them."""
    ranges: list[list[int]] = []
    for index in sorted(set(indices)):
        if ranges and index == ranges[-1][-1] + 1:
            ranges[-1][1:] = [index]
        else:
            ranges.append([index])
    return ",".join("-".join(map(str, ends)) for ends in ranges)


def indices_in(ranges: str) -> list[int]:
    """The indices that `ranges_of` wrote, sorted. Raises BadInput for anything else."""
    if not re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*", ranges, re.ASCII):
        raise BadInput(f"{ranges!r} names no units: write numbers from 0, as 0-63,70")
    ends = [[int(number) for number in part.split("-")] for part in ranges.split(",")]
    return sorted({index for first, *last in ends for index in range(first, (last or [first])[0] + 1)})


def steps_without_space(graph: Graph) -> set[Step]:
    """The steps behind global pooling: they see no space any more, whatever they are called.

    So does the end of many classifiers (1x1 convolutions on one position, in MobileNetV3), and every gate that weighs
    maps by their means (squeeze-and-excitation). What makes maps of several positions again leads back into space.
    """
    pooled: set[Slot] = set()
    found: set[Step] = set()
    for step in graph.steps:
        if step.inputs and all(slot in pooled for slot in step.inputs):
            found.add(step)
            pooled.update(slot for slot in step.outputs if not _has_positions(graph.shapes[slot]))
        elif _pools_all(graph, step):
            pooled.update(step.outputs)
    return found


def _has_positions(shape: tuple[int | None, ...]) -> bool:
    return len(shape) == 4 and shape[1:3] != (1, 1)


def _pools_all(graph: Graph, step: Step) -> bool:
    """Whether a step makes maps into one position, or into nodes."""
    from keras import layers

    if any(_has_positions(graph.shapes[slot]) for slot in step.outputs):
        return False
    kind = type(step.op)
    if kind.__name__.startswith("Global"):
        return True
    if not any(_has_positions(graph.shapes[slot]) for slot in step.inputs):
        return False
    if kind is layers.AveragePooling2D:
        return min(step.op.pool_size) > _LARGE
    windowed = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Conv2DTranspose)
    return not isinstance(step.op, (*windowed, layers.MaxPooling2D, layers.Cropping2D))


def layers_with_units(model: Any) -> dict[Layer, Nonlinearity]:
    """Every layer of a model that has units, in the network's order, nested models opened.

    Raises:
        BadInput: a model that cannot be read (`lib.network.graph.graph_of`).
    """
    graph = graph_of(model)
    blind = steps_without_space(graph)
    found: dict[Layer, Nonlinearity] = {}
    for name, step in graph.first_use().items():
        if has_units(graph, step):
            place = units_of(graph, step)
            weighted = kind_of(step.op) is not None
            default = weighted and place.kind == "map" and step not in blind
            layer = Layer(name, place.kind, place.units, place.shape, type(step.op).__name__, weighted, default)
            found[layer] = place
    return found


def names_to_offer(layers: Iterable[Layer]) -> list[str]:
    """The layers that a message names where one is to be chosen: those whose weights make units, if there are any."""
    layers = list(layers)
    return [layer.name for layer in layers if layer.weighted] or [layer.name for layer in layers]


def select_layers(model: Any, patterns: Sequence[str] | None = None) -> list[Layer]:
    """The layers that have a unit which `select_units` selects, in the network's order."""
    return list(select_units(model, patterns))


def select_units(model: Any, patterns: Sequence[str] | None = None) -> dict[Layer, tuple[int, ...]]:
    """The units that patterns name, by layer in the network's order.

    A pattern is a layer's name (`Conv2D_2`), a shell pattern for several (`Conv2D_*`, in which `*` also stands for
    slashes), or either with a unit or a range of units behind the last slash (`Conv2D_2/17`, `Conv2D_2/3-9`, both ends
    included). A shell pattern means convolutions and dense layers where it fits any, and other layers where it fits
    none. None, or no pattern at all: every unit of every convolution that sees space.

    Raises:
        BadInput: no convolution and no pattern; a pattern that fits no layer (the message has the nearest names); a
            layer without units; an index that the layer does not have.
    """
    every = {layer.name: layer for layer in layers_with_units(model)}
    if not patterns:
        convolutions = {layer: tuple(range(layer.units)) for layer in every.values() if layer.default}
        if not convolutions:
            others = (
                f"; choose among its other layers: {list_some(names_to_offer(every.values()), LISTED)}" if every else ""
            )
            raise BadInput(f"model {model.name!r} has no convolution that sees space{others}")
        return convolutions
    chosen: dict[str, set[int]] = {}
    weighted = {layer.name for layer in every.values() if layer.weighted}
    graph = graph_of(model)
    for name, step in graph.first_use().items():
        if name in patterns and name not in every:
            raise BadInput(no_units(name, graph, step))
    for name, first, last in _spans(patterns, {name: layer.units for name, layer in every.items()}, weighted):
        chosen.setdefault(name, set()).update(range(first, last + 1))
    return {layer: tuple(sorted(chosen[name])) for name, layer in every.items() if name in chosen}


def check_patterns(patterns: Sequence[str] | None, units: Mapping[str, int | None]) -> None:
    """Raise BadInput as `select_units` would, where that can be told from how many units each layer has.

    None stands for a layer of which that is not known, or that has none.
    """
    for _ in _spans(patterns or (), units):
        pass


def _spans(
    patterns: Sequence[str], units: Mapping[str, int | None], weighted: Collection[str] = ()
) -> Iterator[tuple[str, int, int]]:
    """The layers that the patterns fit, each with the first and the last unit that is meant."""
    for pattern in patterns:
        names, span = _matches(pattern, units, weighted), None
        if not names and (cut := re.fullmatch(r"(.+)/(\d+)(?:-(\d+))?", pattern)):
            names = _matches(cut[1], units, weighted)
            span = (int(cut[2]), int(cut[3] or cut[2]))
            if span[1] < span[0]:
                raise BadInput(f"{pattern!r} runs backwards: write the lower number first, as 3-9")
        if not names:
            raise BadInput(f"no layer {pattern!r}{nearest(pattern, units, LISTED)}")
        for name in names:
            if (count := units[name]) is None:
                continue
            first, last = span or (0, count - 1)
            if last >= count:
                raise BadInput(f"no unit {pattern!r}: {name} has {count} units, 0 to {count - 1}")
            yield name, first, last


def _matches(pattern: str, names: Iterable[str], weighted: Collection[str]) -> list[str]:
    # a name is taken as it stands first: Keras allows brackets and asterisks in it
    fit = [name for name in names if name == pattern] or [name for name in names if fnmatchcase(name, pattern)]
    return [name for name in fit if name in weighted] or fit
