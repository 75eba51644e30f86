"""Steps of a network that can be computed of one unit's map an image: what starts with it, and what may follow.

All tensors of single maps are [B, ..., 1], so that most layers can be called with them as they are.
"""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from lib.arrays import Tensor
from lib.network.graph import Graph, Slot, Step, run_step
from lib.network.kernels import side
from lib.network.nonlinearity import MIXING, OPERATIONS, OwnActivation, activation_name

Values = Mapping[Slot, Tensor]

_WORTH = 2
"""A plane of the size of a convolution's input costs about so many times what one of many of its maps costs."""


@dataclass(frozen=True)
class UnitStep:
    """One step, of single maps.

    Attributes:
        out: the slot that it fills.
        whole: the tensors that it wants with all their channels.
        weights: from units [B] to what `compute` is given of them, the batch first.
        compute: from single maps that are there, tensors that are there whole, and those weights to a single map.
    """

    out: Slot
    whole: tuple[Slot, ...]
    weights: Callable[[Tensor], tuple[Tensor, ...]]
    compute: Callable[[Values, Values, tuple[Tensor, ...]], Tensor]


def first_step(graph: Graph, step: Step) -> UnitStep | None:
    """The step of a layer that makes units, or None where it is best computed whole."""
    import keras

    op = step.op
    if not _takes_one(step) or not _plain(op) or getattr(op, "quantization_mode", None) is not None:
        return None
    if getattr(op, "activation", None) not in (None, keras.activations.linear):
        return None
    (entry,) = step.inputs
    if type(op) is keras.layers.Dense and len(graph.shapes[entry]) == 2:
        return _of_input(step, lambda units: _dense_weights(op, units), _dense)
    if type(op) is keras.layers.Conv2D and op.groups == 1 and op.padding in ("valid", "same"):
        high, wide = op.kernel_size
        down, right = op.strides
        if high * wide * down * right * _WORTH > op.filters:
            return None
        return _of_input(step, lambda units: _convolution_weights(op, units), lambda x, *own: _convolve(op, x, *own))
    grouped = type(op) is keras.layers.Conv2D and op.groups > 1 and op.kernel.shape[2] == 1
    if (grouped or type(op) is keras.layers.DepthwiseConv2D) and op.padding in ("valid", "same"):
        return _of_input(step, lambda units: _depthwise_weights(op, units), lambda x, *own: _depthwise(op, x, *own))
    return None


def later_step(graph: Graph, step: Step, there: Set[Slot]) -> UnitStep | None:
    """A step behind it, where some of its inputs are single maps; None where it wants their layer whole."""
    import keras

    if not _plain(step.op) or len(step.outputs) != 1:
        return None
    if _adds(graph, step):
        return _addition(step, there)
    if not _takes_one(step):
        return None
    out, (entry,), op = step.outputs[0], step.inputs, step.op
    if type(op) is keras.layers.BatchNormalization:
        if op.axis not in (-1, len(graph.shapes[entry]) - 1):
            return None
        return UnitStep(
            out, (), lambda units: _normalisation_weights(op, units), lambda own, _, w: _scaled(own[entry], *w)
        )
    if not _keeps_apart(op):
        return None

    def compute(own: Values, _whole: Values, _weights: tuple[Tensor, ...]) -> Tensor:
        values = {entry: own[entry]}
        run_step(step, values)
        return values[out]

    return UnitStep(out, (), lambda units: (), compute)


def pick(maps: Tensor, units: Tensor) -> Tensor:
    """Of each image the map of its unit; [B, ..., maps] and [B] to [B, ...]."""
    import tensorflow as tf

    @tf.custom_gradient
    def picked(maps: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        # TensorFlow's own gradient adds values up one by one
        def gradient(g: Tensor) -> Tensor:
            return g[..., None] * _per_image(tf.one_hot(units, maps.shape[-1], dtype=g.dtype), len(maps.shape))

        return tf.gather(maps, units, axis=-1, batch_dims=1), gradient

    return picked(maps)


def _of_input(step: Step, weights: Callable[[Tensor], tuple[Tensor, ...]], compute: Callable[..., Tensor]) -> UnitStep:
    (entry,) = step.inputs

    def of_whole(_own: Values, whole: Values, gathered: tuple[Tensor, ...]) -> Tensor:
        import tensorflow as tf

        return compute(tf.cast(whole[entry], tf.float32), *gathered)

    return UnitStep(step.outputs[0], (entry,), weights, of_whole)


def _takes_one(step: Step) -> bool:
    return len(step.inputs) == len(step.outputs) == 1 and step.args[:1] == step.inputs


def _plain(op: Any) -> bool:
    """Whether it computes in float32, with the channels last."""
    return (
        getattr(op, "compute_dtype", "float32") == "float32"
        and getattr(op, "data_format", "channels_last") == "channels_last"
    )


def _keeps_apart(op: Any) -> bool:
    """Whether a layer does the same to each channel by itself."""
    import keras
    from keras import layers

    alike = (
        *(layers.ReLU, layers.LeakyReLU, layers.ELU, layers.Dropout, layers.SpatialDropout2D, layers.GaussianDropout),
        *(layers.GaussianNoise, layers.AlphaDropout, layers.ActivityRegularization, layers.Identity),
        *(layers.ZeroPadding2D, layers.Cropping2D, layers.UpSampling2D, layers.MaxPooling2D, layers.AveragePooling2D),
    )
    if type(op) in alike:  # a subclass may compute anything
        return True
    name = activation_name(op)
    if type(op) in (layers.Activation, OwnActivation):
        return name not in MIXING and op.activation is getattr(keras.activations, str(name), None)
    return type(op).__module__.startswith("keras.src.ops.") and name in OPERATIONS


def _adds(graph: Graph, step: Step) -> bool:
    import keras

    op = step.op
    if type(op) is not keras.layers.Add and not (
        type(op).__name__ == "Add" and type(op).__module__.startswith("keras.src.ops.")
    ):
        return False
    given = keras.tree.flatten((step.args, dict(step.kwargs)))
    shape = graph.shapes[step.outputs[0]]
    return all(isinstance(one, Slot) and graph.shapes[one] == shape for one in given)


def _addition(step: Step, there: Set[Slot]) -> UnitStep:
    """Of the other inputs, the same units' maps are picked."""
    others = tuple(slot for slot in dict.fromkeys(step.inputs) if slot not in there)

    def compute(own: Values, whole: Values, weights: tuple[Tensor, ...]) -> Tensor:
        import keras
        import tensorflow as tf

        (units,) = weights
        values = {slot: own[slot] for slot in step.inputs if slot in there}
        values |= {slot: pick(tf.cast(whole[slot], tf.float32), units)[..., None] for slot in others}
        given = [one for one in keras.tree.flatten((step.args, dict(step.kwargs))) if isinstance(one, Slot)]
        return tf.add_n([values[one] for one in given])

    return UnitStep(step.outputs[0], others, lambda units: (units,), compute)


def _normalisation_weights(op: Any, units: Tensor) -> tuple[Tensor, Tensor]:
    """By what each unit is multiplied, and what is added, [B] each."""
    import tensorflow as tf

    scale = tf.math.rsqrt(tf.convert_to_tensor(op.moving_variance) + op.epsilon)
    if op.gamma is not None:
        scale = scale * tf.convert_to_tensor(op.gamma)
    offset = -tf.convert_to_tensor(op.moving_mean) * scale
    if op.beta is not None:
        offset = offset + tf.convert_to_tensor(op.beta)
    return tf.gather(scale, units), tf.gather(offset, units)


def _scaled(x: Tensor, scale: Tensor, offset: Tensor) -> Tensor:
    rank = len(x.shape)
    return x * _per_image(scale, rank) + _per_image(offset, rank)


def _per_image(values: Tensor, rank: int) -> Tensor:
    """[B] or [B, n] with as many axes between as tensors of that rank have."""
    import tensorflow as tf

    behind = list(values.shape[1:]) or [1]
    return tf.reshape(values, [-1, *[1] * (rank - 2), *behind])


def _biases(op: Any, units: Tensor) -> Tensor:
    import tensorflow as tf

    if not op.use_bias:
        return tf.zeros_like(units, tf.float32)
    return tf.gather(tf.convert_to_tensor(op.bias), units)


def _dense_weights(op: Any, units: Tensor) -> tuple[Tensor, Tensor]:
    import tensorflow as tf

    return tf.transpose(tf.gather(tf.convert_to_tensor(op.kernel), units, axis=1)), _biases(op, units)


def _dense(x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    import tensorflow as tf

    return (tf.reduce_sum(x * kernel, 1) + bias)[:, None]


def _convolution_weights(op: Any, units: Tensor) -> tuple[Tensor, Tensor]:
    """Kernels [B, places, channels] and biases."""
    import tensorflow as tf

    kernel = tf.convert_to_tensor(op.kernel)
    flat = tf.reshape(kernel, [-1, kernel.shape[2], kernel.shape[3]])
    return tf.gather(tf.transpose(flat, (2, 0, 1)), units), _biases(op, units)


def _convolve(op: Any, x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    import tensorflow as tf

    channels = x.shape[-1]
    if op.kernel_size == (1, 1):
        x = x[:, :: op.strides[0], :: op.strides[1]]
    rows, columns = side(x, 1), side(x, 2)
    planes = tf.matmul(kernel, tf.reshape(x, [-1, rows * columns, channels]), transpose_b=True)
    if op.kernel_size == (1, 1):
        return tf.reshape(planes, [-1, rows, columns, 1]) + _per_image(bias, 4)
    planes = tf.reshape(planes, [-1, kernel.shape[1], rows, columns])
    return add_up(op, planes)[..., None] + _per_image(bias, 4)


def _depthwise_weights(op: Any, units: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The channel that each unit sees [B], kernels [B, places] and biases."""
    import tensorflow as tf

    kernel = tf.convert_to_tensor(op.kernel)
    flat = tf.reshape(kernel, [kernel.shape[0] * kernel.shape[1], -1])
    own = units // (op.depth_multiplier if hasattr(op, "depth_multiplier") else op.filters // op.groups)
    return own, tf.gather(tf.transpose(flat), units), _biases(op, units)


def _depthwise(op: Any, x: Tensor, channels: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    planes = kernel[:, :, None, None] * pick(x, channels)[:, None]
    return add_up(op, planes)[..., None] + _per_image(bias, 4)


def add_up(op: Any, planes: Tensor) -> Tensor:
    """What a convolution puts out, [B, rows, columns], where there is for each place of its kernel a plane of the
    products, [B, places, height, width]."""
    import tensorflow as tf

    around = [_around(op, planes, axis) for axis in (0, 1)]
    if op.padding == "same":
        planes = tf.pad(planes, [[0, 0], [0, 0], *around])
    sides = side(planes, 2), side(planes, 3)
    reach = [(size - 1) * rate for size, rate in zip(op.kernel_size, op.dilation_rate, strict=True)]
    out = [(whole - over - 1) // step + 1 for whole, over, step in zip(sides, reach, op.strides, strict=True)]
    places = [(i * op.dilation_rate[0], j * op.dilation_rate[1]) for i, j in _grid(op.kernel_size)]
    spans = [(count - 1) * step + 1 for count, step in zip(out, op.strides, strict=True)]

    @tf.custom_gradient
    def added(planes: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        def gradient(g: Tensor) -> Tensor:
            g = _apart(g, op.strides, out, spans)
            beyond = [whole - span for whole, span in zip(sides, spans, strict=True)]
            return tf.stack(
                [tf.pad(g, [[0, 0], [i, beyond[0] - i], [j, beyond[1] - j]]) for i, j in places],
                axis=1,
            )

        parts = [
            planes[:, at, i : i + spans[0] : op.strides[0], j : j + spans[1] : op.strides[1]]
            for at, (i, j) in enumerate(places)
        ]
        return tf.add_n(parts), gradient

    return added(planes)


def _grid(size: tuple[int, int]) -> list[tuple[int, int]]:
    return [(i, j) for i in range(size[0]) for j in range(size[1])]


def _around(op: Any, planes: Tensor, axis: int) -> list[Any]:
    """How much TensorFlow's padding "same" adds before and behind."""
    import tensorflow as tf

    length, step = side(planes, 2 + axis), op.strides[axis]
    reach = (op.kernel_size[axis] - 1) * op.dilation_rate[axis] + 1
    missing = (-(-length // step) - 1) * step + reach - length
    missing = max(missing, 0) if isinstance(missing, int) else tf.maximum(missing, 0)
    return [missing // 2, missing - missing // 2]


def _apart(g: Tensor, strides: tuple[int, int], out: list[Any], spans: list[Any]) -> Tensor:
    """With zeros between the values, as many as a stride steps over."""
    import tensorflow as tf

    if tuple(strides) == (1, 1):
        return g
    down, right = strides
    g = tf.pad(g[:, :, None, :, None], [[0, 0], [0, 0], [0, down - 1], [0, 0], [0, right - 1]])
    return tf.reshape(g, [-1, out[0] * down, out[1] * right])[:, : spans[0], : spans[1]]
