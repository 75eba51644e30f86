"""Operator layers of Keras 2, as the operations of Keras 3 that compute the same.

Keras 2 wrote `x / 127.5` or `tf.nn.relu6(x)` between layers as a layer that names a function of TensorFlow. Only
functions of this table are taken, and none is looked up by its name: what a file names beyond them is refused.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class Operation:
    """An operation of Keras 3: its class within `keras.src.ops`, its settings, and the names of the arguments that it
    is called with."""

    name: str
    called_with: Sequence[Any] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    by_name: Mapping[str, Any] = field(default_factory=dict)

    def config(self, name: str) -> dict[str, Any]:
        """The description of a layer, without its inbound nodes."""
        module, kind = self.name.split(".")
        return {
            "module": f"keras.src.ops.{module}",
            "class_name": kind,
            "config": {"name": name, **self.settings},
            "registered_name": kind,
            "name": name,
        }


class NoSuchOperation(Exception):
    """There is no operation of Keras 3 for this call; the text says of what."""


Writer = Callable[[Arguments], Operation]


def operation(function: str, arguments: Arguments) -> Operation:
    """What Keras 3 computes where Keras 2 called `function` with these arguments.

    Args:
        function: as Keras 2 names it, without `tf.`: `math.truediv`.
        arguments: by their names; the first argument, whatever its name, is ''.

    Raises:
        NoSuchOperation: none is known.
    """
    function = function.removeprefix("compat.v1.")
    writer = _WRITERS.get(function)
    if writer is None:
        raise NoSuchOperation(f"tf.{function}")
    given = {name: value for name, value in arguments.items() if name != "name" and value is not None}
    left = _Reads(given)
    try:
        found = writer(left)
    except KeyError as problem:
        raise NoSuchOperation(f"tf.{function} without its {problem}") from problem
    if unread := [name for name, value in given.items() if name not in left.read and not _means_nothing(name, value)]:
        raise NoSuchOperation(f"tf.{function} with {unread[0]}={given[unread[0]]!r}")
    return found


class _Reads(dict[str, Any]):
    """Arguments that note which of them were read: what nobody reads changes what is computed, unseen."""

    def __init__(self, given: Arguments) -> None:
        super().__init__(given)
        self.read: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        self.read.add(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.read.add(key)
        return super().get(key, default)


_NOTHING: dict[str, tuple[Any, ...]] = {
    "data_format": ("NHWC", "N..C", "channels_last"),
    "conjugate": (False,),
    "preserve_aspect_ratio": (False,),
    "transpose_a": (False,),
    "transpose_b": (False,),
    "adjoint_a": (False,),
    "adjoint_b": (False,),
    "a_is_sparse": (False,),
    "b_is_sparse": (False,),
    "batch_dims": (0,),
    "beta": (1.0,),
    "validate_indices": (True, False),
}


def _means_nothing(name: str, value: Any) -> bool:
    return name in _NOTHING and value in _NOTHING[name]


def _alone(name: str) -> Writer:
    """An operation on one tensor."""
    return lambda given: Operation(name, [given[""]])


def _pair(name: str, second: str = "y") -> Writer:
    """An operation on two tensors, either of which may be a constant."""
    return lambda given: Operation(name, [constant(given[""]), constant(given[second])])


def _over(name: str, **fixed: Any) -> Writer:
    """A reduction over axes, or one along an axis."""

    def write(given: Arguments) -> Operation:
        settings = {"axis": given.get("axis"), "keepdims": bool(given.get("keepdims", False)), **fixed}
        return Operation(name, [given[""]], settings)

    return write


def _with(name: str, settings: Mapping[str, tuple[str, Any]]) -> Writer:
    """An operation whose settings Keras 2 calls otherwise: each with its old name, and what it is where it is not
    given."""

    def write(given: Arguments) -> Operation:
        return Operation(name, [given[""]], {new: given.get(old, usual) for new, (old, usual) in settings.items()})

    return write


def _first_of_two(name: str, **fixed: Any) -> Writer:
    return lambda given: Operation(name, [given[""]], fixed)


def _pool(name: str) -> Writer:
    def write(given: Arguments) -> Operation:
        sizes = {"pool_size": _spatial(given["ksize"]), "strides": _spatial(given["strides"])}
        padding = str(given["padding"]).lower()
        return Operation(name, [given[""]], {**sizes, "padding": padding, "data_format": "channels_last"})

    return write


def _spatial(size: Any) -> list[int]:
    """A size of height and width, of whatever TensorFlow takes for one."""
    sizes = size if isinstance(size, list) else [size]
    if len(sizes) == 4:
        sizes = sizes[1:3]
    return [int(side) for side in (sizes * 2 if len(sizes) == 1 else sizes)]


def _pad(given: Arguments) -> Operation:
    mode, value = str(given.get("mode", "constant")).lower(), given.get("constant_values", 0)
    by_name = {"constant_values": value} if mode == "constant" else {}
    return Operation("numpy.Pad", [given[""]], {"pad_width": given["paddings"], "mode": mode}, by_name)


def _resize(given: Arguments) -> Operation:
    method = str(given.get("method", "bilinear")).lower()
    if method not in ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"):
        raise NoSuchOperation(f"tf.image.resize with method={method!r}")
    settings = {"size": given["size"], "interpolation": method, "antialias": bool(given.get("antialias", False))}
    return Operation("image.Resize", [given[""]], {**settings, "data_format": "channels_last"})


def _split(given: Arguments) -> Operation:
    parts = given["num_or_size_splits"]
    if isinstance(parts, list):  # sizes, where Keras 3 wants the places between them
        parts = list(accumulate(parts))[:-1]
    return Operation("numpy.Split", [given[""]], {"indices_or_sections": parts, "axis": given.get("axis", 0)})


def _clip(given: Arguments) -> Operation:
    low, high = given["clip_value_min"], given["clip_value_max"]
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        raise NoSuchOperation("tf.clip_by_value with limits that are no numbers")
    return Operation("numpy.Clip", [given[""]], {"x_min": low, "x_max": high})


def _norm(given: Arguments) -> Operation:
    # TensorFlow bounds the sum of squares, Keras its root
    epsilon = float(given.get("epsilon", 1e-12)) ** 0.5
    return Operation("nn.Normalize", [given[""]], {"axis": given.get("axis", -1), "order": 2, "epsilon": epsilon})


def _slice(given: Arguments) -> Operation:
    return Operation("numpy.GetItem", [given[""], [_slice_part(part) for part in given["slice_spec"]]])


def _slice_part(part: Any) -> Any:
    if isinstance(part, dict) and set(part) == {"start", "stop", "step"}:
        return {"class_name": "__slice__", "config": dict(part)}
    if isinstance(part, dict) and part.get("class_name") in ("__ellipsis__", "Ellipsis"):
        return {"class_name": "__ellipsis__", "config": {}}
    if part is None or isinstance(part, int):
        return part
    raise NoSuchOperation(f"x[{part}]")


def constant(value: Any) -> Any:
    """A number, or a list of numbers as an array, which Keras 3 wants; a tensor's description as it is."""
    if isinstance(value, list):
        return {"class_name": "__numpy__", "config": {"value": value, "dtype": _kind(value)}}
    return value


def _kind(value: Any) -> str:
    while isinstance(value, list) and value:
        value = value[0]
    return "bool" if isinstance(value, bool) else "float32"


_WRITERS: dict[str, Writer] = {
    **{
        name: _pair(f"numpy.{kind}")
        for name, kind in {
            "__operators__.add": "Add",
            "math.add": "Add",
            "add": "Add",
            "math.subtract": "Subtract",
            "subtract": "Subtract",
            "math.multiply": "Multiply",
            "multiply": "Multiply",
            "math.truediv": "TrueDivide",
            "truediv": "TrueDivide",
            "math.divide": "TrueDivide",
            "divide": "TrueDivide",
            "realdiv": "TrueDivide",
            "math.floordiv": "FloorDivide",
            "math.floormod": "Mod",
            "math.mod": "Mod",
            "math.pow": "Power",
            "pow": "Power",
            "math.maximum": "Maximum",
            "math.minimum": "Minimum",
            "math.greater": "Greater",
            "math.greater_equal": "GreaterEqual",
            "math.less": "Less",
            "math.less_equal": "LessEqual",
        }.items()
    },
    **{
        name: _alone(kind)
        for name, kind in {
            "math.abs": "numpy.Absolute",
            "math.negative": "numpy.Negative",
            "math.square": "numpy.Square",
            "math.sqrt": "numpy.Sqrt",
            "math.rsqrt": "math.Rsqrt",
            "math.exp": "numpy.Exp",
            "math.expm1": "numpy.Expm1",
            "math.log": "numpy.Log",
            "math.log1p": "numpy.Log1p",
            "math.sin": "numpy.Sin",
            "math.cos": "numpy.Cos",
            "math.tanh": "numpy.Tanh",
            "math.sign": "numpy.Sign",
            "math.floor": "numpy.Floor",
            "math.ceil": "numpy.Ceil",
            "math.round": "numpy.Round",
            "math.reciprocal": "numpy.Reciprocal",
            "math.erf": "math.Erf",
            "math.sigmoid": "nn.Sigmoid",
            "math.log_sigmoid": "nn.LogSigmoid",
            "nn.relu": "nn.Relu",
            "nn.relu6": "nn.Relu6",
            "nn.elu": "nn.Elu",
            "nn.selu": "nn.Selu",
            "nn.silu": "nn.Silu",
            "nn.swish": "nn.Silu",
            "math.softplus": "nn.Softplus",
            "nn.softplus": "nn.Softplus",
            "nn.softsign": "nn.Softsign",
            "stop_gradient": "core.StopGradient",
        }.items()
    },
    **{
        f"math.reduce_{name}": _over(f"numpy.{kind}")
        for name, kind in {
            "mean": "Mean",
            "sum": "Sum",
            "max": "Max",
            "min": "Min",
            "prod": "Prod",
            "std": "Std",
            "variance": "Var",
        }.items()
    },
    "math.reduce_logsumexp": _over("math.Logsumexp"),
    "math.add_n": lambda given: _add_n(given),
    "math.argmax": lambda given: Operation("numpy.Argmax", [given[""]], {"axis": given.get("axis", 0)}),
    "where": lambda given: Operation("numpy.Where", [given[""], constant(given["x"]), constant(given["y"])]),
    "nn.bias_add": _pair("numpy.Add", "bias"),
    "nn.leaky_relu": _with("nn.LeakyRelu", {"negative_slope": ("alpha", 0.2)}),
    "nn.gelu": _with("nn.Gelu", {"approximate": ("approximate", False)}),
    "nn.softmax": _with("nn.Softmax", {"axis": ("axis", -1)}),
    "nn.log_softmax": _with("nn.LogSoftmax", {"axis": ("axis", -1)}),
    "math.l2_normalize": _norm,
    "nn.l2_normalize": _norm,
    "nn.max_pool": _pool("nn.MaxPool"),
    "nn.max_pool2d": _pool("nn.MaxPool"),
    "nn.avg_pool": _pool("nn.AveragePool"),
    "nn.avg_pool2d": _pool("nn.AveragePool"),
    "clip_by_value": _clip,
    "cast": _with("core.Cast", {"dtype": ("dtype", "float32")}),
    "reshape": _with("numpy.Reshape", {"newshape": ("shape", None)}),
    "squeeze": _with("numpy.Squeeze", {"axis": ("axis", None)}),
    "expand_dims": _with("numpy.ExpandDims", {"axis": ("axis", 0)}),
    "transpose": _with("numpy.Transpose", {"axes": ("perm", None)}),
    "concat": _with("numpy.Concatenate", {"axis": ("axis", 0)}),
    "stack": _with("numpy.Stack", {"axis": ("axis", 0)}),
    "tile": _with("numpy.Tile", {"repeats": ("multiples", None)}),
    "repeat": _with("numpy.Repeat", {"repeats": ("repeats", None), "axis": ("axis", None)}),
    "reverse": _with("numpy.Flip", {"axis": ("axis", None)}),
    "split": _split,
    "pad": _pad,
    "nn.depth_to_space": _with("nn.DepthToSpace", {"block_size": ("block_size", None)}),
    "nn.space_to_depth": _with("nn.SpaceToDepth", {"block_size": ("block_size", None)}),
    "linalg.matmul": _pair("numpy.Matmul", "b"),
    "image.resize": _resize,
    "image.flip_left_right": _first_of_two("numpy.Flip", axis=-2),
    "image.flip_up_down": _first_of_two("numpy.Flip", axis=-3),
    "image.rgb_to_grayscale": _first_of_two("image.RGBToGrayscale", data_format="channels_last"),
    "image.grayscale_to_rgb": _first_of_two("numpy.Repeat", repeats=3, axis=-1),
    "__operators__.getitem": _slice,
}


def _add_n(given: Arguments) -> Operation:
    terms = given[""]
    if not isinstance(terms, list) or len(terms) != 2:
        raise NoSuchOperation(f"tf.math.add_n of {len(terms) if isinstance(terms, list) else 1} tensors")
    return Operation("numpy.Add", terms)


_RAW = {
    "Add": "math.add",
    "AddV2": "math.add",
    "BiasAdd": "math.add",
    "Sub": "math.subtract",
    "Mul": "math.multiply",
    "RealDiv": "math.truediv",
    "Maximum": "math.maximum",
    "Minimum": "math.minimum",
    "Pow": "math.pow",
    **{name: f"math.{name.lower()}" for name in ("Abs", "Square", "Sqrt", "Rsqrt", "Exp", "Log", "Tanh", "Sigmoid")},
    "Neg": "math.negative",
    "Relu": "nn.relu",
    "Relu6": "nn.relu6",
    "Elu": "nn.elu",
    "Softplus": "math.softplus",
    "Softmax": "nn.softmax",
}


def raw_operation(kind: str, inputs: Sequence[Any]) -> Operation:
    """The same for a `TensorFlowOpLayer`, as TensorFlow 2.0 to 2.3 wrote it: `kind` names an operation of its graph.

    Raises:
        NoSuchOperation: none is known.
    """
    if kind not in _RAW or not 1 <= len(inputs) <= 2:
        raise NoSuchOperation(f"{kind} of TensorFlow's graph")
    return operation(_RAW[kind], dict(zip(("", "y"), inputs, strict=False)))
