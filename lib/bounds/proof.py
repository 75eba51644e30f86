"""Proofs that a unit is dead: interval bounds through the network, from the range of pictures' pixels.

Per-channel intervals are carried through the layers that are understood (Moore's interval arithmetic, as "interval
bound propagation", Gowal et al. 2018, arXiv:1810.12715, without its training). They are sound and loose. Whatever is
not understood may be anything: then nothing is proved, and nothing fails.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lib.arrays import Doubles
from lib.bounds.activations import apply_activation
from lib.bounds.intervals import Interval, depthwise, linear, parts
from lib.network.graph import Graph, Slot, Step, graph_of, is_adapter
from lib.network.pixels import Pixels
from lib.network.targets import find


def prove_dead(model: Any, layer: str, low: Any, high: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which units of a layer are 0 at every position for every image with pixels in [low, high], as bool [units].

    A unit that is not found dead may still be: the bounds are loose. A signed unit is never dead.

    Args:
        model: Keras model.
        layer: name of a layer with units (`lib.network.units.Layer.name`).
        low: least value of a pixel, or one a channel.
        high: greatest value of a pixel, or one a channel.

    Raises:
        BadInput: no such layer, or a model that cannot be read (`lib.network.graph.graph_of`).
    """
    graph = graph_of(model)
    place = find(graph, layer)
    if place.signed:
        return np.zeros(place.units, bool)
    channels = graph.shapes[graph.input][-1] or 1
    pixels = Interval(*(np.broadcast_to(np.asarray(end, np.float64), (channels,)) for end in (low, high)))
    found = bounds_of(graph, place.after, pixels)
    units = slice(place.offset, place.offset + place.units)
    dead = np.asarray((found.low[units] >= 0) & (found.high[units] <= 0))
    dead[list(place.linear)] = False
    return dead


def bounds_of(graph: Graph, slot: Slot, pixels: Interval) -> Interval:
    """Bounds of a tensor of the graph for all images whose pixels lie in `pixels`."""
    values = {graph.input: pixels}
    for step in graph.needed_for([slot]):
        found = _bound(graph, step, values)
        for out in step.outputs:
            channels = graph.shapes[out][-1] or 1
            if found is None or len(step.outputs) > 1 or found.low.size not in (1, channels):
                values[out] = Interval.unknown(channels)
            else:
                values[out] = Interval(*(np.broadcast_to(end, (channels,)) for end in (found.low, found.high)))
    return values[slot]


def _bound(graph: Graph, step: Step, values: Mapping[Slot, Interval]) -> Interval | None:
    import keras

    op = step.op
    if is_adapter(op):
        return _to_network(op.pixels, values[step.inputs[0]])
    # a subclass may compute anything; half precision and quantised weights round by more than the margins
    if not type(op).__module__.startswith("keras.") or getattr(op, "quantization_mode", None):
        return None
    if getattr(op, "compute_dtype", "float32") not in ("float32", "float64"):
        return None
    name = type(op).__name__
    rule = _RULES.get(name) if isinstance(op, keras.Layer) or name in _OPERATIONS else None
    if rule is None:
        return apply_activation(op, values[step.inputs[0]]) if len(step.inputs) == 1 and len(step.args) == 1 else None
    operands: list[Interval] = []
    for leaf in keras.tree.flatten(step.args):
        if isinstance(leaf, Slot):
            operands.append(values[leaf])
        elif isinstance(leaf, int | float):
            operands.append(Interval.constant(leaf))
        else:
            return None
    if any(slot in step.inputs for slot in keras.tree.flatten(dict(step.kwargs))):
        return None
    shapes = (graph.shapes[step.inputs[0]][1:], graph.shapes[step.outputs[0]][1:])
    return rule(op, operands, shapes)


Shapes = tuple[tuple[int | None, ...], tuple[int | None, ...]]  # of the first input and of the output, without batch
Rule = Callable[[Any, list[Interval], Shapes], Interval | None]


def _to_network(pixels: Pixels, pictures: Interval) -> Interval:
    """What the network takes for pictures within these bounds: `Pixels.to_network`, each channel by itself."""
    turned = Interval(pictures.low[::-1], pictures.high[::-1]) if pixels.bgr else pictures
    scale, offset = (Interval.constant(np.asarray(numbers, np.float64)) for numbers in (pixels.scale, pixels.offset))
    return turned.times(scale).plus(offset)


def _finish(op: Any, sums: Interval) -> Interval | None:
    """Bias and activation of a layer that has them."""
    if op.use_bias:
        sums = sums.plus(Interval.constant(_weights(op.bias)))
    return apply_activation(op, sums)


def _conv(op: Any, operands: list[Interval], shapes: Shapes) -> Interval | None:
    kernel = _weights(op.kernel)
    height, width, entering, leaving = kernel.shape
    values = operands[0].with_zero() if op.padding == "same" else operands[0]
    found = []
    for group in range(op.groups):
        ins, outs = (slice(group * n, (group + 1) * n) for n in (entering, leaving // op.groups))
        weights = parts(kernel[..., outs], (0, 1))
        found.append(linear(Interval(values.low[ins], values.high[ins]), weights, height * width * entering))
    return _finish(op, _join(found))


def _convolve_transposed(op: Any, operands: list[Interval], shapes: Shapes) -> Interval | None:
    # a position sees only the taps that its phase and the border leave it: any of them may be 0
    kernel = _weights(op.kernel).transpose(0, 1, 3, 2)
    return _finish(op, linear(operands[0].with_zero(), parts(kernel, (0, 1)), kernel[..., 0].size))


def _depthwise(op: Any, operands: list[Interval], shapes: Shapes) -> Interval | None:
    values = operands[0].with_zero() if op.padding == "same" else operands[0]
    kernel = _weights(op.kernel)
    return _finish(op, depthwise(values, parts(kernel, (0, 1)), kernel.shape[0] * kernel.shape[1]))


def _convolve_separably(op: Any, operands: list[Interval], shapes: Shapes) -> Interval | None:
    values = operands[0].with_zero() if op.padding == "same" else operands[0]
    kernel = _weights(op.depthwise_kernel)
    between = depthwise(values, parts(kernel, (0, 1)), kernel.shape[0] * kernel.shape[1])
    return _finish(op, linear(between, parts(_weights(op.pointwise_kernel)[0, 0]), len(between.low)))


def _dense(op: Any, operands: list[Interval], shapes: Shapes) -> Interval | None:
    kernel = np.asarray(op.kernel)
    blocks = range(0, kernel.shape[1], 512)  # a kernel may have 100 million weights: never twice in float64
    sums = [linear(operands[0], parts(_weights(kernel[:, at : at + 512])), len(kernel)) for at in blocks]
    return _finish(op, _join(sums))


def _normalise_batch(op: Any, operands: list[Interval], shapes: Shapes) -> Interval | None:
    if op.axis not in (-1, len(shapes[0])):
        return None
    factor = 1 / np.sqrt(_weights(op.moving_variance) + op.epsilon)
    if op.scale:
        factor = factor * _weights(op.gamma)
    found = operands[0].times(Interval.constant(factor)).plus(Interval.constant(-_weights(op.moving_mean) * factor))
    return found.plus(Interval.constant(_weights(op.beta))) if op.center else found


def _rescale(op: Any, operands: list[Interval], shapes: Shapes) -> Interval | None:
    return operands[0].times(Interval.constant(op.scale)).plus(Interval.constant(op.offset))


def _standardise(op: Any, operands: list[Interval], shapes: Shapes) -> Interval | None:
    mean, deviation = (np.asarray(numbers, np.float64).ravel() for numbers in (op.mean, np.sqrt(op.variance)))
    if op.invert or {mean.size, deviation.size} - {1, len(operands[0].low)}:
        return None
    factor = 1 / np.maximum(deviation, 1e-7)
    return operands[0].times(Interval.constant(factor)).plus(Interval.constant(-mean * factor))


def _same(op: Any, operands: list[Interval], shapes: Shapes) -> Interval | None:
    return operands[0]


def _average(op: Any, operands: list[Interval], shapes: Shapes) -> Interval | None:
    return operands[0].widened(2**16)  # no map has more positions that are averaged


def _enlarge(op: Any, operands: list[Interval], shapes: Shapes) -> Interval | None:
    return operands[0].widened(4) if op.interpolation in ("nearest", "bilinear") else None


def _pad(op: Any, operands: list[Interval], shapes: Shapes) -> Interval | None:
    return operands[0].with_zero()


def _reshape(op: Any, operands: list[Interval], shapes: Shapes) -> Interval | None:
    before, behind = ([size for size in shape if size is not None] for shape in shapes)
    if len(before) != len(shapes[0]) or len(behind) != len(shapes[1]):
        return None
    return operands[0].hull(before, behind)


def _add(op: Any, operands: list[Interval], shapes: Shapes) -> Interval | None:
    total = operands[0]
    for other in operands[1:]:
        total = total.plus(other)
    return total


def _subtract(op: Any, operands: list[Interval], shapes: Shapes) -> Interval | None:
    return operands[0].plus(operands[1].negative())


def _multiply(op: Any, operands: list[Interval], shapes: Shapes) -> Interval | None:
    product = operands[0]
    for other in operands[1:]:
        product = product.times(other)
    return product


def _mean(op: Any, operands: list[Interval], shapes: Shapes) -> Interval | None:
    total = _add(op, operands, shapes)
    return total and total.times(Interval.constant(1 / len(operands)))


def _greatest(op: Any, operands: list[Interval], shapes: Shapes) -> Interval | None:
    lows, highs = (np.broadcast_arrays(*ends) for ends in zip(*((o.low, o.high) for o in operands), strict=True))
    return Interval(np.max(lows, 0), np.max(highs, 0))


def _concatenate(op: Any, operands: list[Interval], shapes: Shapes) -> Interval | None:
    return _join(operands) if op.axis in (-1, len(shapes[0])) else None


def _join(found: list[Interval]) -> Interval:
    return Interval(np.concatenate([one.low for one in found]), np.concatenate([one.high for one in found]))


def _weights(variable: Any) -> Doubles:
    return np.asarray(variable, np.float64)


# By class name: only Keras's own classes come here, and its bare operations have no public name.
_OPERATIONS = {"Add", "Subtract", "Multiply", "Maximum", "Concatenate", "Reshape"}
_RULES: dict[str, Rule] = {
    "Conv2D": _conv,
    "Conv2DTranspose": _convolve_transposed,
    "DepthwiseConv2D": _depthwise,
    "SeparableConv2D": _convolve_separably,
    "Dense": _dense,
    "BatchNormalization": _normalise_batch,
    "Rescaling": _rescale,
    "Normalization": _standardise,
    "ZeroPadding2D": _pad,
    "UpSampling2D": _enlarge,
    "Flatten": _reshape,
    "Reshape": _reshape,
    "Add": _add,
    "Subtract": _subtract,
    "Multiply": _multiply,
    "Average": _mean,
    "Maximum": _greatest,
    "Concatenate": _concatenate,
    **dict.fromkeys(("AveragePooling2D", "GlobalAveragePooling2D"), _average),
    **dict.fromkeys(("MaxPooling2D", "GlobalMaxPooling2D", "Cropping2D", "Identity"), _same),
    **dict.fromkeys(("Dropout", "SpatialDropout2D", "GaussianDropout", "GaussianNoise", "AlphaDropout"), _same),
    "ActivityRegularization": _same,
}
