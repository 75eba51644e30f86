"""Networks whose channels come first, (channels, height, width), as the same networks with their channels last.

TensorFlow computes such layers on a GPU alone, and everything here takes images as (height, width, channels). So a
model is turned when it is loaded. Layers that have a form for either order are made in the other one, with the same
weights; before anything that goes by the order of values, such as a Reshape, the order of the file is brought back. So
the outputs are equal. (But where Keras errs: on TensorFlow, Keras 3 adds a bias along the width where a map is as wide
as it has channels. Here it is added to each channel.)
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lib.errors import BadInput
from lib.network.graph import LOCK, is_composite

if TYPE_CHECKING:  # NumPy takes a while, and commands that only list want no network
    from lib.arrays import Tensor

_FIRST = "channels_first"
_SPATIAL = (
    *(f"{kind}{n}D" for n in (1, 2, 3) for kind in ("Conv", "MaxPooling", "AveragePooling", "GlobalMaxPooling")),
    *(
        f"{kind}{n}D"
        for n in (1, 2, 3)
        for kind in ("GlobalAveragePooling", "SpatialDropout", "ZeroPadding", "Cropping")
    ),
    *(f"{kind}{n}D" for n in (1, 2) for kind in ("DepthwiseConv", "SeparableConv")),
    *("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose", "UpSampling2D", "UpSampling3D"),
    *("Resizing", "CenterCrop", "RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomCrop"),
    *("RandomContrast", "RandomBrightness"),
)
_BY_AXIS = (
    "BatchNormalization",
    "LayerNormalization",
    "GroupNormalization",
    "UnitNormalization",
    "Softmax",
    "Concatenate",
)
_EACH_VALUE = (
    *(
        "ReLU",
        "LeakyReLU",
        "ELU",
        "Dropout",
        "GaussianNoise",
        "GaussianDropout",
        "AlphaDropout",
        "ActivityRegularization",
    ),
    *("Identity", "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"),
)
_MIXING = ("softmax", "log_softmax", "sparsemax", "glu")
# bare operations that keep values where they are; with a number beside them they do so too
_OPERATIONS = (
    *("Relu", "Relu6", "Sigmoid", "Silu", "Tanh", "Elu", "Selu", "LeakyRelu", "Softplus", "Gelu", "Clip", "Cast"),
    *("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Power", "Maximum", "Minimum", "Negative", "Absolute"),
    *("Square", "Sqrt", "Exp", "Log"),
)


def channels_last(model: Any) -> Any:
    """The model with channels last; itself where they are.

    Raises:
        BadInput: a layer whose other form is not known, by name.
    """
    if not is_composite(model) or not _concerned(model):
        return model
    with LOCK:
        return _Turned(model).model


def _concerned(model: Any) -> bool:
    return any(_is_first(layer) for layer in model._flatten_layers()) or any(
        len(tensor.shape) == 4 and _begins_first(model, tensor) for tensor in model.inputs
    )


def _is_first(op: Any) -> bool:
    return getattr(op, "data_format", None) == _FIRST


def _begins_first(model: Any, entry: "Tensor") -> bool:
    """Whether what an input is given to takes its channels first: the first layer that knows of an order says so."""
    import keras

    plain = keras.Model(model.inputs, model.outputs)
    reached = {id(entry)}
    for op in plain.operations:
        for node in op._inbound_nodes:
            tensors = [tensor for tensor in node.input_tensors if id(tensor) in reached]
            if not tensors:
                continue
            if is_composite(op):
                places = [number for number, tensor in enumerate(node.input_tensors) if id(tensor) in reached]
                return _begins_first(op, op.inputs[places[0]])
            if isinstance(op, keras.layers.Permute):
                return tuple(op.dims) == _to_last(4)
            if getattr(op, "data_format", None) is not None and not isinstance(op, keras.layers.Flatten):
                return _is_first(op)
            if len(node.outputs[0].shape) == len(entry.shape):
                reached.update(id(tensor) for tensor in node.outputs)
    return False


def _to_last(rank: int) -> tuple[int, ...]:
    """How Permute brings the channels behind the other axes."""
    return (*range(2, rank), 1)


def _to_first(rank: int) -> tuple[int, ...]:
    return (rank - 1, *range(1, rank - 1))


class _Turned:
    """One model while it is turned. `turned` holds the tensors, by id, that lie in the other order than in the file."""

    def __init__(self, model: Any) -> None:
        import keras

        self.alive: list[Any] = []  # ids are keys only as long as the tensors live
        self.turned: set[int] = set()
        self.made: dict[int, tuple[Any, bool]] = {}  # what stands for a layer now, and whether its inputs are turned
        self.nested: dict[int, _Turned] = {}
        self.restored: dict[int, Any] = {}
        self.names = {layer.name for layer in model.layers}
        fresh = []
        self.entries: list[bool] = []
        for tensor in model.inputs:
            turn = len(tensor.shape) > 2 and _begins_first(model, tensor)
            shape = (
                (tensor.shape[0], *(tensor.shape[axis] for axis in _to_last(len(tensor.shape))))
                if turn
                else tensor.shape
            )
            entry = keras.Input(batch_shape=shape, dtype=tensor.dtype, name=tensor._keras_history.operation.name)
            fresh.append(self._noted(entry, turn))
            self.entries.append(turn)
        plain = keras.Model(model.inputs, model.outputs)
        clone = keras.models.clone_model(
            plain, input_tensors=fresh, clone_function=lambda layer: layer, call_function=self._visit
        )
        self.exits = [id(tensor) in self.turned for tensor in clone.outputs]
        inputs = keras.tree.pack_sequence_as(_structure(model, "_inputs_struct"), fresh)
        outputs = keras.tree.pack_sequence_as(_structure(model, "_outputs_struct"), clone.outputs)
        self.model = keras.Model(inputs, outputs, name=model.name)
        self.model.trainable = model.trainable

    def _noted(self, tensor: "Tensor", turned: bool) -> "Tensor":
        self.alive.append(tensor)
        if turned:
            self.turned.add(id(tensor))
        return tensor

    def _visit(self, op: Any, *args: Any, **kwargs: Any) -> Any:
        import keras

        tensors = [leaf for leaf in keras.tree.flatten((args, kwargs)) if isinstance(leaf, keras.KerasTensor)]
        if is_composite(op):
            return self._call_model(op, tensors, kwargs)
        kind = type(op).__name__
        if isinstance(op, keras.layers.Permute):
            return self._permuted(op, tensors[0])
        turned = any(id(tensor) in self.turned for tensor in tensors)
        if _is_first(op):
            if kind not in (*_SPATIAL, "Flatten") or _name_of(getattr(op, "activation", None)) in _MIXING:
                raise self._unknown(op)
            turned = True
        elif self._inner_first(op):
            raise self._unknown(op)
        elif turned and not self._has_other_form(op, tensors, args, kwargs):
            turned = False
        layer, turned = self.made.setdefault(id(op), (self._other(op, tensors) if turned else op, turned))

        def brought(leaf: Any) -> Any:
            return self._brought(leaf, turned) if isinstance(leaf, keras.KerasTensor) else leaf

        result = layer(*keras.tree.map_structure(brought, args), **keras.tree.map_structure(brought, kwargs))
        if layer is not op and layer.weights:
            self._give_weights(op, layer)
        for tensor in keras.tree.flatten(result):
            self._noted(tensor, turned and len(tensor.shape) > 2)
        return result

    def _inner_first(self, op: Any) -> bool:
        inside = op._flatten_layers(include_self=False) if hasattr(op, "_flatten_layers") else ()
        return any(_is_first(layer) for layer in inside)

    def _unknown(self, op: Any) -> BadInput:
        return BadInput(
            f"layer {op.name} ({type(op).__name__}) has its channels first, "
            "and dreamsweep does not know how to put them last: "
            "rebuild the model with data_format='channels_last'"
        )

    def _has_other_form(self, op: Any, tensors: Sequence["Tensor"], args: Any, kwargs: Any) -> bool:
        """Whether a layer that goes by no order, or by an axis, does the same with its inputs turned."""
        import keras

        kind, rank = type(op).__name__, len(tensors[0].shape)
        if any(len(tensor.shape) != rank for tensor in tensors):
            return False
        if not isinstance(op, keras.layers.Layer):
            numbers = [leaf for leaf in keras.tree.flatten((args, kwargs)) if not isinstance(leaf, keras.KerasTensor)]
            return kind in _OPERATIONS and all(leaf is None or isinstance(leaf, int | float | str) for leaf in numbers)
        if kind == "Activation":
            return _name_of(op.activation) not in _MIXING
        if kind == "Dropout":
            return op.noise_shape is None
        if kind == "Rescaling":
            return all(isinstance(number, int | float) for number in (op.scale, op.offset))
        if kind == "Normalization":
            axis = op.get_config()["axis"]
            return axis is None or isinstance(axis, int) or len(axis) == 1
        return kind in (*_BY_AXIS, *_EACH_VALUE, "PReLU")

    def _other(self, op: Any, tensors: Sequence["Tensor"]) -> Any:
        """The layer in its other form; the same where there is nothing to change."""
        import keras

        if not isinstance(op, keras.layers.Layer):
            return op
        config, rank = op.get_config(), len(tensors[0].shape)
        wanted = dict(config)
        if "data_format" in config:
            wanted["data_format"] = "channels_last"
        if config.get("axis") is not None:
            wanted["axis"] = keras.tree.map_structure(lambda axis: _moved(axis, rank), config["axis"])
        if config.get("shared_axes") is not None:
            wanted["shared_axes"] = [_moved(axis, rank) for axis in config["shared_axes"]]
        for name in ("mean", "variance"):
            if type(op).__name__ == "Normalization" and config.get(name) is not None:
                wanted[name] = keras.ops.convert_to_numpy(keras.ops.ravel(config[name])).tolist()
        return op if wanted == config and type(op).__name__ != "PReLU" else type(op).from_config(wanted)

    def _give_weights(self, op: Any, layer: Any) -> None:
        weights = op.get_weights()
        if type(op).__name__ == "PReLU":
            import numpy as np

            weights = [np.moveaxis(weights[0], 0, -1)]
        layer.set_weights(weights)
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()

    def _brought(self, tensor: "Tensor", turned: bool) -> "Tensor":
        """The tensor in the order that is wanted."""
        if (id(tensor) in self.turned) == turned or len(tensor.shape) < 3:
            return tensor
        if id(tensor) not in self.restored:
            import keras

            rank = len(tensor.shape)
            name = f"{tensor._keras_history.operation.name}_{'channels_last' if turned else 'channels_first'}"
            while name in self.names:
                name += "_"
            self.names.add(name)
            permute = keras.layers.Permute(_to_last(rank) if turned else _to_first(rank), name=name, dtype=tensor.dtype)
            self.restored[id(tensor)] = self._noted(permute(tensor), turned)
        return self.restored[id(tensor)]

    def _permuted(self, op: Any, tensor: "Tensor") -> "Tensor":
        """A Permute that does nothing but what is done already is left out."""
        rank, turned = len(tensor.shape), id(tensor) in self.turned
        undoes = tuple(op.dims) == (_to_last(rank) if turned else _to_first(rank))
        if undoes and rank > 3:
            import keras

            same = keras.layers.Identity(name=op.name)(tensor)
            return self._noted(same, not turned)
        return self._noted(op(self._brought(tensor, False)), False)

    def _call_model(self, op: Any, tensors: Sequence["Tensor"], kwargs: dict[str, Any]) -> Any:
        import keras

        inner = self.nested.get(id(op)) or _Turned(op)
        self.nested[id(op)] = inner
        brought = [self._brought(tensor, turned) for tensor, turned in zip(tensors, inner.entries, strict=True)]
        result = inner.model(keras.tree.pack_sequence_as(_structure(op, "_inputs_struct"), brought))
        for tensor, turned in zip(keras.tree.flatten(result), inner.exits, strict=True):
            self._noted(tensor, turned)
        return result


def _structure(model: Any, name: str) -> Any:
    """How a model's inputs or outputs are arranged."""
    return getattr(getattr(model, "_functional", None) or model, name)


def _moved(axis: int, rank: int) -> int:
    """Where an axis of the file's order lies when the channels are last."""
    axis %= rank
    return axis if axis == 0 else rank - 1 if axis == 1 else axis - 1


def _name_of(activation: Any) -> str:
    return str(getattr(activation, "__name__", type(activation).__name__)).lower()
