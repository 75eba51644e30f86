"""What it costs to compute a network up to a layer, from its graph: enough to share measured seconds between layers.

Only ratios are meant. Multiply-adds of one image are counted, and whatever a step puts out counts as well: a ReLU or a
normalisation multiplies next to nothing, but reads and writes every number.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lib.arrays import Tensor
from lib.network.graph import LOCK, Slot, Step, graph_of, run_step
from lib.network.targets import find
from lib.network.trunk import taken_apart

EACH_NUMBER = 10.0
"""Multiply-adds that take about as long as one number that is read and written."""
_DEPTHWISE = 4.0
"""Multiply-adds of one channel by itself take so many times as long as those of a matrix product."""


@dataclass(frozen=True)
class Work:
    """One image on its way through the trunk to a layer: about so many multiply-adds, in so many steps."""

    operations: float
    steps: int


def work_to(model: Any, layers: Sequence[str], *, size: tuple[int, int] | None = None) -> dict[str, Work]:
    """The work up to each of the layers, by name.

    Args:
        model, layers, size: as `lib.network.trunk.responses_of` takes them; a free size has to be given.

    Raises:
        BadInput: an unknown layer.
    """
    import tensorflow as tf

    graph = graph_of(model)
    places = {layer: find(graph, layer) for layer in layers}
    graph = taken_apart(graph, places.values())
    _, height, width, channels = graph.shapes[graph.input]
    height, width = size or (height, width)
    values: dict[Slot, Tensor] = {graph.input: tf.zeros((1, height, width, channels))}
    wanted = {layer: {place.before, place.after} for layer, place in places.items()}
    every = set().union(*wanted.values())
    with LOCK:  # one image is the surest way to know each shape, at whichever size
        for step in graph.needed_for(every):
            run_step(step, values)
    found = {}
    for layer, slots in wanted.items():
        steps = graph.needed_for(slots)
        found[layer] = Work(sum(_operations(step, values) for step in steps), len(steps))
    return found


def structure_of(model: Any) -> str:
    """All that decides how long a network takes, as text: its steps and their shapes, and no weight's value."""
    graph = graph_of(model)
    return "\n".join(
        f"{type(step.op).__name__} {[graph.shapes[slot] for slot in step.outputs]} "
        f"{[tuple(weight.shape) for weight in getattr(step.op, 'weights', ())]}"
        for step in graph.steps
    )


def _operations(step: Step, values: Mapping[Slot, Tensor]) -> float:
    numbers = sum(math.prod(values[slot].shape) for slot in step.outputs)
    positions = sum(math.prod(values[slot].shape[:-1]) for slot in step.outputs)
    kernels = [weight.shape for weight in getattr(step.op, "weights", ()) if len(weight.shape) > 1]
    depthwise = len(kernels) > 0 and type(step.op).__name__.startswith("Depthwise")
    multiplied = positions * sum(math.prod(kernel) for kernel in kernels) * (_DEPTHWISE if depthwise else 1.0)
    return multiplied + EACH_NUMBER * numbers
