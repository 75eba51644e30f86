"""A network whose layers do not pad: what each reads is cut and padded before it, by numbers given from outside.

So a window of a picture is computed as the part of the whole that it is, and one trace serves windows of every size, at
every place. The numbers are `lib.network.window_plan`'s; the layers are the model's own, with its weights.
"""

from collections.abc import Sequence
from typing import Any

from lib.arrays import ShortIntegers, Tensor
from lib.network.graph import Graph, Slot, Step, graph_of
from lib.network.kernels import window_kernels
from lib.network.nonlinearity import Nonlinearity
from lib.network.targets import find
from lib.network.trunk import Trunk, taken_apart
from lib.network.window_plan import Axis, Frame, WindowField, reaches_of


class FramedTrunk:
    """From windows of a picture to responses of some layers.

    Attributes:
        frames: how many there are in a plan.
        least: (height, width) of the smallest picture that has a position of each layer.
    """

    def __init__(self, model: Any, layers: Sequence[str]) -> None:
        """The trunk up to some layers.

        Raises:
            BadInput: an unknown layer; `lib.network.window_plan.Unbounded` for one on the way that sees too much.
        """
        whole = graph_of(model)
        self._places = {name: find(whole, name) for name in layers}
        graph = taken_apart(whole, self._places.values())
        tensors = {name: (place.after, place.before) for name, place in self._places.items()}
        targets = list(dict.fromkeys(slot for pair in tensors.values() for slot in pair))
        steps = graph.needed_for(targets)
        self._field = WindowField(graph, steps, targets, reaches_of(graph, steps))
        self._tensors = tensors
        self._now = _Now()
        self._trunk = _build_framed(graph, steps, self._places, self._field.frames, self._now)
        self._owned = {
            frame.slot: _Framing(at, frame, self._now)
            for at, frame in enumerate(self._field.frames)
            if frame.reader is None
        }
        self.frames = len(self._field.frames)
        self.least = self._field.least_side(0), self._field.least_side(1)

    def plan(self, axis: Axis, side: int, windows: int) -> ShortIntegers:
        """`Field.plan` for that many windows, or as many as there are positions."""
        sides = self._field.sides(axis, side)
        most = min(sides[slot] for pair in self._tensors.values() for slot in pair)
        return self._field.plan(axis, side, min(windows, most))

    def halo(self, axis: Axis) -> int:
        """How many pixels a window reads beside its share, at most."""
        side = 1 << 12
        plan = self.plan(axis, side, side)
        return int(plan[:, 0, 1].max()) - side // len(plan)

    def positions(self, layer: str, height: int, width: int) -> int:
        """How many a layer has in a whole picture."""
        slot = self._tensors[layer][0]
        return self._field.sides(0, height)[slot] * self._field.sides(1, width)[slot]

    def maps(self, windows: Tensor, row: Tensor, column: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        """Activations and pre-activations of the positions that a window owns, by layer, [B, h, w, units].

        Called while tracing, under `lib.network.graph.LOCK`. `windows`: [B, height, width, C], all at the same place;
        `row` and `column`: its plan along each axis, [1 + frames, 4].
        """
        self._now.row, self._now.column = row, column
        found = {}
        for layer, (after, before) in self._trunk.maps(windows).items():
            at = self._tensors[layer]
            found[layer] = self._owned[at[0]].call(after), self._owned[at[1]].call(before)
        return found


class _Now:
    """The plan of the window that is being traced."""

    row: Tensor
    column: Tensor


class _Framing:
    """Cuts and pads; stands in a graph as a layer does."""

    def __init__(self, at: int, frame: Frame, now: _Now) -> None:
        self._at = at + 1  # the window itself comes first
        self._frame = frame
        self._now = now

    def __call__(self, x: Tensor) -> Tensor:
        return self.call(x)

    def call(self, x: Tensor) -> Tensor:
        return self.pad(self.cut(x))

    def cut(self, x: Tensor) -> Tensor:
        if not self._frame.cuts:
            return x
        (y, high, *_), (x0, wide, *_) = self._numbers()
        return x[:, y : y + high, x0 : x0 + wide]

    def pad(self, x: Tensor, value: float | None = None) -> Tensor:
        import tensorflow as tf

        if not self._frame.pads:
            return x
        (*_, top, bottom), (*_, left, right) = self._numbers()
        fill = self._fill() if value is None else value
        return tf.pad(x, [[0, 0], [top, bottom], [left, right], [0, 0]], constant_values=tf.cast(fill, x.dtype))

    def _fill(self) -> float:
        from keras import layers

        # what is padded is never the greatest
        assert self._frame.reader is not None
        return float("-inf") if isinstance(self._frame.reader.op, layers.MaxPooling2D) else 0.0

    def _numbers(self) -> Any:
        import tensorflow as tf

        return tf.unstack(self._now.row[self._at]), tf.unstack(self._now.column[self._at])


class _CountedAverage:
    """Average pooling that pads: only what is there counts."""

    def __init__(self, op: Any, framing: _Framing) -> None:
        self._op = op
        self._framing = framing

    def __call__(self, x: Tensor) -> Tensor:
        return self.call(x)

    def call(self, x: Tensor) -> Tensor:
        import tensorflow as tf

        x = self._framing.cut(x)
        total, there = (
            tf.nn.avg_pool2d(self._framing.pad(part), self._op.pool_size, self._op.strides, "VALID")
            for part in (x, tf.ones_like(x[..., :1]))
        )
        return total / there


class _Unchanged:
    """What is left of a layer that did nothing but pad or cut."""

    def __call__(self, x: Tensor) -> Tensor:
        return x

    call = __call__


def _build_framed(
    graph: Graph, steps: Sequence[Step], places: dict[str, Nonlinearity], frames: Sequence[Frame], now: _Now
) -> Trunk:
    """The trunk of the same network, with framings before the layers and no padding in them."""
    import keras
    from keras import layers

    shapes = dict(graph.shapes)

    def new(like: Slot) -> Slot:
        slot = Slot(len(shapes))
        shapes[slot] = (None, None, None, shapes[like][-1])
        return slot

    twins: dict[int, Any] = {}  # a layer that is called twice stays one
    plan: list[Step] = []
    for step in steps:
        op = twins.setdefault(id(step.op), _without_padding(step.op))
        read, outputs, last = {slot: slot for slot in step.inputs}, step.outputs, None
        for frame, framing in ((frame, _Framing(at, frame, now)) for at, frame in enumerate(frames)):
            if frame.reader is not step:
                continue
            if frame.late:
                outputs = (new(frame.slot),)
                last = Step(framing, f"{step.name} cut", outputs, {}, outputs, step.outputs)
            elif type(step.op) is layers.AveragePooling2D and step.op.padding == "same":
                op = _CountedAverage(step.op, framing)
            else:
                read[frame.slot] = new(frame.slot)
                plan.append(Step(framing, f"{step.name} frame", (frame.slot,), {}, (frame.slot,), (read[frame.slot],)))
        args, kwargs = keras.tree.map_structure(
            lambda leaf, read=read: read[leaf] if isinstance(leaf, Slot) else leaf, (step.args, dict(step.kwargs))
        )
        plan.append(Step(op, step.name, args, kwargs, tuple(read[slot] for slot in step.inputs), outputs))
        if last:
            plan.append(last)
    return Trunk(
        Graph(graph.input, tuple(plan), graph.outputs, shapes),
        places,
        (None, None, graph.shapes[graph.input][-1] or 0),
        window_kernels,
    )


def _without_padding(op: Any) -> Any:
    """The same layer, with the very same weights, but without padding."""
    from keras import layers

    if type(op) in (layers.ZeroPadding2D, layers.Cropping2D):
        return _Unchanged()
    if getattr(op, "padding", None) != "same":
        return op
    # copy.copy will not do: Keras pickles a layer to copy it, weights and all
    twin = object.__new__(type(op))
    twin.__dict__ = {**op.__dict__, "padding": "valid"}
    return twin
