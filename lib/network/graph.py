"""A Keras model as a flat list of steps: every call of every layer, nested models opened, in the network's own order.

Read once a model through `keras.models.clone_model`, whose `call_function` is shown each call. The layers are the
model's own, not copies, so a graph sees the weights as they are when it is run.
"""

import inspect
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lib.errors import BadInput
from lib.network.scopes import allow_any_name

if TYPE_CHECKING:  # NumPy takes a while, and commands that only list want no network
    from lib.arrays import Tensor

# Keras builds graphs, and TensorFlow traces functions, over state that threads share. Whoever builds, loads or clones a
# model, or calls a `tf.function` for the first time with a new signature, holds this. Running a traced function needs
# no lock. The functions here take it themselves (it is re-entrant).
LOCK = threading.RLock()


@contextmanager
def tracing() -> Iterator[None]:
    """Holds `LOCK` while functions are traced that nobody will differentiate as a whole.

    For whoever would, TensorFlow keeps what `tf.custom_gradient` registers for good, and with it the traced graph: 40
    MB for each layer of a MobileNetV2. Here it is forgotten; gradients that are taken within the functions are in their
    graphs already.
    """
    from tensorflow.python.framework.ops import gradient_registry

    with LOCK:
        known = gradient_registry._registry
        before = set(known)
        try:
            yield
        finally:
            for name in known.keys() - before:
                if name.startswith("CustomGradient-"):
                    del known[name]


@dataclass(frozen=True)
class Slot:
    """A tensor of the graph: the place in which a step finds or leaves it."""

    number: int


@dataclass(frozen=True, eq=False)
class Step:
    """One call of one layer (or of a bare operation such as `x + y`)."""

    op: Any
    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    inputs: tuple[Slot, ...]
    outputs: tuple[Slot, ...]


@dataclass(frozen=True, eq=False)
class Graph:
    """A model with one image input. `shapes` includes the batch axis; None stands for a free size."""

    input: Slot
    steps: tuple[Step, ...]
    outputs: tuple[Slot, ...]
    shapes: Mapping[Slot, tuple[int | None, ...]]

    def first_use(self) -> dict[str, Step]:
        """The network's own steps by name; of a layer that is called several times the first call, under its name."""
        steps: dict[int, Step] = {}
        for step in self.steps:
            if not is_adapter(step.op) and step not in self.constant:
                steps.setdefault(id(step.op), step)
        return {step.name: step for step in steps.values()}

    @cached_property
    def constant(self) -> "frozenset[Step]":
        """The steps that no pixel changes: held inputs (`lib.network.held`), and what is computed of them alone."""
        slots: set[Slot] = set()
        found: list[Step] = []
        for step in self.steps:
            nothing = type(step.op).__name__ == "Multiply" and any(
                isinstance(leaf, int | float) and leaf == 0 for leaf in step.args
            )
            if nothing or (step.inputs and slots.issuperset(step.inputs)):
                slots.update(step.outputs)
                found.append(step)
        readers = consumers(self.steps)
        before = {step for step in self.steps if step.outputs and step not in found}
        # what is read by nothing else than these belongs to them
        hidden = [step for step in before if all(readers.get(slot) for slot in step.outputs)]
        hidden = [step for step in hidden if all(reader in found for slot in step.outputs for reader in readers[slot])]
        return frozenset([*found, *hidden])

    @cached_property
    def producers(self) -> "dict[Slot, Step]":
        """Of each tensor the step that leaves it there; the input has none."""
        return {slot: step for step in self.steps for slot in step.outputs}

    def needed_for(self, wanted: Iterable[Slot]) -> list[Step]:
        """The steps, in order, without which one of the wanted tensors cannot be computed."""
        missing = set(wanted)
        needed = []
        for step in reversed(self.steps):
            if missing.intersection(step.outputs):
                missing.update(step.inputs)
                needed.append(step)
        return needed[::-1]


_read: weakref.WeakKeyDictionary[Any, Graph] = weakref.WeakKeyDictionary()


def graph_of(model: Any) -> Graph:
    """The model's graph, read once.

    Layers inside a nested model are named by their path, `backbone/conv1`: Keras allows no slash in a layer's name.

    Raises:
        BadInput: no functional or sequential graph, several inputs, an input that is no image, or channels first.
    """
    allow_any_name()
    with LOCK:
        graph = _read.get(model)
        if graph is None:
            graph = _Reader().read(model)
            _read[model] = graph
        return graph


def is_adapter(op: Any) -> bool:
    """Whether a step is what `lib.network.adapt` laid in front of the network: it is none of the network's layers."""
    return getattr(op, "is_adapter", False) is True


def is_composite(op: Any) -> bool:
    """Whether a layer is a model whose graph says all that it does: built, and its `call` Keras's own."""
    import keras

    if not isinstance(op, keras.Model) or not isinstance(op, keras.Function | keras.Sequential):
        return False
    return bool(getattr(op, "inputs", None)) and type(op).call.__module__.startswith("keras.")


class _Reader:
    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.shapes: dict[Slot, tuple[int | None, ...]] = {}

    def read(self, model: Any) -> Graph:
        if not is_composite(model):
            raise BadInput(
                f"model {getattr(model, 'name', model)!r} has no graph to read: "
                "give a Sequential (with an Input) or a functional Keras model, not a subclassed one"
            )
        if len(model.inputs) != 1:
            raise BadInput(f"model {model.name!r} has {len(model.inputs)} inputs: only models with one can be swept")
        shape = tuple(model.inputs[0].shape)
        if len(shape) != 4 or shape[-1] is None:
            raise BadInput(
                f"model {model.name!r} takes {shape}, not images: give a model with input (height, width, channels)"
            )
        entry = self._slot(model.inputs[0])
        outputs = self._open(model, "", [entry])
        return Graph(entry, tuple(self.steps), tuple(outputs), self.shapes)

    def _slot(self, tensor: "Tensor") -> Slot:
        slot = Slot(len(self.shapes))
        self.shapes[slot] = tuple(tensor.shape)
        return slot

    def _open(self, model: Any, prefix: str, entries: Sequence[Slot]) -> list[Slot]:
        import keras

        slots: dict[int, Slot] = {}
        alive: list[Any] = []  # ids of tensors are keys only as long as the tensors live

        def name(tensor: "Tensor", slot: Slot) -> None:
            alive.append(tensor)
            slots[id(tensor)] = slot

        def replaced(value: Any) -> Any:
            return slots[id(value)] if isinstance(value, keras.KerasTensor) else value

        def visit(op: Any, *args: Any, **kwargs: Any) -> Any:
            result = op(*args, **kwargs)
            args, kwargs = keras.tree.map_structure(replaced, (args, kwargs))
            inputs = tuple(leaf for leaf in keras.tree.flatten((args, kwargs)) if isinstance(leaf, Slot))
            results = keras.tree.flatten(result)
            if is_composite(op):
                outputs = self._open(op, f"{prefix}{op.name}/", inputs)
            else:
                if getattr(op, "data_format", None) == "channels_first":
                    raise BadInput(
                        f"layer {prefix}{op.name} is channels_first: only channels_last can be swept; "
                        "rebuild the model with data_format='channels_last'"
                    )
                outputs = [self._slot(tensor) for tensor in results]
                self.steps.append(Step(op, prefix + op.name, args, kwargs, inputs, tuple(outputs)))
            for tensor, slot in zip(results, outputs, strict=True):
                name(tensor, slot)
            return result

        plain = keras.Model(model.inputs, model.outputs)  # a Sequential model, or a subclass, as a plain graph
        fresh = [keras.Input(batch_shape=t.shape, dtype=t.dtype) for t in model.inputs]
        for tensor, slot in zip(fresh, entries, strict=True):
            name(tensor, slot)
        clone = keras.models.clone_model(
            plain, input_tensors=fresh, clone_function=lambda layer: layer, call_function=visit
        )
        return [slots[id(tensor)] for tensor in clone.outputs]


Call = Callable[..., Any]


def plain_call(op: Any, *args: Any, **kwargs: Any) -> Any:
    """Calls a layer as it is used for inference: moving statistics, no dropout, whatever its call in the model says."""
    if type(op).__name__ == "UpSampling2D" and op.interpolation != "nearest" and None in args[0].shape[1:3]:
        return _enlarge(op, args[0])
    if "training" in inspect.signature(op.call).parameters:
        kwargs["training"] = False
    return op(*args, **kwargs)


def _enlarge(op: Any, maps: "Tensor") -> "Tensor":
    """What the layer computes, of maps whose size is known only when they are there: Keras wants it beforehand."""
    import tensorflow as tf

    size = tf.shape(maps)[1:3] * tf.constant(op.size)
    maps = tf.image.resize(maps, size, method=op.interpolation)
    return tf.cast(maps, op.compute_dtype)


def run_step(step: Step, values: "dict[Slot, Tensor]", call: Call = plain_call) -> None:
    """Computes one step from `values` and leaves its outputs there."""
    import keras

    def found(leaf: Any) -> Any:
        return values[leaf] if isinstance(leaf, Slot) else leaf

    args, kwargs = keras.tree.map_structure(found, (step.args, dict(step.kwargs)))
    results = keras.tree.flatten(call(step.op, *args, **kwargs))
    values.update(zip(step.outputs, results, strict=True))


def consumers(steps: Sequence[Step]) -> Mapping[Slot, list[Step]]:
    """For each tensor the steps that read it, in order."""
    readers: dict[Slot, list[Step]] = {}
    for step in steps:
        for slot in dict.fromkeys(step.inputs):
            readers.setdefault(slot, []).append(step)
    return readers


def after(steps: Sequence[Step], step: Step) -> Iterator[Step]:
    """The steps that come later than `step`."""
    return iter(steps[steps.index(step) + 1 :])
