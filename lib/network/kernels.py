"""Faster gradients for the layers in which an ascent spends its time; the values are those of the layers themselves
(but for `rounding_kernels`, which differ by rounding).

Measured on the reference network at batch 64: half of a step went into the gradient of max-pooling and into that of a
convolution which reads one channel. Both have cheap ways that TensorFlow's general operations do not take:

- pooling whose windows do not overlap sends the gradient back to the greatest value of each window, which a comparison
  with the pooled values, enlarged again, finds in two passes over memory;
- a convolution of few channels sends its gradient back by one matrix product, whose rows are then added at their
  places in the image;
- a convolution in groups is several of TensorFlow's own.

A bias and a rectifier between convolution and pooling are moved behind the pooling, where a quarter of the values is
left: both are monotone, so maximum and rectifier can change places without changing a bit.
"""

from collections.abc import Callable
from typing import Any

from lib.arrays import Tensor
from lib.network.plan import Kernel, Kernels

_FEW_CHANNELS = 4
_MANY_CHANNELS = 64  # of fewer, reading and rounding them takes as long as multiplying them


def fast_kernels(ops: tuple[Any, ...]) -> Kernel | None:
    """The kernel for the first one or two of these layers, or None where they are best left to Keras.

    See `lib.network.plan.Kernels`.
    """
    first = ops[0]
    if _plain_pooling(first):
        return Kernel(1, lambda x: pool_max(x, tuple(first.pool_size)))
    # strides that differ are left to Keras: TensorFlow's own product for 1x1 kernels writes beyond its memory there
    if _known_convolution(first) and first.groups > 1 and len(set(first.strides)) == 1:
        return Kernel(1, lambda x: first.activation(_add_bias(first, convolve_groups(first, x))))
    if not _plain_convolution(first):
        return None
    kernel = _of_convolution(ops, _convolve)
    return kernel if kernel.covers > 1 or _few_channels(first) else None


def rounding_kernels(*, bfloat16: bool) -> Kernels:
    """As `fast_kernels`, and faster still, by two ways that round otherwise than the layers do.

    A batch normalisation is folded into the convolution before it, also a depthwise one: its factors into the kernel,
    what it adds into the bias. With `bfloat16`, convolutions of many channels multiply numbers that are rounded to
    bfloat16 (8 bits, to 0.4 %) and add the products up in float32; all that lies between convolutions is float32. That
    takes half as long where the processor is fast at it (`lib.processor`), and longer where it is not.
    """
    return lambda ops: _rounding_kernel(ops, bfloat16)


def _rounding_kernel(ops: tuple[Any, ...], bfloat16: bool) -> Kernel | None:
    first = ops[0]
    known = _known_depthwise(first) or (_known_convolution(first) and first.groups == 1)
    if not known or len(set(first.strides)) > 1:
        return fast_kernels(ops)
    rounded = bfloat16 and not _known_depthwise(first) and min(first.kernel.shape[2:]) >= _MANY_CHANNELS
    if len(ops) > 1 and _folds(first, ops[1]):

        def compute(x: Tensor) -> Tensor:
            kernel, bias = _folded(first, ops[1])
            return _convolve_any(first, x, kernel, bfloat16=rounded) + bias

        return Kernel(2, compute)
    if not rounded:
        return fast_kernels(ops)
    return _of_convolution(
        ops if _plain_convolution(first) else ops[:1],
        lambda layer, x, kernel: _convolve_any(layer, x, kernel, bfloat16=True),
    )


def window_kernels(ops: tuple[Any, ...]) -> Kernel | None:
    """As `fast_kernels`, for windows of a picture: no layer pads, and what is pooled is just as large as it takes."""
    if _plain_pooling(ops[0]):
        return Kernel(1, lambda x: pool_max(x, tuple(ops[0].pool_size), fits=True))
    if len(ops) > 1 and _plain_convolution(ops[0]) and _plain_pooling(ops[1]) and ops[0].padding == "valid":
        first, window, activation = ops[0], tuple(ops[1].pool_size), _rectifier(ops[0])
        if activation is not None:

            def compute(x: Tensor) -> Tensor:
                import tensorflow as tf

                kernel = tf.convert_to_tensor(first.kernel)
                if _few_channels(first):
                    pooled = convolve_pool_few(x, kernel, window)
                else:
                    pooled = pool_max(_convolve(first, x, kernel), window, fits=True)
                return activation(_add_bias(first, pooled))

            return Kernel(2, compute)
    return fast_kernels(ops)


def pool_max(x: Tensor, window: tuple[int, int], *, fits: bool = False) -> Tensor:
    """Maximum over windows that touch and do not overlap; [B, H, W, C] to [B, H // h, W // w, C].

    `fits`: the windows are known to fill the image, also where its size is not. Where several values of a window are
    its maximum, each is given an equal share of the gradient.
    """
    import tensorflow as tf

    high, wide = window

    @tf.custom_gradient
    def pooled(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        top = tf.nn.max_pool2d(x, window, window, "VALID")

        def gradient(g: Tensor) -> Tensor:
            rows, columns = side(top, 1) * high, side(top, 2) * wide
            whole = fits or (rows, columns) == tuple(x.shape[1:3])
            inside = x if whole else x[:, :rows, :columns]
            hit = tf.cast(tf.equal(inside, _enlarge(top, window)), x.dtype)
            share = g / (tf.nn.avg_pool2d(hit, window, window, "VALID") * float(high * wide))
            back = hit * _enlarge(share, window)
            if whole:
                return back
            return tf.pad(back, [[0, 0], [0, side(x, 1) - rows], [0, side(x, 2) - columns], [0, 0]])

        return top, gradient

    return pooled(x)


def convolve_few(x: Tensor, kernel: Tensor) -> Tensor:
    """Convolution without padding, stride 1, of few channels; the gradient with respect to `x` alone is kept."""
    import tensorflow as tf

    high, wide, channels, maps = kernel.shape

    @tf.custom_gradient
    def convolved(x: Tensor, kernel: Tensor) -> tuple[Tensor, Callable[[Tensor], tuple[Tensor, None]]]:
        def gradient(g: Tensor) -> tuple[Tensor, None]:
            flat = tf.reshape(kernel, [high * wide * channels, maps])
            rows, columns = side(g, 1), side(g, 2)
            spread = tf.matmul(tf.reshape(g, [-1, maps]), flat, transpose_b=True)
            spread = tf.reshape(spread, [-1, rows, columns, high * wide, channels])
            parts = [
                tf.pad(spread[:, :, :, i * wide + j], [[0, 0], [i, high - 1 - i], [j, wide - 1 - j], [0, 0]])
                for i in range(high)
                for j in range(wide)
            ]
            return tf.add_n(parts), None

        return tf.nn.conv2d(x, kernel, 1, "VALID"), gradient

    return convolved(x, kernel)


def convolve_pool_few(x: Tensor, kernel: Tensor, window: tuple[int, int]) -> Tensor:
    """Convolution of few channels without padding, stride 1, and the maximum over windows that touch, in one.

    Each place in a window is a convolution of its own, whose stride is the window: so nothing of the image's size is
    taken apart or enlarged again, and who was the greatest is found by comparing pairs. Where several are, the first is
    given the gradient; that with respect to `x` alone is kept.
    """
    import tensorflow as tf

    high, wide, channels, maps = kernel.shape
    down, right = window
    # the image in blocks of the window's size: as many as a kernel reaches over, from anywhere in the first of them
    blocks = -(-(high + down - 1) // down), -(-(wide + right - 1) // right)

    def spread_kernel(i: int, j: int) -> Tensor:
        """[blocks * window * channels, maps]: a kernel that begins at (i, j)."""
        beyond = blocks[0] * down - high - i, blocks[1] * right - wide - j
        grid = tf.pad(kernel, [[i, beyond[0]], [j, beyond[1]], [0, 0], [0, 0]])
        grid = tf.reshape(grid, [blocks[0], down, blocks[1], right, channels, maps])
        return tf.reshape(tf.transpose(grid, (0, 2, 1, 3, 4, 5)), [-1, maps])

    @tf.custom_gradient
    def pooled(x: Tensor, kernel: Tensor) -> tuple[Tensor, Callable[[Tensor], tuple[Tensor, None]]]:
        rows, columns = (side(x, 1) - high + 1) // down, (side(x, 2) - wide + 1) // right
        places = [(i, j) for i in range(down) for j in range(right)]
        tall, broad = (rows - 1) * down + high, (columns - 1) * right + wide
        found = [tf.nn.conv2d(x[:, i : i + tall, j : j + broad], kernel, window, "VALID") for i, j in places]
        rounds = [found]
        while len(rounds[-1]) > 1:
            last = rounds[-1]
            pairs = [tf.maximum(*last[at : at + 2]) for at in range(0, len(last) - 1, 2)]
            rounds.append(pairs + last[2 * len(pairs) :])

        def gradient(g: Tensor) -> tuple[Tensor, None]:
            shares = [g]
            for last in reversed(rounds[:-1]):
                below = []
                for at in range(0, len(last) - 1, 2):
                    share = shares[at // 2]
                    second = tf.raw_ops.ReluGrad(gradients=share, features=last[at + 1] - last[at])
                    below += [share - second, second]
                shares = below + shares[len(below) // 2 :]
            spread = tf.add_n(
                [
                    tf.matmul(tf.reshape(share, [-1, maps]), spread_kernel(*place), transpose_b=True)
                    for share, place in zip(shares, places, strict=True)
                ]
            )
            block = down * right * channels
            spread = tf.reshape(spread, [-1, rows, columns, blocks[0] * blocks[1] * block])
            parts = [
                tf.pad(
                    spread[..., (i * blocks[1] + j) * block : (i * blocks[1] + j + 1) * block],
                    [[0, 0], [i, blocks[0] - 1 - i], [j, blocks[1] - 1 - j], [0, 0]],
                )
                for i in range(blocks[0])
                for j in range(blocks[1])
            ]
            across, along = columns + blocks[1] - 1, rows + blocks[0] - 1
            back = tf.reshape(tf.add_n(parts), [-1, along, across, down, right * channels])
            back = tf.reshape(tf.transpose(back, (0, 1, 3, 2, 4)), [-1, along * down, across * right, channels])
            back = back[:, : side(x, 1), : side(x, 2)]
            missing = [[0, side(x, axis) - side(back, axis)] for axis in (1, 2)]
            return tf.pad(back, [[0, 0], *missing, [0, 0]]), None

        return rounds[-1][0], gradient

    return pooled(x, kernel)


def side(x: Tensor, axis: int) -> Any:
    """How long a tensor is along an axis: a number where that is known while tracing."""
    import tensorflow as tf

    known = x.shape[axis]
    return tf.shape(x)[axis] if known is None else known


def _enlarge(x: Tensor, window: tuple[int, int]) -> Tensor:
    """Each value repeated over its window; two copies of memory, where tf.repeat gathers."""
    import tensorflow as tf

    high, wide = window
    rows, columns, channels = side(x, 1), side(x, 2), x.shape[3]
    line = tf.reshape(tf.concat([x] * wide, -1), [-1, rows, columns * wide * channels])
    return tf.reshape(tf.concat([line] * high, -1), [-1, rows * high, columns * wide, channels])


def _convolve(layer: Any, x: Tensor, kernel: Tensor) -> Tensor:
    import tensorflow as tf

    if _few_channels(layer):
        if layer.padding == "same":
            around = [(size - 1) // 2 for size in kernel.shape[:2]]
            beyond = [size - 1 - before for size, before in zip(kernel.shape[:2], around, strict=True)]
            x = tf.pad(x, [[0, 0], [around[0], beyond[0]], [around[1], beyond[1]], [0, 0]])
        return convolve_few(x, kernel)
    return tf.nn.conv2d(x, kernel, 1, layer.padding.upper())


def _convolve_any(layer: Any, x: Tensor, kernel: Tensor, *, bfloat16: bool) -> Tensor:
    import tensorflow as tf

    padding, strides = layer.padding.upper(), tuple(layer.strides)
    x = tf.cast(x, tf.float32)  # behind a layer of half precision Keras would do it
    if _known_depthwise(layer):
        return tf.nn.depthwise_conv2d(x, kernel, [1, *strides, 1], padding)
    if bfloat16:
        found = tf.nn.conv2d(tf.cast(x, tf.bfloat16), tf.cast(kernel, tf.bfloat16), strides, padding)
        return tf.cast(found, tf.float32)
    return _convolve(layer, x, kernel) if _plain_convolution(layer) else tf.nn.conv2d(x, kernel, strides, padding)


def _folds(layer: Any, behind: Any) -> bool:
    """Whether what is behind a convolution is a normalisation of its maps alone."""
    import keras

    return (
        type(behind) is keras.layers.BatchNormalization
        and behind.axis in (-1, 3)
        and behind.compute_dtype == "float32"
        and layer.activation is keras.activations.linear
    )


def _folded(layer: Any, normalisation: Any) -> tuple[Tensor, Tensor]:
    """The kernel and the bias of a convolution that is normalised already."""
    import tensorflow as tf

    kernel = tf.convert_to_tensor(layer.kernel)
    scale = tf.math.rsqrt(tf.convert_to_tensor(normalisation.moving_variance) + normalisation.epsilon)
    if normalisation.gamma is not None:
        scale = scale * tf.convert_to_tensor(normalisation.gamma)
    bias = -tf.convert_to_tensor(normalisation.moving_mean)
    if layer.use_bias:
        bias = bias + tf.convert_to_tensor(layer.bias)
    bias = bias * scale
    if normalisation.beta is not None:
        bias = bias + tf.convert_to_tensor(normalisation.beta)
    return kernel * (tf.reshape(scale, kernel.shape[2:]) if _known_depthwise(layer) else scale), bias


def _of_convolution(ops: tuple[Any, ...], convolve: Callable[[Any, Tensor, Tensor], Tensor]) -> Kernel:
    """A convolution computed by `convolve`, together with a pooling behind it that may change places with its bias."""
    first, activation = ops[0], _rectifier(ops[0])

    def convolved(x: Tensor) -> Tensor:
        import tensorflow as tf

        return convolve(first, x, tf.convert_to_tensor(first.kernel))

    if activation is not None and len(ops) > 1 and _plain_pooling(ops[1]):
        window = tuple(ops[1].pool_size)
        return Kernel(2, lambda x: activation(_add_bias(first, pool_max(convolved(x), window))))
    return Kernel(1, lambda x: first.activation(_add_bias(first, convolved(x))))


def _add_bias(layer: Any, x: Tensor) -> Tensor:
    import tensorflow as tf

    return x + tf.convert_to_tensor(layer.bias) if layer.use_bias else x


def convolve_groups(layer: Any, x: Tensor) -> Tensor:
    """What a convolution in groups computes before its bias: of each group by itself, or all at once where each is one
    channel (depthwise).

    Keras compiles convolutions in groups with XLA, whose code for processors takes tens to hundreds of times as long.
    """
    import tensorflow as tf

    kernel, groups = tf.convert_to_tensor(layer.kernel), layer.groups
    high, wide, channels, maps = kernel.shape
    padding, strides = layer.padding.upper(), tuple(layer.strides)
    if channels == 1:
        kernel = tf.reshape(kernel, [high, wide, groups, maps // groups])
        return tf.nn.depthwise_conv2d(x, kernel, [1, *strides, 1], padding)
    parts = zip(tf.split(x, groups, -1), tf.split(kernel, groups, -1), strict=True)
    return tf.concat([tf.nn.conv2d(part, own, strides, padding) for part, own in parts], -1)


def _plain_convolution(layer: Any) -> bool:
    return _known_convolution(layer) and layer.groups == 1 and tuple(layer.strides) == (1, 1)


def _known_convolution(layer: Any) -> bool:
    import keras

    return _is_known(layer, keras.layers.Conv2D)


def _known_depthwise(layer: Any) -> bool:
    import keras

    return _is_known(layer, keras.layers.DepthwiseConv2D)


def _is_known(layer: Any, kind: Any) -> bool:
    return (
        type(layer) is kind  # a subclass may compute anything
        and tuple(layer.dilation_rate) == (1, 1)
        and layer.data_format == "channels_last"
        and layer.padding in ("valid", "same")
        and layer.compute_dtype == "float32"
    )


def _plain_pooling(layer: Any) -> bool:
    """Windows that touch and do not overlap."""
    import keras

    return (
        type(layer) is keras.layers.MaxPooling2D
        and tuple(layer.strides) == tuple(layer.pool_size)
        and layer.padding == "valid"
        and layer.data_format == "channels_last"
        and layer.compute_dtype == "float32"
    )


def _few_channels(layer: Any) -> bool:
    return bool(layer.kernel.shape[2] <= _FEW_CHANNELS)


def _rectifier(layer: Any) -> Callable[[Tensor], Tensor] | None:
    """The activation where it is monotone and known to be, so that it may change places with a maximum."""
    import keras

    known = (keras.activations.relu, keras.activations.relu6, keras.activations.linear)
    return layer.activation if layer.activation in known else None
