"""A network that takes pictures, whatever it took before: the same layers, the same answers."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as kl

from lib.analysis.activations import Activations
from lib.analysis.classifier import classifier_of
from lib.errors import BadInput
from lib.network.adapt import adapt
from lib.network.graph import graph_of, is_adapter
from lib.network.pixels import PLAIN, Pixels
from lib.network.receptive_field import receptive_field
from lib.network.trunk import responses_of
from lib.network.units import layers_with_units
from lib.network.window_plan import Unbounded, reaches_of
from lib.responses.similar_units import nearest_by_weights

DECLARATIONS = ["-1..1", "0..255", "caffe", "torch", "0.2,0.3,0.4/0.5", "10/20"]
NETWORKS: dict[str, Callable[[], Any]] = {}


def network(make: Callable[[], Any]) -> Callable[[], Any]:
    NETWORKS[make.__name__] = make
    return make


@network
def sequential() -> Any:
    return keras.Sequential(
        [
            kl.Input((16, 16, 3)),
            kl.Conv2D(4, 3, padding="same", activation="relu", name="first"),
            kl.MaxPooling2D(2),
            kl.Conv2D(5, 3, name="second"),
            kl.BatchNormalization(),
            kl.ReLU(),
            kl.Flatten(),
            kl.Dense(3, activation="softmax", name="classes"),
        ]
    )


@network
def nested() -> Any:
    inner = keras.Sequential([kl.Input((16, 16, 3)), kl.Conv2D(4, 3, activation="relu", name="conv")], name="backbone")
    return keras.Sequential([kl.Input((16, 16, 3)), inner, kl.Flatten(), kl.Dense(3, name="logits")])


@network
def shared_first_layer() -> Any:
    entry = keras.Input((16, 16, 3))
    conv = kl.Conv2D(3, 3, padding="same", activation="relu", name="shared")
    return keras.Model(
        entry, kl.Conv2D(2, 3, activation="relu", name="last")(kl.Add()([conv(entry), conv(conv(entry))]))
    )


@network
def read_twice() -> Any:
    """The image itself is read by two layers, and by a bare operation."""
    entry = keras.Input((16, 16, 3))
    both = kl.Concatenate()([kl.Conv2D(2, 3, padding="same", name="one")(entry), entry * 2.0 - 1.0])
    return keras.Model(entry, kl.Conv2D(2, 3, activation="relu", name="two")(both))


@network
def free_size() -> Any:
    return keras.Sequential(
        [kl.Input((None, None, 3)), kl.Conv2D(4, 3, padding="same", activation="relu", name="conv")]
    )


@network
def mixed_precision() -> Any:
    policy = keras.DTypePolicy("mixed_float16")
    return keras.Sequential([kl.Input((16, 16, 3)), kl.Conv2D(4, 3, activation="relu", dtype=policy, name="conv")])


@network
def names_that_are_taken() -> Any:
    entry = keras.Input((16, 16, 3), name="to_network")
    x = kl.Conv2D(4, 3, activation="relu", name="pictures")(entry)
    return keras.Model(entry, kl.Conv2D(2, 3, activation="relu", name="to_network_")(x))


@network
def two_outputs() -> Any:
    entry = keras.Input((16, 16, 3))
    x = kl.Conv2D(4, 3, activation="relu", name="conv")(entry)
    return keras.Model(entry, [x, kl.GlobalAveragePooling2D()(x)])


def made(name: str) -> Any:
    keras.utils.set_random_seed(3)
    return NETWORKS[name]()


def pictures(seed: int = 0, side: int = 16) -> Any:
    return np.random.default_rng(seed).random((5, side, side, 3)).astype(np.float32)


@pytest.mark.parametrize("text", DECLARATIONS)
@pytest.mark.parametrize("name", NETWORKS)
def test_an_adapted_network_answers_to_pictures_as_the_network_does_to_what_it_takes(name: str, text: str) -> None:
    model, pixels = made(name), Pixels.parse(text)
    adapted = adapt(model, pixels)
    layers = [layer.name for layer in layers_with_units(model)]
    wanted = responses_of(model, layers, size=(16, 16)).maps(pixels.to_network(pictures()))
    found = responses_of(adapted, layers, size=(16, 16)).maps(tf.constant(pictures()))
    for layer in layers:
        for one, other in zip(found[layer], wanted[layer], strict=True):
            half = other.dtype == tf.float16
            reach = np.abs(np.asarray(other, np.float32)).max()
            np.testing.assert_allclose(one, other, atol=(2e-3 if half else 2e-5) * max(reach, 1e-6))
    whole, taken = adapted(pictures()), model(pixels.to_network(pictures()))
    for one, other in zip(keras.tree.flatten(whole), keras.tree.flatten(taken), strict=True):
        reach = float(np.abs(np.asarray(other, np.float32)).max())
        np.testing.assert_allclose(one, other, atol=2e-3 * max(reach, 1e-6))


@pytest.mark.parametrize("name", NETWORKS)
def test_layers_names_and_units_stay_as_they_were(name: str) -> None:
    model = made(name)
    adapted = adapt(model, Pixels.parse("caffe"))
    assert list(layers_with_units(adapted)) == list(layers_with_units(model))
    assert list(graph_of(adapted).first_use()) == list(graph_of(model).first_use())
    assert [is_adapter(step.op) for step in graph_of(adapted).steps].count(True) == 1
    assert list(Activations(adapted, size=(16, 16)).layers) == list(Activations(model, size=(16, 16)).layers)
    assert adapted.name == model.name
    assert adapted.input_shape == model.input_shape
    assert adapted.count_params() == model.count_params()
    layer = next(iter(layers_with_units(model))).name
    assert receptive_field(adapted, layer, (16, 16)) == receptive_field(model, layer, (16, 16))
    for one, other in zip(
        vars(nearest_by_weights(adapted, layer)).values(), vars(nearest_by_weights(model, layer)).values(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_the_layers_of_an_adapted_network_are_the_models_own() -> None:
    model: Any = made("nested")
    adapted: Any = adapt(model, Pixels.parse("0..255"))
    before = np.asarray(adapted(pictures()))
    model.get_layer("logits").bias.assign([9.0, 0.0, 0.0])
    np.testing.assert_allclose(np.asarray(adapted(pictures())) - before, [[9.0, 0.0, 0.0]] * 5, atol=1e-3)


def test_a_network_that_takes_pictures_is_left_as_it_is() -> None:
    model = made("sequential")
    assert adapt(model, PLAIN) is model


def test_an_adapted_network_classifies_and_has_windows_as_before() -> None:
    model, pixels = made("sequential"), Pixels.parse("caffe")
    adapted = adapt(model, pixels)
    ours, own = classifier_of(adapted), classifier_of(model)
    assert ours is not None
    assert own is not None
    np.testing.assert_allclose(
        ours.of(pictures()).logits, own.of(pixels.to_network(pictures())).logits, rtol=1e-4, atol=1e-3
    )
    free = adapt(made("free_size"), pixels)
    graph = graph_of(free)
    try:
        reaches_of(graph, graph.steps)
    except Unbounded as problem:
        raise AssertionError("no layer of it sees more than its neighbourhood") from problem


def test_pixels_for_another_number_of_channels_are_refused() -> None:
    grey = keras.Sequential([kl.Input((8, 8, 1)), kl.Conv2D(2, 3)])
    with pytest.raises(BadInput, match="pixels torch do not suit a network that takes 1 channels"):
        adapt(grey, Pixels.parse("torch"))


def test_gradients_reach_the_picture_by_way_of_its_own_channels() -> None:
    model = keras.Sequential(
        [kl.Input((4, 4, 3)), kl.Conv2D(1, 1, use_bias=False, kernel_initializer=lambda shape, dtype: weights)]
    )
    adapted: Any = adapt(model, Pixels.parse("0/0.5:BGR"))
    image = tf.constant(pictures(side=4))
    with tf.GradientTape() as tape:
        tape.watch(image)
        value = tf.reduce_sum(adapted(image))
    # the network's first channel is blue
    np.testing.assert_allclose(tape.gradient(value, image)[0, 0, 0], [2 * 3.0, 2 * 2.0, 2 * 1.0], rtol=1e-6)


weights = np.array([1.0, 2.0, 3.0], np.float32).reshape(1, 1, 3, 1)
