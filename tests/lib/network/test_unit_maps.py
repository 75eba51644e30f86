"""A unit's own map an image, against Keras's own layers with all their maps: the same values, the same gradients."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers as kl

from lib.network.kernels import fast_kernels
from lib.network.trunk import responses_of
from lib.network.unit_maps import UnitMaps
from lib.network.unit_steps import pick
from lib.network.units import select_layers
from tests.lib.keras_zoo import ZOO, randomised
from tests.lib.keras_zoo import Specimen as Found

BATCH = 5


def pictures(model: Any, size: tuple[int, int] = (12, 13)) -> np.ndarray:
    _, height, width, channels = model.inputs[0].shape
    shape = (BATCH, height or size[0], width or size[1], channels)
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def units_of(count: int) -> np.ndarray:
    return np.random.default_rng(2).integers(count, size=BATCH).astype(np.int32)


def own_maps(model: Any, layer: str, images: np.ndarray, **how: Any) -> tuple[UnitMaps, list[np.ndarray]]:
    """Pre-activation, activation and the gradient of a weighted sum of both, as an ascent computes them."""
    size = None if model.inputs[0].shape[1] else images.shape[1:3]
    trunk = responses_of(model, [layer, *how.get("whole", ())], size=size, kernels=fast_kernels)
    maps = UnitMaps(trunk, layer, **how)
    units = units_of(trunk.units[layer])

    @tf.function(autograph=False)
    def compute(images: Any, units: Any) -> Any:
        return value_and_gradient(lambda x: _both(maps(x, maps.weights(units))), images)

    return maps, [np.asarray(part) for part in compute(tf.constant(images), tf.constant(units))]


def _both(found: Any) -> tuple[Any, Any]:
    return found.before, found.after


def value_and_gradient(compute: Callable[[Any], tuple[Any, Any]], images: Any) -> tuple[Any, Any, Any]:
    with tf.GradientTape() as tape:
        tape.watch(images)
        before, after = compute(images)
        total = weighted(before, 1) + weighted(after, 2)
    return before, after, tape.gradient(total, images)


def weighted(maps: Any, seed: int) -> Any:
    """So that no two positions have the same share."""
    weights = tf.random.stateless_normal(tf.shape(maps), (seed, 0))
    return tf.reduce_sum(maps * weights)


def expected(model: Any, before: Any, after: Any, images: np.ndarray, units: np.ndarray) -> list[np.ndarray]:
    """The same of all maps, from which the units' are taken."""
    plain = keras.Model(model.inputs[0], [before, after])

    def compute(x: Any) -> tuple[Any, Any]:
        first, second = (
            tf.stack([maps[at, ..., unit] for at, unit in enumerate(units)]) for maps in plain(x, training=False)
        )
        return tf.cast(first, tf.float32), tf.cast(second, tf.float32)

    return [np.asarray(part) for part in value_and_gradient(compute, tf.constant(images))]


def assert_close(found: list[np.ndarray], wanted: list[np.ndarray]) -> None:
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours.shape == theirs.shape
        scale = max(1.0, float(np.abs(theirs).max()))
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-5 * scale)


@pytest.mark.parametrize("name", ZOO)
def test_every_layer_of_the_zoo_has_the_maps_and_gradients_of_its_own_tensors(name: str) -> None:
    found = ZOO[name]()
    images = pictures(found.model)
    for layer, tensors in found.expected.items():
        _, ours = own_maps(found.model, layer, images)
        units = units_of(tensors.after.shape[-1])
        assert_close(ours, expected(found.model, tensors.before, tensors.after, images, units))


strides = st.sampled_from([(1, 1), (2, 2), (3, 3)])
sizes = st.sampled_from([(1, 1), (3, 3), (2, 2), (3, 2), (5, 4)])
seeds = st.integers(0, 2**31 - 1)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(7, 11), st.integers(7, 11), st.sampled_from([1, 2, 5]), sizes, strides,
    st.sampled_from(["valid", "same"]), st.booleans(), st.booleans(), st.booleans(), seeds,
)  # fmt: skip
def test_a_map_of_a_convolution_is_kerass_own(
    height: int,
    width: int,
    channels: int,
    size: tuple[int, int],
    stride: tuple[int, int],
    padding: str,
    bias: bool,
    free: bool,
    depthwise: bool,
    seed: int,
) -> None:
    keras.utils.set_random_seed(seed)
    entry = kl.Input((None, None, channels) if free else (height, width, channels))
    how: dict[str, Any] = {"strides": stride, "padding": padding, "use_bias": bias, "name": "target"}
    layer = (
        kl.DepthwiseConv2D(size, depth_multiplier=3, **how)
        if depthwise
        else kl.Conv2D(2 * int(np.prod([*size, *stride])), size, **how)
    )
    model = randomised(Found(keras.Model(entry, kl.ReLU()(layer(entry))), {})).model
    images = pictures(model, (height, width))
    maps, ours = own_maps(model, "target", images)
    assert maps.gathered
    tensors = model.get_layer("target").output, model.output
    assert_close(ours, expected(model, *tensors, images, units_of(tensors[0].shape[-1])))


@pytest.mark.parametrize("rate", [(2, 2), (1, 3)])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_a_dilated_convolution_is_kerass_own(rate: tuple[int, int], padding: str) -> None:
    entry = kl.Input((11, 12, 3))
    layer = kl.Conv2D(24, 3, dilation_rate=rate, padding=padding, activation="relu", name="target")
    linear = kl.Conv2D(24, 3, dilation_rate=rate, padding=padding)
    model = randomised(Found(keras.Model(entry, [layer(entry), linear(entry)]), {})).model
    linear.set_weights(layer.get_weights())
    images = pictures(model)
    maps, ours = own_maps(model, "target", images)
    assert maps.gathered
    assert_close(ours, expected(model, linear.output, layer.output, images, units_of(24)))


@pytest.mark.parametrize("times", [1, 2])
def test_a_convolution_of_a_group_a_channel_is_kerass_own_too(times: int) -> None:
    entry = kl.Input((11, 12, 5))
    layer = kl.Conv2D(5 * times, (7, 3), groups=5, padding="same", name="target")
    model = randomised(Found(keras.Model(entry, kl.ReLU()(layer(entry))), {})).model
    images = pictures(model)
    maps, ours = own_maps(model, "target", images)
    assert maps.gathered
    assert_close(ours, expected(model, layer.output, model.output, images, units_of(5 * times)))


def follow(name: str) -> Any:
    """A network whose convolution is followed by what its name says, up to its activation."""
    keras.utils.set_random_seed(1)
    entry = kl.Input((12, 13, 3))
    stem = kl.Conv2D(24, 3, padding="same", activation="relu", name="stem")(entry)
    x = kl.Conv2D(24, 3, padding="same", name="target")(stem)
    behind = {
        "normalisation": lambda x: kl.BatchNormalization()(x),
        "normalisation without scale": lambda x: kl.BatchNormalization(scale=False, center=False)(x),
        "addition": lambda x: kl.Add()([stem, kl.BatchNormalization()(x)]),
        "bare addition": lambda x: x + stem,
        "addition to itself": lambda x: kl.Add()([x, x]),
        "pooling": lambda x: kl.MaxPooling2D()(kl.Dropout(0.3)(x)),
        "means": lambda x: kl.AveragePooling2D(3, padding="same")(x),
        "padding": lambda x: kl.Cropping2D(1)(kl.ZeroPadding2D(2)(x)),
    }[name](x)
    return randomised(Found(keras.Model(entry, kl.ReLU(6.0, name="end")(behind)), {})).model


@pytest.mark.parametrize(
    "name",
    [
        *("normalisation", "normalisation without scale", "addition", "bare addition", "addition to itself"),
        *("pooling", "means", "padding"),
    ],
)
def test_what_stands_between_a_convolution_and_its_activation_is_computed_of_one_map(name: str) -> None:
    model = follow(name)
    images = pictures(model)
    maps, ours = own_maps(model, "target", images)
    assert maps.gathered
    before = model.get_layer("end").input
    assert_close(ours, expected(model, before, model.output, images, units_of(24)))


def test_the_layers_other_maps_are_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    model = follow("normalisation")
    trunk = responses_of(model, ["target"], kernels=fast_kernels)
    maps = UnitMaps(trunk, "target")
    compute = tf.function(lambda x, units: maps(x, maps.weights(units)).after, autograph=False)
    graph = compute.get_concrete_function(tf.TensorSpec((None, 12, 13, 3)), tf.TensorSpec((None,), tf.int32)).graph
    assert sum("Conv2D" in operation.type for operation in graph.get_operations()) == 1  # the stem


@pytest.mark.parametrize(
    "layer",
    [
        lambda: kl.Conv2D(8, 3, activation="relu"),  # few maps
        lambda: kl.Conv2D(24, 3, groups=3, activation="relu"),
        lambda: kl.Conv2D(24, 3, activation="relu", dtype="mixed_float16"),
        lambda: kl.Conv2D(24, 3, activation=lambda x: tf.nn.softmax(x)),  # mixes channels
        lambda: kl.SeparableConv2D(24, 3, activation="relu"),
        lambda: kl.Conv2DTranspose(24, 3, activation="relu"),
        lambda: Odd(24, 3),
        lambda: kl.Dense(24, activation="relu"),  # at each position
        lambda: kl.MaxPooling2D(),
    ],
    ids=["few", "groups", "half", "own", "separable", "transposed", "subclass", "dense", "pooling"],
)
def test_what_is_not_known_is_computed_whole(layer: Callable[[], Any]) -> None:
    keras.utils.set_random_seed(1)
    entry = kl.Input((12, 13, 6))
    built = layer()
    model = randomised(Found(keras.Model(entry, built(entry)), {})).model
    images = pictures(model)
    maps, (_, after, gradient) = own_maps(model, built.name, images)
    assert not maps.gathered
    whole = np.asarray(model(images), np.float32)
    wanted = np.stack([whole[at, ..., unit] for at, unit in enumerate(units_of(whole.shape[-1]))])
    half = built.compute_dtype == "float16"
    np.testing.assert_allclose(after, wanted, rtol=1e-2 if half else 1e-4, atol=1e-2 if half else 1e-5)
    assert np.abs(gradient).max() > 0


class Odd(kl.Conv2D):  # type: ignore[misc]
    """A user's layer, which may compute anything."""

    def call(self, inputs: Any) -> Any:
        return super().call(inputs) ** 2


class OddReLU(kl.ReLU):  # type: ignore[misc]
    def call(self, inputs: Any) -> Any:
        return super().call(inputs) / (1 + tf.reduce_sum(inputs, -1, keepdims=True) ** 2)


def test_an_activation_that_may_compute_anything_wants_all_maps() -> None:
    keras.utils.set_random_seed(1)
    entry = kl.Input((12, 13, 3))
    x = kl.Conv2D(24, 3, name="target")(entry)
    model = keras.Model(entry, OddReLU()(x))
    images = pictures(model)
    maps, ours = own_maps(model, "target", images)
    assert not maps.gathered
    assert_close(ours, expected(model, x, model.output, images, units_of(24)))


def test_layers_that_are_wanted_whole_are_there_beside_the_unit() -> None:
    model = follow("normalisation")
    images = pictures(model)
    trunk = responses_of(model, ["stem", "target"], kernels=fast_kernels)
    maps = UnitMaps(trunk, "target", ["stem"])
    assert maps.gathered
    found = maps(images, maps.weights(tf.constant(units_of(24))))
    wanted = keras.Model(model.inputs, [model.get_layer("stem").output, model.output])(images)
    np.testing.assert_allclose(found.whole["stem"], wanted[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        found.after, np.stack([wanted[1][at, ..., u] for at, u in enumerate(units_of(24))]), rtol=1e-4, atol=1e-5
    )


def test_a_layer_that_is_itself_wanted_whole_is_computed_once() -> None:
    model = follow("normalisation")
    images = pictures(model)
    maps = UnitMaps(responses_of(model, ["stem", "target"]), "target", ["stem", "target"])
    assert not maps.gathered
    found = maps(images, maps.weights(tf.constant(units_of(24))))
    np.testing.assert_array_equal(
        found.after, np.stack([found.whole["target"][at, ..., u] for at, u in enumerate(units_of(24))])
    )


def test_a_layer_that_leads_back_to_itself_is_computed_whole() -> None:
    """What its activation is added to was made of all its maps."""
    keras.utils.set_random_seed(1)
    entry = kl.Input((12, 13, 3))
    x = kl.Conv2D(24, 3, padding="same", name="target")(entry)
    mixed = kl.Conv2D(24, 1, name="mixing")(x)
    model = randomised(Found(keras.Model(entry, kl.ReLU()(kl.Add()([x, mixed]))), {})).model
    images = pictures(model)
    maps, ours = own_maps(model, "target", images)
    assert not maps.gathered
    before = model.layers[-2].output
    assert_close(ours, expected(model, before, model.output, images, units_of(24)))


def test_nodes_and_classes_are_gathered_too() -> None:
    keras.utils.set_random_seed(1)
    entry = kl.Input((6, 7, 2))
    nodes = kl.Dense(30, activation="relu", name="nodes")
    classes = kl.Dense(10, activation="softmax", name="classes")
    linear, logits = kl.Dense(30), kl.Dense(10)
    flat = kl.Flatten()(entry)
    x = nodes(flat)
    model = randomised(Found(keras.Model(entry, [classes(x), linear(flat), logits(x)]), {})).model
    linear.set_weights(nodes.get_weights())
    logits.set_weights(classes.get_weights())
    images = pictures(model)
    for layer, before, after in (("nodes", linear.output, nodes.output), ("classes", logits.output, logits.output)):
        maps, ours = own_maps(model, layer, images)
        assert maps.gathered
        assert_close(ours, expected(model, before, after, images, units_of(after.shape[-1])))


def test_weights_are_those_of_the_call() -> None:
    model = follow("normalisation")
    images, units = pictures(model), tf.constant(units_of(24))
    maps = UnitMaps(responses_of(model, ["target"]), "target")
    model.get_layer("target").set_weights([np.zeros((3, 3, 24, 24)), np.zeros(24)])
    found = maps(images, maps.weights(units))
    assert np.ptp(found.before, axis=(1, 2)).max() == 0


def test_the_gradient_of_a_picked_map_goes_to_that_map_alone() -> None:
    maps, units = tf.random.stateless_normal((4, 3, 2, 6), (1, 2)), tf.constant([5, 0, 2, 2])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(maps)
        ours, theirs = (
            tf.reduce_sum(how**2) for how in (pick(maps, units), tf.gather(maps, units, axis=-1, batch_dims=1))
        )
    np.testing.assert_array_equal(tape.gradient(ours, maps), tf.convert_to_tensor(tape.gradient(theirs, maps)))


def test_all_convolutions_of_a_common_network_are_gathered_where_that_is_worth_it() -> None:
    model = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(32, 32, 3))
    layers = [layer.name for layer in select_layers(model)]
    trunk = responses_of(model, layers)
    whole = [name for name in layers if not UnitMaps(trunk, name).gathered]
    assert whole == ["Conv1"]  # 32 maps, of stride 2
