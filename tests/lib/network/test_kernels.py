"""The fast kernels against Keras's own layers: the same values, the same gradients, wherever they step in."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers as kl

from lib.network.kernels import (
    convolve_few,
    convolve_pool_few,
    fast_kernels,
    pool_max,
    rounding_kernels,
    window_kernels,
)


def value_and_gradient(compute: Any, x: np.ndarray, weights: np.ndarray | None = None) -> tuple[Any, Any]:
    """Of a weighted sum of what is computed, so that no two positions have the same share."""
    inputs = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        out = compute(inputs)
        if weights is None:
            weights = np.random.default_rng(0).normal(size=out.shape)
        total = tf.reduce_sum(out * tf.constant(weights, out.dtype))
    return np.asarray(out), np.asarray(tape.gradient(total, inputs))


def randomised(layer: Any, channels: int, seed: int) -> Any:
    layer.build((None, None, None, channels))
    random = np.random.default_rng(seed)
    for variable in layer.variables:
        variable.assign(random.normal(scale=0.5, size=variable.shape))
    return layer


def in_a_row(layers: tuple[Any, ...]) -> Any:
    def compute(x: Any) -> Any:
        for layer in layers:
            x = layer(x)
        return x

    return compute


def assert_same(layers: tuple[Any, ...], x: np.ndarray, covers: int) -> None:
    kernel = fast_kernels(layers)
    assert kernel is not None
    assert kernel.covers == covers
    found, expected = (value_and_gradient(compute, x) for compute in (kernel.compute, in_a_row(layers[:covers])))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-4, atol=1e-4)


sides = st.integers(5, 10)
windows = st.sampled_from([(2, 2), (3, 3), (2, 3)])
seeds = st.integers(0, 2**32 - 1)


def images(seed: int, height: int, width: int, channels: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(3, height, width, channels)).astype(np.float32)


@settings(max_examples=40)
@given(sides, sides, st.integers(1, 4), windows, seeds)
def test_pooling_is_kerass_own(height: int, width: int, channels: int, window: tuple[int, int], seed: int) -> None:
    assert_same((kl.MaxPooling2D(window),), images(seed, height, width, channels), 1)


@settings(max_examples=60)
@given(
    sides,
    sides,
    st.integers(1, 4),
    st.sampled_from([(1, 1), (3, 3), (2, 2), (5, 4), (1, 3)]),
    st.sampled_from(["valid", "same"]),
    st.booleans(),
    st.sampled_from(["relu", "tanh", None]),
    seeds,
)
def test_a_convolution_of_few_channels_is_kerass_own(
    height: int,
    width: int,
    channels: int,
    size: tuple[int, int],
    padding: str,
    bias: bool,
    activation: str | None,
    seed: int,
) -> None:
    layer = kl.Conv2D(3, size, padding=padding, use_bias=bias, activation=activation)
    assert_same((randomised(layer, channels, seed),), images(seed, height, width, channels), 1)


@settings(max_examples=60)
@given(
    st.integers(7, 11),
    st.integers(7, 11),
    st.sampled_from([1, 2, 4, 5, 8]),
    windows,
    st.sampled_from(["valid", "same"]),
    st.booleans(),
    st.sampled_from(["relu", "relu6", "linear"]),
    seeds,
)
def test_convolution_rectifier_and_pooling_in_one_are_kerass_own(
    height: int,
    width: int,
    channels: int,
    window: tuple[int, int],
    padding: str,
    bias: bool,
    activation: str,
    seed: int,
) -> None:
    layer = randomised(kl.Conv2D(4, 3, padding=padding, use_bias=bias, activation=activation), channels, seed)
    assert_same((layer, kl.MaxPooling2D(window)), 2 * images(seed, height, width, channels), 2)


@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("groups", "maps", "size"), [(6, 6, (3, 3)), (6, 12, (5, 4)), (2, 4, (3, 3)), (3, 6, (1, 1))])
def test_a_convolution_in_groups_is_kerass_own(
    groups: int, maps: int, size: tuple[int, int], padding: str, strides: tuple[int, int]
) -> None:
    layer = kl.Conv2D(maps, size, strides=strides, padding=padding, groups=groups, activation="gelu")
    assert_same((randomised(layer, 6, 1),), images(2, 9, 10, 6), 1)


def test_a_convolution_in_groups_is_not_pooled_as_if_it_were_one() -> None:
    layer = randomised(kl.Conv2D(6, 3, groups=3, use_bias=False, activation="relu"), 6, 1)
    assert_same((layer, kl.MaxPooling2D()), images(2, 9, 10, 6), 1)
    kernel = window_kernels((layer, kl.MaxPooling2D()))
    assert kernel is not None
    assert kernel.covers == 1


def test_an_activation_that_is_not_monotone_stays_before_the_pooling() -> None:
    layer = randomised(kl.Conv2D(4, 3, activation="silu"), 2, 1)
    assert_same((layer, kl.MaxPooling2D()), 3 * images(1, 8, 8, 2), 1)


def test_ties_share_the_gradient_equally() -> None:
    x = np.zeros((1, 4, 4, 1), np.float32)
    x[0, :2, :2, 0] = [[1, 3], [3, 2]]  # two
    x[0, :2, 2:, 0] = [[5, 5], [5, 0]]  # three
    x[0, 2:, :2, 0] = [[0, 7], [1, 2]]  # one
    x[0, 2:, 2:, 0] = -4  # all
    weights = np.array([[12, 24], [36, 48]], np.float32)[None, :, :, None]
    found, gradient = value_and_gradient(lambda x: pool_max(x, (2, 2)), x, weights)
    np.testing.assert_array_equal(found[0, ..., 0], [[3, 5], [7, -4]])
    np.testing.assert_allclose(
        gradient[0, ..., 0], [[0, 6, 8, 8], [6, 0, 8, 0], [0, 36, 12, 12], [0, 0, 12, 12]], rtol=1e-6
    )


@pytest.mark.parametrize("window", [(2, 2), (3, 3), (2, 3)])
def test_ties_neither_lose_nor_add_gradient(window: tuple[int, int]) -> None:
    """As after a ReLU, where whole windows are zero: what goes in comes out, window by window."""
    x = np.maximum(np.random.default_rng(2).normal(-1, 1, (2, 7, 8, 3)), 0).round(0).astype(np.float32)
    found, gradient = value_and_gradient(lambda x: pool_max(x, window), x)
    weights = np.random.default_rng(0).normal(size=found.shape)
    rows, columns = found.shape[1:3]
    blocks = gradient[:, : rows * window[0], : columns * window[1]].reshape(2, rows, window[0], columns, window[1], 3)
    np.testing.assert_allclose(blocks.sum((2, 4)), weights, rtol=1e-4, atol=1e-5)
    assert gradient[:, rows * window[0] :].any() == gradient[:, :, columns * window[1] :].any() == False  # noqa: E712


def test_values_are_known_without_a_size() -> None:
    """Exemplars of a network of free size are found through the same kernels."""
    layer = randomised(kl.Conv2D(3, 3, padding="same", activation="relu"), 1, 4)
    kernel = fast_kernels((layer, kl.MaxPooling2D()))
    assert kernel is not None
    compute = tf.function(kernel.compute, input_signature=[tf.TensorSpec((None, None, None, 1))])
    x = images(4, 9, 6, 1)
    np.testing.assert_allclose(compute(x), kl.MaxPooling2D()(layer(x)), rtol=1e-5, atol=1e-6)


@settings(max_examples=40)
@given(
    st.integers(8, 13),
    st.integers(8, 13),
    st.integers(1, 4),
    windows,
    st.sampled_from([(3, 3), (1, 1), (4, 2), (5, 5)]),
    st.sampled_from(["relu", "relu6", "linear"]),
    seeds,
)
def test_windows_kernels_are_kerass_own_too(
    height: int, width: int, channels: int, window: tuple[int, int], size: tuple[int, int], activation: str, seed: int
) -> None:
    layers = randomised(kl.Conv2D(4, size, activation=activation), channels, seed), kl.MaxPooling2D(window)
    kernel = window_kernels(layers)
    assert kernel is not None
    assert kernel.covers == 2
    x = 2 * images(seed, height, width, channels)
    found, expected = (value_and_gradient(compute, x) for compute in (kernel.compute, in_a_row(layers)))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-4, atol=1e-4)


def test_of_equals_the_first_is_given_the_gradient() -> None:
    """As by TensorFlow's own; what goes in comes out."""
    kernel = tf.ones((1, 1, 1, 1))
    found, gradient = value_and_gradient(
        lambda x: convolve_pool_few(x, kernel, (2, 2)), np.ones((1, 4, 5, 1), np.float32), np.ones((1, 2, 2, 1))
    )
    assert (found == 1).all()
    np.testing.assert_array_equal(gradient[0, ..., 0], [[1, 0, 1, 0, 0], [0] * 5] * 2)


@pytest.mark.parametrize("kernels", [fast_kernels, window_kernels])
@pytest.mark.parametrize("size", [(1, 12, 16), (2, 13, 17)])
def test_gradients_are_known_without_a_size_too(kernels: Any, size: tuple[int, int, int]) -> None:
    """One trace serves pictures of every size. The second pooling takes just what there is, as it must in windows."""
    layers = [
        randomised(kl.Conv2D(6, 3, activation="relu"), 1, 4),
        kl.MaxPooling2D(2),
        randomised(kl.Conv2D(5, 2, activation="relu"), 6, 5),
        kl.MaxPooling2D((2, 3)),
    ]
    first, second = kernels((layers[0], layers[1])), kernels((layers[2], layers[3]))
    assert first is not None
    assert second is not None
    compute = tf.function(
        lambda x: value_and_gradient_of(lambda x: second.compute(first.compute(x)), x),
        input_signature=[tf.TensorSpec((None, None, None, 1))],
        autograph=False,
    )
    x = np.random.default_rng(1).normal(size=(*size, 1)).astype(np.float32)
    for found, expected in zip(compute(x), value_and_gradient_of(in_a_row(tuple(layers)), x), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def value_and_gradient_of(compute: Any, x: Any) -> tuple[Any, Any]:
    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        out = compute(x)
        total = tf.reduce_sum(out**2)
    return out, tape.gradient(total, x)


def test_what_windows_kernels_do_not_know_is_as_without_them() -> None:
    """Padding, many channels, an activation that is not monotone."""
    for layer in (kl.Conv2D(4, 3, padding="same"), kl.Conv2D(4, 3, activation="silu"), kl.Conv2D(4, 3, strides=2)):
        layers = randomised(layer, 2, 1), kl.MaxPooling2D()
        ours, plain = window_kernels(layers), fast_kernels(layers)
        assert (ours is None) == (plain is None)
        assert ours is None or plain is None or ours.covers == plain.covers


def test_the_kernel_of_a_convolution_gets_no_gradient() -> None:
    """An ascent moves pixels only."""
    kernel = tf.Variable(tf.ones((3, 3, 1, 2)))
    with tf.GradientTape() as tape:
        out = tf.reduce_sum(convolve_few(tf.ones((1, 5, 5, 1)), tf.convert_to_tensor(kernel)))
    assert tape.gradient(out, kernel) is None


class Odd(kl.Conv2D):  # type: ignore[misc]
    """A user's layer, which may compute anything."""

    def call(self, inputs: Any) -> Any:
        return super().call(inputs) ** 2


class OddPooling(kl.MaxPooling2D):  # type: ignore[misc]
    def call(self, inputs: Any) -> Any:
        return super().call(inputs) ** 2


@pytest.mark.parametrize(
    "layers",
    [
        (kl.Conv2D(4, 3, strides=2),),
        (kl.Conv2D(4, 3, dilation_rate=2),),
        (kl.Conv2D(4, 3, groups=2, strides=(1, 2)),),
        (kl.Conv2D(4, 3, groups=4, dilation_rate=2),),
        (kl.Conv2D(4, 3, groups=4, dtype="mixed_float16"),),
        (Odd(4, 3, groups=4),),
        (kl.Conv2D(4, 3, dtype="mixed_float16"),),
        (kl.DepthwiseConv2D(3),),
        (kl.SeparableConv2D(4, 3),),
        (kl.Conv2DTranspose(4, 3),),
        (Odd(4, 3),),
        (kl.MaxPooling2D(3, strides=2),),
        (kl.MaxPooling2D(2, padding="same"),),
        (kl.MaxPooling2D(2, dtype="mixed_float16"),),
        (OddPooling(2),),
        (kl.AveragePooling2D(2),),
        (kl.Dense(3),),
        (kl.ReLU(),),
    ],
    ids=lambda layers: layers[0].name,
)
def test_what_the_kernels_do_not_compute_is_left_to_keras(layers: tuple[Any, ...]) -> None:
    layers[0].build((None, 12, 12, 4))
    assert fast_kernels(layers) is None


def test_many_channels_are_left_to_keras_unless_pooled() -> None:
    layer = randomised(kl.Conv2D(4, 3, activation="relu"), 8, 1)
    assert fast_kernels((layer,)) is None
    assert fast_kernels((layer, kl.MaxPooling2D(3, strides=2))) is None
    assert fast_kernels((layer, OddPooling(2))) is None
    assert fast_kernels((layer, kl.MaxPooling2D(2))) is not None


def test_a_model_keeps_its_answers_where_kernels_step_in() -> None:
    from lib.network.trunk import responses_of

    keras.utils.set_random_seed(2)
    model = keras.Sequential(
        [
            kl.Input((13, 11, 1)),
            kl.Conv2D(5, 3, padding="same", activation="relu"),
            kl.MaxPooling2D((2, 3)),
            kl.Conv2D(6, 2, activation="relu6", use_bias=False),
            kl.MaxPooling2D(2),
            kl.Conv2D(4, 2, padding="same", activation="relu", name="last"),
        ]
    )
    x = images(5, 13, 11, 1)
    for ours, theirs in zip(
        responses_of(model, ["last"], kernels=fast_kernels)(x)["last"],
        responses_of(model, ["last"])(x)["last"],
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "layers",
    [
        (kl.Conv2D(64, 3, activation="relu"),),
        (kl.Conv2D(96, 1, strides=2, use_bias=False),),
        (kl.Conv2D(64, 3, padding="same", activation="relu"), kl.MaxPooling2D()),
    ],
    ids=["plain", "strides", "pooled"],
)
def test_in_bfloat16_convolutions_of_many_channels_are_rounded_and_stay_float32_outside(
    layers: tuple[Any, ...],
) -> None:
    randomised(layers[0], 64, 1)
    kernel = rounding_kernels(bfloat16=True)(layers)
    assert kernel is not None
    assert kernel.covers == len(layers)
    x = images(2, 8, 9, 64)
    found, expected = (value_and_gradient(compute, x) for compute in (kernel.compute, in_a_row(layers)))
    assert found[0].dtype == found[1].dtype == np.float32
    for near, exact in zip(found, expected, strict=True):
        error = np.linalg.norm(near - exact) / np.linalg.norm(exact)
        assert 1e-4 < error < 0.1  # a rectifier or a maximum may fall the other way


@pytest.mark.parametrize(
    ("layer", "channels"),
    [
        (kl.Conv2D(64, 3), 32),
        (kl.Conv2D(32, 3), 64),
        (kl.Conv2D(64, 3, groups=2), 64),
        (kl.Conv2D(64, 3, dilation_rate=2), 64),
        (kl.Conv2D(64, 1, strides=(1, 2)), 64),
        (kl.Conv2D(64, 3, dtype="mixed_bfloat16"), 64),
        (kl.DepthwiseConv2D(3), 64),
        (kl.MaxPooling2D(), 64),
    ],
    ids=["few in", "few out", "groups", "dilated", "uneven strides", "mixed precision", "depthwise", "pooling"],
)
def test_all_else_is_computed_in_bfloat16_no_more_than_it_was(layer: Any, channels: int) -> None:
    randomised(layer, channels, 1)
    x = images(2, 8, 9, channels)
    kernels = [kernels((layer,)) for kernels in (fast_kernels, rounding_kernels(bfloat16=True))]
    plain, found = (None if kernel is None else np.asarray(kernel.compute(tf.constant(x))) for kernel in kernels)
    np.testing.assert_array_equal(found, plain)


@pytest.mark.parametrize(
    "layer",
    [
        kl.Conv2D(8, 3, padding="same"),
        kl.Conv2D(8, 3, strides=2, use_bias=False),
        kl.Conv2D(64, 1),
        kl.DepthwiseConv2D(3, depth_multiplier=2, padding="same", use_bias=False),
        kl.DepthwiseConv2D(3, strides=2),
    ],
    ids=["few channels", "strides", "1x1", "depthwise", "depthwise with strides"],
)
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "without scale and centre"])
@pytest.mark.parametrize("channels", [3, 64])
def test_a_normalisation_is_folded_into_the_convolution_before_it(layer: Any, whole: bool, channels: int) -> None:
    layer = randomised(type(layer).from_config(layer.get_config()), channels, 1)
    behind = kl.BatchNormalization(scale=whole, center=whole)
    behind.build(layer.compute_output_shape((None, 8, 9, channels)))
    random = np.random.default_rng(3)
    for variable in behind.variables:
        variable.assign(random.uniform(0.5, 2, variable.shape))
    kernel = rounding_kernels(bfloat16=False)((layer, behind, kl.ReLU()))
    assert kernel is not None
    assert kernel.covers == 2
    x = images(2, 8, 9, channels)
    for found, expected in zip(
        value_and_gradient(kernel.compute, x), value_and_gradient(in_a_row((layer, behind)), x), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("layer", "behind"),
    [
        (kl.Conv2D(8, 3, activation="relu"), kl.BatchNormalization()),
        (kl.Conv2D(8, 3), kl.BatchNormalization(axis=1)),
        (kl.Conv2D(8, 3), kl.BatchNormalization(dtype="mixed_float16")),
        (kl.Conv2D(8, 3), kl.LayerNormalization()),
    ],
    ids=["an activation between", "another axis", "mixed precision", "another normalisation"],
)
def test_nothing_else_is_folded(layer: Any, behind: Any) -> None:
    randomised(layer, 8, 1)
    behind.build((None, 6, 7, 8))
    assert rounding_kernels(bfloat16=False)((layer, behind)) is None
