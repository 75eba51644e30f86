"""Where on an input a position of a layer looks: the part of the image that its activation depends on."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lib.arrays import Integers
from lib.network.graph import Graph, Slot, Step, graph_of
from lib.network.nonlinearity import find
from lib.network.window_plan import AXES, Reach, Unbounded, reaches_of


def receptive_field(model: Any, layer: str, size: tuple[int, int] | None = None) -> dict[str, list[float]] | None:
    """What the position (row, column) of a layer's units sees, in pixels: `size` from `start + stride * position` on.

    The three hold numbers for rows and for columns. The part may reach over the image's border, where there is nothing
    but padding. Behind an upsampling, where neighbours see the same, the stride is a fraction, and the part the least
    of one size that holds what each position sees.

    Args:
        size: (height, width) of the images, where it is not the network's own.

    Returns None where a position sees all of the image, or is not known not to: in dense layers, behind global pooling.

    Raises:
        BadInput: as `lib.network.nonlinearity.find`.
    """
    graph = graph_of(model)
    place = find(graph, layer)
    target = place.step.outputs[0] if place.own else place.after
    steps = graph.needed_for([target])
    sides = size or graph.shapes[graph.input][1:3]
    if len(place.shape) != 3 or None in sides:
        return None
    try:
        reaches = reaches_of(graph, steps)
    except Unbounded:
        return None
    found: dict[str, list[float]] = {"size": [], "stride": [], "start": []}
    for axis in AXES:
        low, high = _trace_pixels(graph, steps, target, reaches[axis], int(sides[axis] or 0))
        last = len(low) - 1
        stride = (low[last] - low[0]) / max(last, 1)
        ahead = stride * np.arange(len(low))
        start = float((low - ahead).min())
        for name, value in (("size", (high - ahead).max() - start), ("stride", stride), ("start", start)):
            found[name].append(int(value) if value == int(value) else float(value))
    return found


def _trace_pixels(
    graph: Graph, steps: list[Step], target: Slot, reaches: Mapping[Step, Reach], side: int
) -> tuple[Integers, Integers]:
    """Of each position of the target along one axis, the first pixel that it sees and the first beyond them."""
    sides = {graph.input: side}
    for step in steps:
        sides[step.outputs[0]] = min(reaches[step].outputs(sides[slot]) for slot in step.inputs)
    own = np.arange(sides[target])
    spans = {target: (own, own + 1)}
    for step in reversed(steps):
        reach = reaches[step]
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
