"""Which part of a picture decides an output of a network, exactly, axis by axis; no tensor is computed here.

For a window that owns some positions of the target layers, it is worked out backwards, layer by layer, which range of
each tensor it needs. Ranges are in the whole picture's coordinates, so a layer's padding, which with "same" and a
stride depends on the whole size and its parity, is where the whole picture has it and nowhere else: a range that
reaches over the border is cut to it, and what was cut is padding. With these numbers each layer computes in the window,
without padding of its own, what it computes in the whole picture.

A tensor with several readers, as in a residual network, is computed over the union of their ranges, and each cuts out
its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal

import numpy as np

from lib.arrays import ShortIntegers
from lib.errors import BadInput
from lib.network.graph import Graph, Slot, Step, consumers, is_adapter

Axis = Literal[0, 1]
AXES: tuple[Axis, Axis] = (0, 1)
Span = tuple[Any, Any]


@dataclass(frozen=True)
class Reach:
    """How an output position depends on input positions, along one axis.

    Output `o` reads `size` (with dilation, its extent) inputs from `o * stride - before` on. `before` and `after` are
    what is padded, below 0 for what is cut off; with `same`, they follow from the whole size as TensorFlow has it.
    Where `repeat` is above 1 each input is repeated instead.
    """

    size: int = 1
    stride: int = 1
    before: int = 0
    after: int = 0
    same: bool = False
    repeat: int = 1

    def outputs(self, side: int) -> int:
        """How many outputs a whole side gives; below 1 where it is too short."""
        if self.repeat > 1:
            return side * self.repeat
        return (side + sum(self.padding(side)) - self.size) // self.stride + 1

    def padding(self, side: int) -> tuple[int, int]:
        """What is padded before and after a whole side."""
        if not self.same:
            return self.before, self.after
        total = max((-(-side // self.stride) - 1) * self.stride + self.size - side, 0)
        return total // 2, total - total // 2

    @property
    def pads(self) -> bool:
        """Whether there may be padding."""
        return self.same or self.before > 0 or self.after > 0

    @property
    def gives_more(self) -> bool:
        """Whether a window may be given more outputs than it asked for: whole repetitions, or one value of the picture
        beside a part of the padding, so that no tensor is empty."""
        return self.repeat > 1 or (self.size == 1 and not self.same and self.pads)

    def wanted(self, first: Any, last: Any, side: int) -> tuple[Any, Any]:
        """Which inputs the outputs from `first` to before `last` read; below 0 and from `side` on there is padding."""
        if self.repeat > 1:
            return first // self.repeat, (last - 1) // self.repeat + 1
        before, _ = self.padding(side)
        low, high = first * self.stride - before, (last - 1) * self.stride - before + self.size
        return (np.minimum(low, side - 1), np.maximum(high, 1)) if self.gives_more else (low, high)

    def given(self, low: Any) -> Any:
        """The first output that inputs from `low` on give; asked only where `gives_more`, or each has its place."""
        return low * self.repeat + self.before


EACH = Reach()
"""Each output depends on the input at its own place."""


class Unbounded(BadInput):
    """A layer sees more than a neighbourhood of each position, or is not known not to."""

    def __init__(self, layer: str) -> None:
        super().__init__(
            f"layer {layer} has a global receptive field, or one that is not known, so a picture cannot be cut into "
            "windows: choose layers before it"
        )
        self.layer = layer


Reaches = tuple[Mapping[Step, Reach], Mapping[Step, Reach]]


def reaches_of(graph: Graph, steps: Sequence[Step]) -> Reaches:
    """The reach of each step along rows and along columns.

    Raises:
        Unbounded: for the first that has none.
    """
    rows, columns = ({step: reach_of(step, graph, axis) for step in steps} for axis in AXES)
    for step in steps:
        if rows[step] is None or columns[step] is None:
            raise Unbounded(step.name)
    return rows, columns  # type: ignore[return-value]


def reach_of(step: Step, graph: Graph, axis: Axis) -> Reach | None:
    """How the outputs of a step depend on its inputs along rows (0) or columns (1); None where that is not known to be
    a neighbourhood, as for global pooling, or for a layer that only its author knows."""
    from keras import layers

    op = step.op
    kind = type(op)  # a subclass may compute anything
    if kind in (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D):
        extent = (op.kernel_size[axis] - 1) * op.dilation_rate[axis] + 1
        return _slide(extent, op.strides[axis], op.padding)
    if kind in (layers.MaxPooling2D, layers.AveragePooling2D):
        return _slide(op.pool_size[axis], op.strides[axis], op.padding)
    if kind is layers.ZeroPadding2D:
        before, after = op.padding[axis]
        return Reach(before=before, after=after)
    if kind is layers.Cropping2D:
        before, after = op.cropping[axis]
        return Reach(before=-before, after=-after)
    if kind is layers.UpSampling2D and op.interpolation == "nearest":
        return Reach(repeat=op.size[axis])
    return EACH if _keeps_places(step, graph) else None


def _slide(extent: int, stride: int, padding: str) -> Reach | None:
    return Reach(extent, stride, same=padding == "same") if padding in ("same", "valid") else None


def _keeps_places(step: Step, graph: Graph) -> bool:
    """Whether each output of a step depends on nothing but what its inputs hold at the same place."""
    from keras import layers

    from lib.network.nonlinearity import activation_name

    op, kind = step.op, type(step.op)
    shapes = [graph.shapes[slot] for slot in (*step.inputs, *step.outputs)]
    if len(step.outputs) != 1 or any(len(shape) != 4 or shape[1:3] != shapes[0][1:3] for shape in shapes):
        return False  # also a factor a map, which has one place for all
    if not {axis % 4 for axis in np.ravel(getattr(op, "axis", ())).astype(int)} <= {3}:
        return False  # over positions, or of weights that differ between them
    if is_adapter(op):
        return True
    if kind is layers.PReLU:
        return op.shared_axes is not None and {1, 2} <= set(op.shared_axes)
    if kind.__name__ in ("Add", "Subtract", "Multiply", "Maximum", "Minimum"):
        return not any(np.ndim(value) for value in step.args if not isinstance(value, Slot | list | tuple))
    return (
        activation_name(op) is not None
        or kind.__name__ == "Concatenate"
        or kind
        in (
            layers.Activation,
            layers.ActivityRegularization,
            layers.AlphaDropout,
            layers.Average,
            layers.BatchNormalization,
            layers.Dense,
            layers.Dropout,
            layers.GaussianDropout,
            layers.GaussianNoise,
            layers.Identity,
            layers.LayerNormalization,
            layers.Normalization,
            layers.Rescaling,
            layers.SpatialDropout2D,
        )
    )


@dataclass(frozen=True)
class Frame:
    """Where a tensor is cut and padded: what `reader` reads of `slot`, or (None) what a window owns of a target.

    Attributes:
        cuts: whether there may be something to cut off.
        pads: whether there may be something to pad.
        late: whether `slot` is what the reader gives, of which it may give too much.
    """

    slot: Slot
    reader: Step | None
    cuts: bool
    pads: bool
    late: bool = False


class WindowField:
    """What windows need, for all steps on the way to some target tensors.

    Attributes:
        frames: in the order of the numbers in a plan.
    """

    def __init__(
        self,
        graph: Graph,
        steps: Sequence[Step],
        targets: Sequence[Slot],
        reaches: Reaches,
    ) -> None:
        """`steps` in order, with the reach of each along rows and along columns; `targets` are among their outputs."""
        self._input = graph.input
        self._steps = list(steps)
        self._targets = list(targets)
        self._reaches = reaches
        readers = consumers(steps)
        self.frames: list[Frame] = []
        for step in steps:
            pads = any(along[step].pads for along in reaches)
            for slot in dict.fromkeys(step.inputs):
                shared = len(readers[slot]) > 1 or slot in targets
                if shared or pads:
                    self.frames.append(Frame(slot, step, shared, pads))
            if any(along[step].gives_more for along in reaches):
                self.frames.append(Frame(step.outputs[0], step, True, False, late=True))
        self.frames += [Frame(slot, None, True, False) for slot in targets]

    def sides(self, axis: Axis, side: int) -> dict[Slot, int]:
        """How long each tensor is in a whole picture of that side; 0 where it is too short."""
        found = {self._input: side}
        for step in self._steps:
            found[step.outputs[0]] = max(min(self._reaches[axis][step].outputs(found[slot]) for slot in step.inputs), 0)
        return found

    def least_side(self, axis: Axis) -> int:
        """The shortest side for which every tensor has a position."""
        return next(side for side in count(1) if min(self.sides(axis, side).values()) > 0)

    def plan(self, axis: Axis, side: int, windows: int) -> ShortIntegers:
        """What each window reads, and how it is cut and padded: [windows, 1 + frames, 4].

        First, of the picture, where the window begins and how long it is, and two zeros. Then for each frame where to
        begin, how much to take, and how much is padded before and after. Every position of every target belongs to
        exactly one window, the windows are of nearly equal size, and none is empty: there must not be more of them than
        a target has positions.
        """
        sides, reaches = self.sides(axis, side), self._reaches[axis]
        cuts = {slot: np.arange(windows + 1) * sides[slot] // windows for slot in self._targets}
        spans: dict[Slot, Span] = {slot: (cut[:-1], cut[1:]) for slot, cut in cuts.items()}
        reads: dict[tuple[Slot, Step], Span] = {}
        for step in reversed(self._steps):
            for slot in dict.fromkeys(step.inputs):
                reads[slot, step] = low, high = reaches[step].wanted(*spans[step.outputs[0]], sides[slot])
                low, high = np.clip(low, 0, sides[slot]), np.clip(high, 0, sides[slot])
                first, last = spans.get(slot, (low, high))
                spans[slot] = np.minimum(first, low), np.maximum(last, high)
        start, end = spans[self._input]
        rows = [(start, end - start, 0 * start, 0 * start)]
        for frame in self.frames:
            first, last = spans[frame.slot]
            if frame.reader is None:
                cut = cuts[frame.slot]
                rows.append((cut[:-1] - first, np.diff(cut), 0 * first, 0 * first))
            elif frame.late:
                given = reaches[frame.reader].given(reads[frame.reader.inputs[0], frame.reader][0])
                rows.append((first - given, last - first, 0 * first, 0 * first))
            else:
                low, high = reads[frame.slot, frame.reader]
                inner, outer = np.maximum(low, 0), np.minimum(high, sides[frame.slot])
                rows.append((inner - first, outer - inner, inner - low, high - outer))
        return np.stack([np.stack(row, -1) for row in rows], 1).astype(np.int32)
