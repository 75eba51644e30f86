"""Where on an input a position of a layer looks: the part of the image that its activation depends on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lib.arrays import Integers
from lib.network.graph import Graph, Slot, Step, graph_of
from lib.network.targets import find
from lib.network.window_plan import AXES, Reach, reach_of


def receptive_field(model: Any, layer: str, size: tuple[int, int] | None = None) -> dict[str, list[float]] | None:
    """What the position (row, column) of a layer's units sees, in pixels: `size` from `start + stride * position` on.

    The three hold numbers for rows and for columns. The part may reach over the image's border, where there is nothing
    but padding. Behind an upsampling, where neighbours see the same, the stride is a fraction, and the part the least
    of one size that holds what each position sees.

    Args:
        size: (height, width) of the images, where it is not the network's own.

    Returns None where a position sees all of the image, or is not known not to: in dense layers, behind global pooling.

    Raises:
        BadInput: as `lib.network.targets.find`.
    """
    return receptive_fields(model, [layer], size)[layer]


def receptive_fields(
    model: Any, layers: Sequence[str], size: tuple[int, int] | None = None
) -> dict[str, dict[str, list[float]] | None]:
    """The receptive field of each of some layers, as `receptive_field` gives it."""
    graph = graph_of(model)
    sides = size or graph.shapes[graph.input][1:3]
    places = {layer: find(graph, layer) for layer in layers}
    if None in sides:
        return dict.fromkeys(layers)
    needed = graph.needed_for([place.place for place in places.values()])
    reaches = tuple({step: reach_of(step, graph, axis) for step in needed} for axis in AXES)
    views = tuple(_views(graph, reaches[axis], int(sides[axis] or 0)) for axis in AXES)
    found: dict[str, dict[str, list[float]] | None] = {}
    for layer, place in places.items():
        target = place.place
        seen = [views[axis].get(target) for axis in AXES]
        if len(place.shape) != 3 or None in seen:
            found[layer] = None
            continue
        steps = None
        along: list[tuple[float, float, float]] = []
        for axis, view in enumerate(seen):
            assert view is not None
            if view.regular:
                along.append((view.last - view.first, view.stride if view.side > 1 else 0, view.first))
            else:
                steps = steps or graph.needed_for([target])
                along.append(_measure(*_trace_pixels(graph, steps, target, reaches[axis], int(sides[axis] or 0))))
        found[layer] = {
            name: [int(part[at]) if part[at] == int(part[at]) else float(part[at]) for part in along]
            for at, name in enumerate(("size", "stride", "start"))
        }
    return found


@dataclass(frozen=True)
class _View:
    """What the positions of a tensor see along one axis: position `o` from `first + stride * o` to before `last +
    stride * o`, where that is `regular`; and how many they are."""

    side: int
    stride: int = 1
    first: int = 0
    last: int = 1
    regular: bool = True


def _views(graph: Graph, reaches: Mapping[Step, Reach | None], side: int) -> dict[Slot, _View]:
    """Of each tensor that sees a neighbourhood.

    It is told from the views of what the tensor is made from, so that a large network is gone through once, however
    many layers are asked for.
    """
    views = {graph.input: _View(side)}
    for step in reaches:
        reach, entering = reaches[step], [views.get(slot) for slot in step.inputs]
        if reach is None or not entering or len(step.outputs) != 1:
            continue
        found = [_beyond(reach, view) for view in entering if view is not None]
        if len(found) == len(entering):
            views[step.outputs[0]] = _View(
                min(view.side for view in found),
                found[0].stride,
                min(view.first for view in found),
                max(view.last for view in found),
                all(view.regular for view in found) and len({view.stride for view in found}) == 1,
            )
    return views


def _beyond(reach: Reach, view: _View) -> _View:
    """What is seen behind one step."""
    side = reach.outputs(view.side)
    if reach.repeat > 1 or not view.regular:
        return _View(side, regular=False)
    before, _ = reach.padding(view.side)
    low, high = -before, reach.size - 1 - before
    return _View(side, view.stride * reach.stride, view.first + low * view.stride, view.last + high * view.stride)


def _measure(low: Integers, high: Integers) -> tuple[float, float, float]:
    """Size, stride and start of what positions see from `low` to before `high`."""
    last = len(low) - 1
    stride = (low[last] - low[0]) / max(last, 1)
    ahead = stride * np.arange(len(low))
    start = float((low - ahead).min())
    return float((high - ahead).max() - start), float(stride), start


def _trace_pixels(
    graph: Graph, steps: list[Step], target: Slot, reaches: Mapping[Step, Reach | None], side: int
) -> tuple[Integers, Integers]:
    """Of each position of the target along one axis, the first pixel that it sees and the first beyond them."""
    sides = {graph.input: side}
    for step in steps:
        reach = reaches[step]
        assert reach is not None  # else there is no field
        sides[step.outputs[0]] = min(reach.outputs(sides[slot]) for slot in step.inputs)
    own = np.arange(sides[target])
    spans = {target: (own, own + 1)}
    for step in reversed(steps):
        reach = reaches[step]
        assert reach is not None
        low, high = spans[step.outputs[0]]
        for slot in dict.fromkeys(step.inputs):
            first, last = _trace_step(reach, low, high, sides[slot])
            known = spans.get(slot, (first, last))
            spans[slot] = np.minimum(first, known[0]), np.maximum(last, known[1])
    return spans[graph.input]


def _trace_step(reach: Reach, low: Integers, high: Integers, side: int) -> tuple[Integers, Integers]:
    """As `Reach.wanted`, but as it is over the border, so that what is seen is of one size everywhere."""
    if reach.repeat > 1:
        return low // reach.repeat, (high - 1) // reach.repeat + 1
    before, _ = reach.padding(side)
    return low * reach.stride - before, (high - 1) * reach.stride - before + reach.size
