"""What is computed, and in which order, so that chosen tensors of a network are there: nothing beside the way to them.

Where there is a faster way than layer by layer for a run of layers, a kernel takes their place.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from lib.arrays import Tensor
from lib.network.graph import Graph, Slot, Step, consumers, run_step
from lib.network.nonlinearity import OwnActivation


@dataclass(frozen=True)
class Kernel:
    """A faster way to compute the first `covers` layers of a run: `compute` takes and gives one tensor."""

    covers: int
    compute: Callable[[Tensor], Tensor]


# Is shown a run of layers, each fed by the one before and by nothing else, whose tensors in between nobody wants, as
# (Conv2D, MaxPooling2D); answers with a kernel for the first ones of them, or None.
Kernels = Callable[[tuple[Any, ...]], Kernel | None]

Compute = Callable[[dict[Slot, Tensor]], None]


def plan(graph: Graph, kept: Set[Slot], kernels: Kernels | None) -> list[Compute]:
    """What to do, in order, so that the kept tensors are there. What leads to none of them is not computed."""
    steps = graph.needed_for(kept)
    readers = consumers(steps)
    found: list[Compute] = []
    covered = 0
    for at, step in enumerate(steps):
        if at < covered:
            continue
        run = [] if isinstance(step.op, OwnActivation) else _run(steps[at:], readers, kept)
        kernel = kernels(tuple(s.op for s in run)) if kernels and run else None
        if kernel is None:
            found.append(_by_layer(step))
            continue
        found.append(_by_kernel(kernel.compute, step.inputs[0], run[kernel.covers - 1].outputs[0]))
        covered = at + kernel.covers
    return found


def _run(steps: Sequence[Step], readers: Mapping[Slot, list[Step]], kept: Set[Slot]) -> list[Step]:
    """The longest run from the first of the steps on that a kernel may replace: one tensor in, one out, in a row."""
    run: list[Step] = []
    for step in steps:
        simple = len(step.inputs) == len(step.outputs) == 1 and step.args[:1] == step.inputs
        if not simple or (run and step.inputs != run[-1].outputs):
            break
        run.append(step)
        (out,) = step.outputs
        if out in kept or len(readers.get(out, [])) != 1:
            break
    return run


def _by_layer(step: Step) -> Compute:
    return lambda values: run_step(step, values)


def _by_kernel(compute: Callable[[Tensor], Tensor], entry: Slot, out: Slot) -> Compute:
    def run(values: dict[Slot, Tensor]) -> None:
        values[out] = compute(values[entry])

    return run
