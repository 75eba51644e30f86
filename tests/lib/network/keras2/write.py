"""Writes `files.zip`: small models as Keras 2 saved them, and what Keras 2 computes with them.

    python -m tests.lib.network.keras2.write

It wants tf-keras, which is Keras 2, in an environment of its own beside TensorFlow; the tests need neither. For each
file `NAME.h5` or `NAME.keras` the zip holds `NAME.npz`: the outputs `y0`, `y1`, ... of Keras 2 for what `inputs_of`
gives.
"""

import io
import os
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tests.lib.network.keras2.inputs import inputs_of

L = keras.layers
MODELS: dict[str, Callable[[], Any]] = {}
_NO_TIME = (1980, 1, 1, 0, 0, 0)


def model(*endings: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Notes the function as one that builds a model, to be saved with each of the endings."""

    def noted(build: Callable[[], Any]) -> Callable[[], Any]:
        for ending in endings:
            MODELS[f"{build.__name__}.{ending}"] = build
        return build

    return noted


def _head(x: Any, classes: int = 3) -> Any:
    return L.Dense(classes, activation="softmax", name="head")(L.GlobalAveragePooling2D(name="pool")(x))


def _mobile() -> Any:
    """The beginning of MobileNet, as keras.applications writes it."""
    image = keras.Input((24, 24, 3), name="input_1")
    x = L.ZeroPadding2D(((0, 1), (0, 1)), name="Conv1_pad")(image)
    x = L.Conv2D(4, 3, strides=2, padding="valid", use_bias=False, name="Conv1")(x)
    x = L.BatchNormalization(epsilon=1e-3, momentum=0.999, name="bn_Conv1")(x)
    x = L.ReLU(6.0, name="Conv1_relu")(x)
    y = L.DepthwiseConv2D(3, padding="same", use_bias=False, name="expanded_conv_depthwise")(x)
    y = L.BatchNormalization(name="expanded_conv_depthwise_BN")(y)
    y = L.ReLU(6.0, name="expanded_conv_depthwise_relu")(y)
    y = L.Conv2D(4, 1, use_bias=False, name="expanded_conv_project")(y)
    return keras.Model(image, L.Add(name="block_add")([x, y]), name="mobile")


@model("h5", "keras")
def mobile() -> Any:
    base = _mobile()
    return keras.Model(base.input, _head(base.output), name="mobile_classes")


@model("h5", "keras")
def teachable() -> Any:
    """Sequential of a Sequential of a functional base, as Teachable Machine exports it."""
    base = keras.Sequential([_mobile(), L.GlobalAveragePooling2D()], name="sequential_1")
    head = keras.Sequential(
        [L.Dense(8, activation="relu", input_shape=(4,)), L.Dense(2, activation="softmax", use_bias=False)],
        name="sequential_3",
    )
    whole = keras.Sequential([base, head], name="sequential_4")
    whole.build((None, 24, 24, 3))
    return whole


@model("h5", "keras")
def plain() -> Any:
    whole = keras.Sequential(
        [
            L.Conv2D(4, 3, activation="relu", input_shape=(14, 14, 1)),
            L.MaxPooling2D(),
            L.Dropout(0.3),
            L.Conv2D(6, 3),
            L.LeakyReLU(alpha=0.2),
            L.Flatten(),
            L.Dense(10, activation="softmax"),
        ]
    )
    whole.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return whole


@model("h5", "keras")
def nested() -> Any:
    """A backbone as a layer, frozen, behind augmentation and arithmetic, as in the tutorials on transfer learning."""
    base = _mobile()
    base.trainable = False
    image = keras.Input((24, 24, 3), name="image")
    augmented = keras.Sequential(
        [L.RandomFlip("horizontal"), L.RandomRotation(0.2), L.RandomZoom(0.1)], name="augmentation"
    )(image)
    x = tf.math.subtract(tf.math.truediv(augmented, 127.5), 1.0)
    return keras.Model(image, _head(L.Dropout(0.2)(base(x, training=False))), name="transfer")


@model("h5", "keras")
def deep() -> Any:
    """A backbone inside a backbone, and one inside a Sequential inside a functional model."""
    inner = _mobile()
    image = keras.Input((24, 24, 3), name="middle_in")
    middle = keras.Model(image, L.Conv2D(4, 3, padding="same", name="after")(inner(image)), name="middle")
    row = keras.Sequential([middle, L.Conv2D(4, 3, activation="relu", name="last")], name="row")
    image = keras.Input((24, 24, 3), name="image")
    return keras.Model(image, _head(row(image)), name="deep")


@model("h5", "keras")
def partly_frozen() -> Any:
    """A backbone whose first half is frozen: Keras 2 writes its weights in another order than its layers."""
    base = _mobile()
    for layer in base.layers[:4]:
        layer.trainable = False
    image = keras.Input((24, 24, 3), name="image")
    return keras.Model(image, _head(base(image)), name="partly_frozen")


@model("h5", "keras")
def shared() -> Any:
    """The same backbone called twice, on two crops of one image."""
    image = keras.Input((24, 24, 3), name="base_in")
    base = keras.Model(image, L.Conv2D(4, 3, activation="relu", name="bconv")(image), name="backbone")
    image = keras.Input((24, 48, 3), name="image")
    left, right = (L.Cropping2D(((0, 0), sides))(image) for sides in ((0, 24), (24, 0)))
    return keras.Model(image, _head(L.Concatenate()([base(left), base(right)])), name="shared")


@model("h5", "keras")
def siamese() -> Any:
    """Two images, one encoder, and the distance of what it makes of them; a layer called twice besides."""
    image = keras.Input((16, 16, 3), name="seen")
    x = L.Conv2D(4, 3, activation="relu", name="code")(image)
    same = L.Conv2D(4, 3, padding="same", name="same")
    encoder = keras.Model(image, L.GlobalAveragePooling2D()(same(same(x))), name="encoder")
    one, two = keras.Input((16, 16, 3), name="one"), keras.Input((16, 16, 3), name="two")
    far = tf.math.abs(encoder(one) - encoder(two))
    return keras.Model([one, two], L.Dense(1, activation="sigmoid", name="alike")(far), name="siamese")


@model("h5", "keras")
def scaled() -> Any:
    image = keras.Input((24, 24, 3), name="image")
    return keras.Model(image, _head(L.Conv2D(4, 3, activation="relu", name="conv")(image / 127.5 - 1.0)), name="scaled")


@model("h5")  # Keras 2 cannot write an Ellipsis as .keras
def caffe() -> Any:
    """`preprocess_input` within the model."""
    image = keras.Input((24, 24, 3), name="image")
    x = keras.applications.vgg16.preprocess_input(image)
    return keras.Model(image, _head(L.Conv2D(4, 3, activation="relu", name="conv")(x)), name="caffe")


@model("h5")  # Keras 2 cannot write an Ellipsis as .keras
def torch_like() -> Any:
    image = keras.Input((24, 24, 3), name="image")
    x = keras.applications.imagenet_utils.preprocess_input(image, mode="torch")
    x = (x[..., ::-1] - tf.constant([0.1, 0.2, 0.3])) / np.array([0.2, 0.3, 0.4], np.float32)
    return keras.Model(image, _head(L.Conv2D(4, 3, activation="relu", name="conv")(x)), name="torch_like")


@model("h5", "keras")
def arithmetic() -> Any:
    """Every operator, constants on either side, and tensors on both."""
    image = keras.Input((12, 12, 3), name="image")
    x = 1.0 - (image * 2 + 1) / 3.0
    y = 2.0 / (1.0 + x**2)
    z = tf.math.maximum(x, y) - tf.math.minimum(x, 0.25) + tf.abs(-x)
    z = tf.math.multiply(z, y) + tf.sqrt(tf.math.square(x) + 1e-3) + tf.exp(-y) + tf.math.log(y + 1.0)
    z = tf.add(z, x) + tf.subtract(y, 1.0) + tf.multiply(0.5, y) + tf.divide(x, 4.0) + tf.pow(y, 2.0)
    z = z + tf.math.add_n([x, y]) + tf.math.negative(y) + tf.math.rsqrt(y + 2.0)
    x = L.Conv2D(4, 3, name="conv")(z)
    return keras.Model(image, L.Dense(3, name="head")(tf.math.reduce_mean(x, axis=[1, 2])), name="arithmetic")


@model("h5", "keras")
def functions() -> Any:
    """tf.nn, tf.image, tf.concat and their like between layers."""
    image = keras.Input((12, 12, 3), name="image")
    x = tf.nn.relu6(L.Conv2D(4, 3, padding="same", name="conv")(image))
    y = tf.nn.swish(L.Conv2D(4, 3, padding="same", name="conv_2")(x))
    x = tf.concat([x, y, tf.nn.leaky_relu(y, alpha=0.1), tf.nn.tanh(y), tf.nn.elu(x), tf.nn.sigmoid(y)], axis=-1)
    x = tf.image.resize(x, (24, 24))
    x = tf.pad(x, [[0, 0], [1, 1], [2, 2], [0, 0]])
    x = tf.nn.max_pool2d(x, 2, 2, "VALID") + tf.nn.avg_pool2d(x, ksize=2, strides=2, padding="VALID")
    x = tf.clip_by_value(x, -1.0, 0.9)
    x = tf.reshape(x, (-1, 13, 14 * 24))
    x = tf.transpose(x, [0, 2, 1])
    x = tf.nn.relu(tf.reduce_max(x, axis=-1, keepdims=True))
    x = tf.squeeze(x, axis=-1)
    x = tf.stack([x, x * 2.0], axis=1)
    x = tf.expand_dims(x, 1)
    x = tf.reduce_sum(x, axis=[1, 2])
    logits = L.Dense(3, name="logits")(tf.cast(x, tf.float32))
    return keras.Model(image, [tf.nn.softmax(logits), tf.math.sigmoid(logits)], name="functions")


@model("h5")  # Keras 2 cannot write an Ellipsis as .keras
def slices() -> Any:
    image = keras.Input((12, 12, 4), name="image")
    colours, mask = image[..., :3], image[:, :, :, 3:]
    x = colours[:, 2:-2, ::2] * mask[:, 2:-2, ::2, 0:1] + image[:, 2:-2, ::2, tf.newaxis, 1]
    x = L.Conv2D(4, 3, activation="relu", name="conv")(x)
    return keras.Model(image, L.Dense(2, name="head")(x[:, 0, 0]), name="slices")


@model("h5", "keras")
def mixed() -> Any:
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        image = keras.Input((9, 9, 1), name="image")
        x = L.Conv2D(4, 3, activation="relu", name="conv")(image / 255.0)
        x = L.Activation("relu")(L.BatchNormalization()(x))
        return keras.Model(image, L.Dense(3, dtype="float32", activation="softmax")(L.Flatten()(x)), name="mixed")
    finally:
        keras.mixed_precision.set_global_policy("float32")


@model("h5", "keras")
def efficient() -> Any:
    """EfficientNet's own beginning: Rescaling, Normalization, swish, squeeze and excitation."""
    image = keras.Input((16, 16, 3), name="image")
    normal = L.Normalization(axis=-1, mean=[0.4, 0.5, 0.6], variance=[0.04, 0.05, 0.06], name="normalization")
    x = normal(L.Rescaling(1 / 255.0, name="rescaling")(image))
    x = L.Conv2D(4, 3, strides=2, padding="same", use_bias=False, name="stem_conv")(x)
    x = L.Activation("swish", name="stem_activation")(L.BatchNormalization(name="stem_bn")(x))
    se = L.Reshape((1, 1, 4), name="se_reshape")(L.GlobalAveragePooling2D(name="se_squeeze")(x))
    se = L.Conv2D(2, 1, activation="swish", name="se_reduce")(se)
    se = L.Conv2D(4, 1, activation="sigmoid", name="se_expand")(se)
    x = L.multiply([x, se], name="se_excite")
    return keras.Model(image, _head(L.SeparableConv2D(6, 3, activation="relu", name="separable")(x)), name="efficient")


@model("h5", "keras")
def adapted() -> Any:
    """A Normalization that was adapted to data, which keeps its statistics as weights; old names of preprocessing."""
    data = np.random.default_rng(0).normal(3.0, 2.0, (50, 16, 16, 3)).astype("float32")
    normal = L.experimental.preprocessing.Normalization(axis=-1)
    normal.adapt(data)
    return keras.Sequential(
        [
            L.InputLayer((16, 16, 3)),
            L.experimental.preprocessing.Resizing(12, 12),
            normal,
            L.experimental.preprocessing.RandomContrast(0.1),
            L.Conv2DTranspose(4, 3, activation="elu"),
            L.PReLU(shared_axes=[1, 2]),
            L.ThresholdedReLU(0.1),
            L.UpSampling2D(2, interpolation="bilinear"),
            L.AveragePooling2D(2),
            L.Conv2D(2, 3),
            L.GaussianNoise(0.1),
            L.SpatialDropout2D(0.2),
            L.ActivityRegularization(1e-3),
            L.GlobalMaxPool2D(),
            L.Dense(2, kernel_regularizer="l2"),
            L.Softmax(),
        ]
    )


@model("h5", "keras")
def sequence() -> Any:
    """Frames of a film by a backbone, and what comes of them by recurrent layers."""
    film = keras.Input((3, 16, 16, 3), name="film")
    image = keras.Input((16, 16, 3), name="frame")
    frame = keras.Model(image, L.GlobalMaxPooling2D()(L.Conv2D(4, 3, name="seen")(image)), name="frames")
    x = L.TimeDistributed(frame, name="each")(film)
    x = L.Bidirectional(L.LSTM(3, return_sequences=True, implementation=1), name="both")(x)
    x = L.GRU(3, reset_after=True, time_major=False, name="gru")(x)
    return keras.Model(film, L.Dense(2, activation="softmax", name="head")(x), name="sequence")


@model("h5", "keras")
def two_ways() -> Any:
    """Several inputs and outputs, branches of equal depth whose layers have weights of equal shapes."""
    image, other = keras.Input((12, 12, 3), name="image"), keras.Input((12, 12, 3), name="other")
    known = keras.Input((4,), name="known")
    x, y, z = (L.Conv2D(4, 3, name=name)(where) for name, where in (("c", image), ("a", other), ("b", image)))
    x, y, z = (L.Conv2D(4, 3, name=name)(where) for name, where in (("f", z), ("d", x), ("e", y)))
    x = L.Average()([L.Concatenate()([x, y]), L.Concatenate()([y, z])])
    x = L.concatenate([L.GlobalAveragePooling2D()(x), known])
    outputs = {"kind": L.Dense(3, name="kind")(x), "age": L.Dense(1, name="age")(x)}
    return keras.Model([image, other, known], list(outputs.values()), name="two_ways")


@model("h5", "keras")
def activations() -> Any:
    """Every activation that Keras 2 knows by name; hard_sigmoid is another function in Keras 3."""
    image = keras.Input((8, 8, 2), name="image")
    names = ["elu", "exponential", "gelu", "hard_sigmoid", "linear", "mish", "relu", "selu", "sigmoid", "softmax"]
    names += ["softplus", "softsign", "swish", "tanh"]
    parts = [L.Activation(name)(6.0 * image - 3.0) for name in names]
    x = L.Conv2D(3, 3, activation="hard_sigmoid", name="hard")(L.Concatenate()(parts))
    x = L.Conv2D(3, 3, activation=tf.nn.relu6, name="six")(x)
    row = keras.Sequential([L.Conv2D(2, 2, activation="hard_sigmoid", input_shape=(4, 4, 3)), L.Flatten()], name="row")
    return keras.Model(image, L.Dense(3, activation="hard_sigmoid", name="head")(row(x)), name="activations")


@model("h5", "keras")
def backend() -> Any:
    """Functions of Keras 2's backend, and those with settings."""
    of = keras.backend
    image = keras.Input((12, 12, 3), name="image")
    x = of.square(L.Conv2D(4, 3, padding="same", name="conv")(of.abs(image)))
    x = of.sqrt(of.relu(x, max_value=6) + 0.1) * of.sigmoid(x)
    x = of.clip(x, 0.0, 0.9) + of.maximum(x, 0.3)
    x = x * tf.math.sigmoid(tf.reduce_mean(x, [1, 2], keepdims=True)) + tf.nn.relu6(x + 3.0) * 0.16666667
    x = tf.image.flip_left_right(x) + tf.reverse(x, axis=[1])
    left, right = tf.split(x, 2, axis=3)
    x = tf.where(left > right, left, right * 2.0)
    x = tf.nn.l2_normalize(x, axis=-1)
    x = tf.tile(x, [1, 2, 1, 1])
    x = of.mean(of.concatenate([x, -x], axis=-1), axis=[1, 2])
    return keras.Model(image, L.Dense(3, name="head")(x), name="backend")


@model("h5", "keras")
def named() -> Any:
    """Names that Keras 3 or TensorFlow would not give a layer."""
    image = keras.Input((12, 12, 3), name="seen/from")
    x = L.Conv2D(4, 3, activation="relu", name="conv1/7x7_s2")(image)
    x = L.Conv2D(4, 3, activation="relu", name="conv1_7x7_s2")(x)
    base = keras.Model(image, x, name="stem/base")
    image = keras.Input((12, 12, 3), name="image")
    return keras.Model(image, _head(L.Conv2D(4, 3, name="block/2")(base(image))), name="named")


@model("h5", "keras")
def attention() -> Any:
    image = keras.Input((8, 8, 3), name="image")
    x = L.LayerNormalization(epsilon=1e-6, name="norm")(L.Conv2D(4, 2, strides=2, name="patches")(image))
    x = L.Reshape((16, 4))(x)
    x = L.Add()([x, L.MultiHeadAttention(2, 3, name="attend")(x, x)])
    x = L.Dense(4, activation="gelu", name="mlp")(L.LayerNormalization(axis=[-1], name="norm_2")(x))
    return keras.Model(image, L.Dense(2, name="head")(L.GlobalAveragePooling1D()(x)), name="attention")


@model("h5", "keras")
def up_again() -> Any:
    """An encoder and a decoder with skips; a dictionary of outputs."""
    image = keras.Input((16, 16, 1), name="image")
    a = L.Conv2D(3, 3, padding="same", activation="relu", name="a")(image)
    b = L.Conv2D(4, 3, strides=2, padding="same", dilation_rate=1, activation="relu", name="b")(a)
    x = L.Conv2DTranspose(3, 3, strides=2, padding="same", activation="relu", name="up")(b)
    x = L.Concatenate(axis=3)([x, a])
    x = L.Conv2DTranspose(2, 2, strides=2, output_padding=1, name="up_2")(x)
    x = L.Cropping2D(((1, 0), (0, 1)))(x)
    outputs = {"mask": L.Conv2D(1, 1, activation="sigmoid", name="mask")(x), "kind": _head(b)}
    return keras.Model({"image": image}, outputs, name="up_again")


@model("h5")
def graph_operations() -> Any:
    """Operators as TensorFlow 2.0 to 2.3 wrote them."""
    from tf_keras.src.engine.base_layer import TensorFlowOpLayer

    def raw(x: Any, name: str, op: str, inputs: list[str], constants: dict[int, Any]) -> Any:
        attr = {"T": {"type": "DT_FLOAT"}}
        about = {"name": name, "op": op, "input": inputs, "attr": attr}
        return TensorFlowOpLayer(node_def=about, name=name, constants=constants)(x)

    image = keras.Input((12, 12, 3), name="image")
    x = raw(image, "truediv", "RealDiv", ["image", "truediv/y"], {1: 127.5})
    x = raw(x, "sub", "Sub", ["sub/x", "truediv"], {0: 1.0})
    x = raw(L.Conv2D(4, 3, name="conv")(x), "Relu6", "Relu6", ["conv"], {})
    return keras.Model(image, _head(x), name="graph_operations")


def _randomised(built: Any) -> Any:
    """The model with weights that no initialiser gives, so that no two layers can be mixed up unnoticed."""
    rng = np.random.default_rng(7)
    for weight in built.weights:
        if weight.dtype.is_floating and "mean" not in weight.name and "variance" not in weight.name:
            scale = 1 / max(np.sqrt(np.prod(weight.shape[:-1])), 1)
            weight.assign(rng.normal(0.05, scale, weight.shape).astype(weight.dtype.as_numpy_dtype))
        elif weight.dtype.is_floating and "moving" in weight.name:
            weight.assign(rng.uniform(0.2, 1.5, weight.shape).astype(weight.dtype.as_numpy_dtype))
    return built


def files() -> Iterator[tuple[str, bytes]]:
    """Every file of the zip, by its name."""
    for name, build in MODELS.items():
        keras.backend.clear_session()
        keras.utils.set_random_seed(1)
        built = _randomised(build())
        inputs = inputs_of(name, [tuple(tensor.shape) for tensor in built.inputs])
        outputs = built(inputs if len(inputs) > 1 else inputs[0], training=False)
        arrays = {f"y{number}": np.asarray(array, "float32") for number, array in enumerate(tf.nest.flatten(outputs))}
        stream = io.BytesIO()
        np.savez(stream, **arrays)
        with tempfile.TemporaryDirectory() as folder:
            built.save(Path(folder, name))
            yield name, Path(folder, name).read_bytes()
        yield f"{name}.npz", stream.getvalue()


def main() -> None:
    """Writes the zip beside this file, or where the first argument says."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("files.zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in files():
            about = zipfile.ZipInfo(name, _NO_TIME)
            about.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(about, data, compresslevel=9)
    print(target, target.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
