"""The trunk against what Keras itself computes for hand-picked tensors of each model."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as kl

from lib.errors import BadInput
from lib.network.plan import Kernel
from lib.network.trunk import responses_of
from lib.network.units import select_layers
from tests.lib.keras_zoo import ZOO


def pictures(model: Any, count: int = 3, size: tuple[int, int] = (12, 12)) -> Any:
    _, height, width, channels = model.inputs[0].shape
    shape = (count, height or size[0], width or size[1], channels)
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("name", ZOO)
def test_responses_are_those_of_the_models_own_tensors(name: str) -> None:
    found = ZOO[name]()
    layers = list(found.expected)
    trunk = responses_of(found.model, layers)
    images = pictures(found.model)
    answers = tf.function(trunk)(images)
    tensors = [tensor for expected in found.expected.values() for tensor in (expected.before, expected.after)]
    values = keras.Model(found.model.inputs[0], tensors)(images, training=False)
    for layer, before, after in zip(layers, values[::2], values[1::2], strict=True):
        expected = found.expected[layer]
        assert trunk.signed[layer] == expected.signed, layer
        assert trunk.activation[layer] == expected.activation
        response, pre_activation = (np.asarray(part) for part in answers[layer])
        positions = tuple(range(1, before.ndim - 1))
        np.testing.assert_allclose(pre_activation, np.mean(before, positions), rtol=2e-4, atol=2e-5, err_msg=layer)
        np.testing.assert_allclose(response, np.mean(after, positions), rtol=2e-4, atol=2e-5, err_msg=layer)


@pytest.mark.parametrize("name", ZOO)
def test_every_layer_of_the_zoo_is_listed_with_its_kind_and_shape(name: str) -> None:
    found = ZOO[name]()
    listed = {layer.name: layer for layer in select_layers(found.model, ["*"])}
    assert set(listed) == set(found.expected)
    for layer, expected in found.expected.items():
        assert listed[layer].kind == expected.kind
        assert listed[layer].units == expected.after.shape[-1]
        assert len(listed[layer].shape) == len(expected.after.shape) - 1


def network(size: int | None = 12) -> Any:
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            kl.Input((size, size, 1)),
            kl.Conv2D(4, 3, activation="relu", name="one"),
            kl.MaxPooling2D(),
            kl.Conv2D(5, 3, activation="relu", name="two"),
            *([kl.Flatten(), kl.Dense(3, name="nodes")] if size else []),
        ]
    )


def test_a_convolutional_trunk_takes_other_sizes_than_its_dense_head() -> None:
    model = network()
    trunk = responses_of(model, ["two"], size=(20, 30))
    assert trunk.input_shape == (20, 30, 1)
    assert trunk(np.ones((2, 20, 30, 1), np.float32))["two"][0].shape == (2, 5)
    with pytest.raises(BadInput, match="20x30"):
        responses_of(model, ["two", "nodes"], size=(20, 30))


def test_a_size_too_small_for_the_network_is_refused() -> None:
    with pytest.raises(BadInput, match="5x5"):
        responses_of(network(), ["two"], size=(5, 5))


def test_a_free_size_stays_free_until_one_is_chosen() -> None:
    model = network(None)
    assert responses_of(model, ["two"]).input_shape == (None, None, 1)
    assert responses_of(model, ["two"], size=(16, 16)).input_shape == (16, 16, 1)


def test_weights_are_read_at_the_call_and_not_when_the_trunk_is_made() -> None:
    model = network()
    trunk = responses_of(model, ["one"])
    layer = model.get_layer("one")
    layer.set_weights([np.zeros_like(layer.get_weights()[0]), np.arange(4.0)])
    np.testing.assert_allclose(trunk(pictures(model))["one"][0][0], [0, 1, 2, 3])


def test_reading_a_model_leaves_it_as_it_was() -> None:
    model = network()
    images = pictures(model)
    before, config = np.asarray(model(images)), model.to_json()
    responses_of(model, ["one", "two"])(images)
    assert model.to_json() == config
    assert model.get_layer("one").activation is keras.activations.relu
    np.testing.assert_array_equal(np.asarray(model(images)), before)


def test_an_unknown_layer_is_refused() -> None:
    with pytest.raises(BadInput, match="three"):
        responses_of(network(), ["three"])
    with pytest.raises(BadInput, match="max_pooling"):
        responses_of(network(), [network().layers[1].name])


def test_a_kernel_replaces_a_run_of_layers_and_the_target_without_its_activation() -> None:
    model = network()
    seen = []

    def kernels(run: tuple[Any, ...]) -> Kernel | None:
        seen.append([type(layer).__name__ for layer in run])
        if len(run) == 3:
            return Kernel(2, lambda x: run[1](run[0](x)) + 1.0)
        return Kernel(1, lambda x: run[0](x) * 2.0)

    images = pictures(model)
    response, before = responses_of(model, ["two"], kernels=kernels)(images)["two"]
    assert seen == [["Conv2D", "MaxPooling2D", "Conv2D"], ["Conv2D"]]
    pooled = keras.Model(model.inputs[0], model.layers[1].output)(images) + 1.0
    maps = 2 * tf.nn.convolution(pooled, model.get_layer("two").kernel)  # its bias is 0
    np.testing.assert_allclose(before, tf.reduce_mean(maps, (1, 2)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(response, tf.reduce_mean(tf.nn.relu(maps), (1, 2)), rtol=1e-4, atol=1e-5)


def test_tensors_that_others_read_too_are_never_inside_a_run() -> None:
    runs = []
    found = ZOO["residual"]()
    responses_of(found.model, ["second"], kernels=lambda run: runs.append([layer.name for layer in run]))
    assert ["stem", "batch_normalization", "re_lu"] in [[name.rstrip("_0123456789") for name in run] for run in runs]
    assert all("add" not in name for run in runs for name in run)


def test_the_pixels_have_a_gradient_through_the_trunk() -> None:
    model = network()
    trunk = responses_of(model, ["two"])
    images = tf.constant(pictures(model))
    with tf.GradientTape() as tape:
        tape.watch(images)
        objective = tf.reduce_sum(trunk(images)["two"][1])
    assert np.abs(tape.gradient(objective, images)).max() > 0
