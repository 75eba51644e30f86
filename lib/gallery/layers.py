"""The layers of a network as its file describes them, with the shapes of what they give; nothing is computed.

Keras writes down the shape that a layer was built for, and in a functional model that of every tensor. What neither
says follows from the layer's own numbers, for the layers of which that is known.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lib.words import parameter

Shape = tuple[int | None, ...]

_SAME = {"Activation", "BatchNormalization", "Dropout", "LayerNormalization", "LeakyReLU", "ReLU", "Rescaling"}
_WINDOWED = {"Conv2D", "SeparableConv2D", "DepthwiseConv2D", "MaxPooling2D", "AveragePooling2D"}
_SAME |= {"Add", "ELU", "Multiply", "PReLU", "Softmax", "SpatialDropout2D", "GaussianNoise", "Average", "Maximum"}


@dataclass(frozen=True)
class LayerBox:
    """One layer. `kind` is Keras's name for it; `shape` is of its output without the batch, None where unknown.

    `units`: how many maps or nodes it has, None for layers without units of their own. `about`: what else tells layers
    of a kind apart, as "3×3, relu".
    """

    name: str
    kind: str
    shape: Shape | None
    units: int | None
    about: str


def layers_of(config: Any) -> list[LayerBox]:
    """The layers that a model's configuration describes, in its order, those of nested models by their paths.

    Whatever the configuration is: what cannot be read is left out.
    """
    return list(_layers(config, ""))


def _layers(config: Any, prefix: str) -> Iterator[LayerBox]:
    described = [layer for layer in _list_configs(config) if isinstance(layer.get("config"), dict)]
    given = _read_shapes(described)
    before: Shape | None = None
    for at, layer in enumerate(described):
        kind, about = str(layer.get("class_name")), layer["config"]
        name = str(about.get("name", kind))
        if "layers" in about:
            inner = list(_layers(layer, f"{prefix}{name}/"))
            yield from inner
            before = given.get(name) or (inner[-1].shape if inner else None)
            continue
        built = _read_input_shape(layer)
        shape = given.get(name) or _infer_shape(kind, about, built or before)
        if shape is None and at + 1 < len(described):
            shape = _read_input_shape(described[at + 1])
        before = shape
        yield LayerBox(prefix + name, kind, shape, _units(kind, about, shape), _about(kind, about))


def _list_configs(config: Any) -> list[Mapping[str, Any]]:
    inner = config.get("config") if isinstance(config, dict) else None
    layers = inner.get("layers") if isinstance(inner, dict) else inner
    return [layer for layer in layers if isinstance(layer, dict)] if isinstance(layers, list) else []


def _read_shapes(layers: list[Mapping[str, Any]]) -> dict[str, Shape]:
    """Shapes of tensors that a functional model's layers read, by the name of the layer that gives them."""
    found: dict[str, Shape] = {}
    waiting: list[Any] = [layer.get("inbound_nodes") for layer in layers]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if part.get("class_name") == "__keras_tensor__" and isinstance(part.get("config"), dict):
                history, shape = part["config"].get("keras_history"), part["config"].get("shape")
                if isinstance(history, list) and isinstance(shape, list):
                    found[str(history[0])] = tuple(shape[1:])
            else:
                waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return found


def _read_input_shape(layer: Mapping[str, Any]) -> Shape | None:
    """The shape of the input that a layer was built for."""
    built = layer.get("build_config")
    shape = built.get("input_shape") if isinstance(built, dict) else None
    return tuple(shape[1:]) if isinstance(shape, list) and all(n is None or isinstance(n, int) for n in shape) else None


def _infer_shape(kind: str, about: Mapping[str, Any], before: Shape | None) -> Shape | None:
    """The shape of a layer's output, from its numbers and the shape of its input."""
    if kind == "InputLayer":
        batch = about.get("batch_shape") or about.get("batch_input_shape")
        return tuple(batch[1:]) if isinstance(batch, list) else None
    if before is None:
        return None
    if kind in _SAME:
        return before
    if kind == "Flatten":
        return (_product(before),)
    if kind == "Dense":
        return (*before[:-1], about.get("units"))
    if kind.startswith("Global"):
        return before[-1:]
    if len(before) == 3 and kind in _WINDOWED:
        return _slide_window(kind, about, before)
    return None


def _slide_window(kind: str, about: Mapping[str, Any], before: Shape) -> Shape:
    windows = _pair(about.get("kernel_size") or about.get("pool_size"))
    strides, dilations = _pair(about.get("strides")), _pair(about.get("dilation_rate"))
    maps = about.get("filters", before[2])
    if kind == "DepthwiseConv2D" and before[2] is not None:
        maps = before[2] * int(about.get("depth_multiplier", 1))
    sides: list[int | None] = []
    for side, window, stride, dilation in zip(before, windows, strides, dilations, strict=False):
        reach = (window - 1) * dilation + 1
        if side is None:
            sides.append(None)
        elif about.get("padding") == "same":
            sides.append(-(-side // stride))
        else:
            sides.append((side - reach) // stride + 1)
    return (*sides, maps)


def _pair(value: Any) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    return (value[0], value[1]) if isinstance(value, list | tuple) and len(value) == 2 else (1, 1)


def _product(shape: Shape) -> int | None:
    product = 1
    for length in shape:
        if length is None:
            return None
        product *= length
    return product


def _units(kind: str, about: Mapping[str, Any], shape: Shape | None) -> int | None:
    if kind == "Dense":
        return about.get("units")
    if "Conv" not in kind:
        return None
    return about.get("filters") or (shape[-1] if shape else None)


def _about(kind: str, about: Mapping[str, Any]) -> str:
    parts = []
    if window := about.get("kernel_size") or about.get("pool_size"):
        parts.append("×".join(map(str, window)) if isinstance(window, list | tuple) else str(window))
    if _pair(about.get("strides")) not in ((1, 1), _pair(about.get("pool_size"))):
        parts.append(f"stride {_pair(about.get('strides'))[0]}")
    activation = about.get("activation")
    if isinstance(activation, str) and activation != "linear":
        parts.append(activation)
    if kind == "Dropout":
        parts.append(parameter(about.get("rate")) if isinstance(about.get("rate"), int | float) else "")
    return ", ".join(filter(None, parts))
