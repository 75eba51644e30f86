"""Networks whose channels come first compute the same with their channels last."""

from collections.abc import Callable
from functools import partial
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings

from lib.errors import BadInput
from lib.network import model_file
from lib.network.channels_first import channels_last
from lib.network.graph import graph_of
from lib.network.units import layers_with_units

pytestmark = pytest.mark.heavy

keras = pytest.importorskip("keras")
L = keras.layers
FIRST = {"data_format": "channels_first"}


def conv(filters: int, **more: Any) -> Any:
    return L.Conv2D(filters, 3, padding="same", **FIRST, **more)


def plain() -> Any:
    """Flatten as people leave it, by the default order, so that the dense weights are in the order of the channels
    first."""
    return keras.Sequential(
        [
            keras.Input((3, 8, 10)),
            conv(4, activation="relu", name="one"),
            L.BatchNormalization(axis=1, name="norm"),
            L.MaxPooling2D(**FIRST),
            L.Dropout(0.2),
            L.Flatten(name="flat"),
            L.Dense(5, activation="softmax", name="head"),
        ],
        name="plain",
    )


def told() -> Any:
    """Flatten that is told the order, which it then undoes itself."""
    return keras.Sequential([keras.Input((2, 6, 8)), conv(3, name="one"), L.Flatten(**FIRST), L.Dense(4, name="head")])


def varied() -> Any:
    image = keras.Input((3, 12, 16), name="image")
    x = L.Rescaling(1 / 127.5, offset=-1.0)(image)
    x = L.Normalization(axis=1, mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0], name="normal")(x)
    x = L.ZeroPadding2D(((1, 2), (0, 3)), **FIRST)(x)
    x = L.Conv2D(4, 3, strides=2, dilation_rate=1, name="stem", **FIRST)(x)
    x = L.PReLU(shared_axes=[2, 3], name="prelu", alpha_initializer="random_normal")(x)
    y = L.DepthwiseConv2D(3, padding="same", name="depth", **FIRST)(x)
    y = L.PReLU(name="prelu_each", alpha_initializer="random_normal")(y)
    y = L.SeparableConv2D(4, 3, padding="same", name="separable", **FIRST)(y)
    y = L.LayerNormalization(axis=[1], name="layer_norm")(y)
    x = L.Add()([x, L.Softmax(axis=1)(y)])
    se = L.Reshape((4, 1, 1))(L.Dense(4, activation="sigmoid", name="squeeze")(L.GlobalAveragePooling2D(**FIRST)(x)))
    x = L.Multiply()([x, se])
    x = L.Concatenate(axis=1)([x, L.Activation("tanh")(y)])
    x = L.Cropping2D(((1, 0), (0, 1)), **FIRST)(x)
    x = L.UpSampling2D(2, interpolation="nearest", **FIRST)(x)
    x = L.Conv2DTranspose(3, 3, name="up", **FIRST)(L.AveragePooling2D(2, **FIRST)(x))
    x = L.Concatenate(axis=-1)([x, x])
    x = keras.ops.relu(x * 2.0 + 1.0)
    x = L.Permute((2, 1, 3))(x)
    return keras.Model(image, L.Dense(3, name="head")(L.Flatten()(x)), name="varied")


def nested() -> Any:
    image = keras.Input((3, 8, 8), name="inner_image")
    base = keras.Model(image, conv(4, activation="relu", name="seen")(image), name="base")
    row = keras.Sequential([keras.Input((4, 8, 8)), conv(2, name="last"), L.MaxPooling2D(**FIRST)], name="row")
    image = keras.Input((3, 8, 16), name="image")
    left, right = L.Cropping2D(((0, 0), (0, 8)), **FIRST)(image), L.Cropping2D(((0, 0), (8, 0)), **FIRST)(image)
    x = L.Concatenate(axis=1)([row(base(left)), row(base(right))])
    return keras.Model(image, L.Dense(3, name="head")(L.Flatten()(x)), name="nested")


def permuted_inside() -> Any:
    """Takes channels last, and turns them itself."""
    image = keras.Input((8, 10, 3), name="image")
    x = L.Permute((3, 1, 2), name="turn")(L.Rescaling(2.0)(image))
    x = conv(4, activation="relu", name="one")(x)
    x = L.Permute((2, 3, 1), name="back")(x)
    x = L.Conv2D(2, 3, name="two")(x)
    return keras.Model(image, L.Dense(3, name="head")(L.Flatten()(x)), name="permuted_inside")


def turned_at_once() -> Any:
    """Takes channels first, and has nothing but layers with channels last."""
    image = keras.Input((3, 8, 10), name="image")
    x = L.Conv2D(4, 3, activation="relu", name="one")(L.Permute((2, 3, 1))(image))
    return keras.Model(image, L.Dense(3, name="head")(L.GlobalMaxPooling2D()(x)), name="turned_at_once")


def mask() -> Any:
    """An image comes out, and a class."""
    image = keras.Input((1, 8, 8), name="image")
    x = conv(4, activation="relu", name="one")(image)
    outputs = {"mask": conv(2, name="mask")(x), "kind": L.Dense(2, name="kind")(L.GlobalMaxPooling2D(**FIRST)(x))}
    return keras.Model(image, outputs, name="mask")


def kept() -> Any:
    """Global pooling that keeps the axes, and a Reshape back to images."""
    image = keras.Input((3, 6, 8), name="image")
    x = L.GlobalAveragePooling2D(keepdims=True, **FIRST)(conv(4, name="one")(image))
    x = L.Reshape((2, 2, 6))(L.Dense(24, name="wide")(L.Flatten()(x)))
    return keras.Model(image, conv(2, name="two")(x), name="kept")


MODELS: dict[str, Callable[[], Any]] = {
    build.__name__: build for build in (plain, told, varied, nested, permuted_inside, turned_at_once, mask, kept)
}


def randomised(model: Any) -> Any:
    rng = np.random.default_rng(5)
    for layer in model._flatten_layers():
        if layer.weights and not hasattr(layer, "layers") and not isinstance(layer, L.Normalization):
            layer.set_weights(
                [
                    rng.uniform(0.1, 1.0, weight.shape) - 0.3 * ("mean" not in weight.path and "var" not in weight.path)
                    for weight in layer.weights
                ]
            )
    return model


def compare(model: Any) -> Any:
    turned = channels_last(model)
    shape = [side or 8 for side in model.input_shape[1:]]
    images = np.random.default_rng(0).random((2, *shape)).astype(np.float32)
    was = model.input_shape[1:]
    given_images = images if turned.input_shape[1:] == was else np.moveaxis(images, 1, -1)
    # By XLA, as TensorFlow has kernels for channels first on some processors only.
    wanted = keras.tree.flatten(tf.function(partial(model, training=False), jit_compile=True)(images))
    found = keras.tree.flatten(turned(given_images, training=False))
    for theirs, ours in zip(wanted, found, strict=True):
        theirs, ours = np.asarray(theirs), np.asarray(ours)
        if theirs.ndim == 4:
            theirs = np.moveaxis(theirs, 1, -1)
        assert np.ptp(theirs) > 1e-3
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * np.abs(theirs).max())
    return turned


@pytest.mark.parametrize("build", MODELS.values(), ids=MODELS)
def test_the_outputs_are_equal_with_channels_last(build: Callable[[], Any]) -> None:
    model = randomised(build())
    turned = compare(model)
    assert not [
        layer.name for layer in turned._flatten_layers() if getattr(layer, "data_format", "") == "channels_first"
    ]
    with_units = [layer.name for layer in layers_with_units(turned)]
    assert {"one", "stem", "base/seen"}.intersection(with_units)
    # what is stored of it is what was turned
    again = model_file.load(model_file.keras_bytes(turned))
    assert model_file.identity(again) == model_file.identity(turned)


@pytest.mark.parametrize("written", [model_file.keras_bytes, model_file.h5_bytes])
def test_a_file_is_turned_when_it_is_loaded_and_has_one_identity(written: Any) -> None:
    original = randomised(nested())
    data = written(original)
    model = model_file.load(data)
    assert model.input_shape == (None, 8, 16, 3)
    assert graph_of(model).shapes[graph_of(model).input] == (None, 8, 16, 3)
    assert model_file.identity(model) == model_file.identity(model_file.load(data))
    assert model_file.identity(model) == model_file.identity(channels_last(original))


def test_a_network_with_channels_last_stays_the_object_that_it_is() -> None:
    model = keras.Sequential([keras.Input((3, 8, 3)), L.Conv2D(2, 3, name="one"), L.Permute((3, 1, 2)), L.Flatten()])
    assert channels_last(model) is model


def test_a_bias_is_added_to_each_channel_also_where_a_map_is_as_wide_as_it_has_channels() -> None:
    model = keras.Sequential([keras.Input((1, 5, 3)), L.Conv2D(3, 1, name="one", **FIRST)])
    kernel, bias = np.array([[[[1.0, 2.0, 3.0]]]]), np.array([10.0, 20.0, 30.0])
    model.layers[0].set_weights([kernel, bias])
    image = np.random.default_rng(0).random((1, 5, 3, 1)).astype(np.float32)
    np.testing.assert_allclose(channels_last(model)(image), image * kernel[0, 0, 0] + bias, rtol=1e-6)


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (lambda: L.ConvLSTM2D(2, 3, name="film", **FIRST), "film"),
        (lambda: L.TimeDistributed(L.Conv2D(2, 3, **FIRST), name="each"), "each"),
    ],
)
def test_a_layer_of_which_no_other_form_is_known_is_named(layer: Any, name: str) -> None:
    image = keras.Input((4, 3, 8, 8))
    model = keras.Model(image, layer()(image))
    with pytest.raises(
        BadInput, match=rf"layer {name} \(\w+\) has its channels first, and dreamsweep does not know"
    ) as caught:
        channels_last(model)
    assert "\n" not in str(caught.value)


def test_a_softmax_over_the_width_within_a_convolution_is_refused() -> None:
    model = keras.Sequential([keras.Input((3, 8, 8)), conv(2, activation="softmax", name="odd")])
    with pytest.raises(BadInput, match="layer odd"):
        channels_last(model)


# Without biases: where a map is as wide as it has channels, Keras on TensorFlow adds the bias along the width
# (`keras.src.backend.tensorflow.numpy.add`).
PARTS: dict[str, Callable[[Any], Any]] = {
    "conv": lambda x: conv(3, use_bias=False)(x),
    "norm": lambda x: L.BatchNormalization(axis=1)(x),
    "norm of the width": lambda x: L.BatchNormalization(axis=3)(x),
    "relu": lambda x: L.ReLU()(x),
    "softmax": lambda x: L.Activation("softmax")(x),
    "pool": lambda x: L.AveragePooling2D(2, padding="same", **FIRST)(x),
    "add": lambda x: L.Add()([x, conv(x.shape[1], use_bias=False)(x)]),
    "join": lambda x: L.Concatenate(axis=1)([x, L.Permute((1, 2, 3))(x)]),
    "join the heights": lambda x: L.Concatenate(axis=2)([x, x]),
    "transpose": lambda x: L.Permute((3, 1, 2))(x),
    "and back": lambda x: L.Permute((2, 3, 1))(x),
    "reshape": lambda x: L.Reshape((x.shape[2], x.shape[1], x.shape[3]))(x),
    "dense over the width": lambda x: L.Dense(4)(x),
    "sum of the heights": lambda x: keras.ops.mean(x, axis=2, keepdims=True) + x,
    "part": lambda x: x[:, :, ::-1],
    "last": lambda x: L.Conv2D(3, 3, padding="same")(x),
}


@settings(max_examples=25)
@given(st.lists(st.sampled_from(sorted(PARTS)), min_size=1, max_size=5), st.booleans())
def test_any_row_of_layers_gives_equal_outputs(parts: list[str], flatten: bool) -> None:
    keras.backend.clear_session()
    image = keras.Input((3, 6, 4))
    x = conv(2, use_bias=False)(image)
    for part in parts:
        x = PARTS[part](x)
    x = conv(3, use_bias=False)(x)
    compare(randomised(keras.Model(image, L.Flatten()(x) if flatten else x)))
