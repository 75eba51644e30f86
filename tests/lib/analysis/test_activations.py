"""Activations against Keras's own tensors of the same layers."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl

from lib.analysis.activations import Activations
from lib.errors import BadInput
from lib.training.reference import build
from tests.lib.keras_zoo import ZOO


def pictures(model: Any, count: int = 3) -> Any:
    _, height, width, channels = model.inputs[0].shape
    return np.random.default_rng(1).normal(size=(count, height or 12, width or 12, channels)).astype(np.float32)


def by_keras(model: Any, tensor: Any, images: Any) -> Any:
    return np.asarray(keras.Model(model.inputs[0], tensor)(images, training=False))


@pytest.mark.parametrize("name", ZOO)
def test_units_are_shown_after_their_activation_wherever_it_is(name: str) -> None:
    found = ZOO[name]()
    images = pictures(found.model)
    activations = Activations(found.model)
    values = activations.of(images)
    assert set(found.expected) <= set(values)
    assert list(values) == list(activations.layers)
    for layer, expected in found.expected.items():
        own_softmax = layer == "classes"
        tensor = found.model.get_layer(layer).output if own_softmax else expected.after
        np.testing.assert_allclose(values[layer], by_keras(found.model, tensor, images), rtol=2e-4, atol=2e-5)
        assert values[layer].dtype == np.float32
        assert len(activations.layers[layer]) == values[layer].ndim - 1


def test_every_layer_with_values_of_its_own_is_shown_and_no_other() -> None:
    model = build((28, 28, 1), 10)
    activations = Activations(model)
    assert activations.layers == {
        "Conv2D_1": (26, 26, 32),
        "Max_Pool_1": (13, 13, 32),
        "Conv2D_2": (11, 11, 64),
        "Max_Pool_2": (5, 5, 64),
        "Conv2D_3": (3, 3, 128),
        "dense_1": (100,),
        "dense_2": (10,),
    }
    images = pictures(model)
    for layer, values in activations.of(images).items():
        np.testing.assert_allclose(values, by_keras(model, model.get_layer(layer).output, images), rtol=1e-4, atol=1e-5)


def mixed() -> Any:
    entry = keras.Input((8, 8, 3))
    x = kl.ZeroPadding2D(name="padding")(kl.Rescaling(2.0, name="rescaling")(entry))
    x = kl.ReLU(name="relu")(kl.BatchNormalization(name="normal")(kl.Conv2D(4, 3, name="conv")(x)))
    x = kl.Concatenate(name="joined")([kl.AveragePooling2D(2, name="mean")(x), kl.MaxPooling2D(2, name="max")(x)])
    x = kl.Dropout(0.5, name="dropout")(kl.GlobalAveragePooling2D(name="global")(x))
    return keras.Model(entry, kl.Softmax(name="softmax")(kl.Dense(2, name="logits")(x)))


def test_what_only_moves_joins_or_normalises_values_is_left_out_unless_it_is_named() -> None:
    model = mixed()
    assert list(Activations(model).layers) == ["conv", "mean", "max", "global", "logits"]
    images = pictures(model)
    named = Activations(model, ["softmax", "normal", "joined"]).of(images)
    assert list(named) == ["normal", "joined", "softmax"]
    for layer, values in named.items():
        np.testing.assert_allclose(values, by_keras(model, model.get_layer(layer).output, images), rtol=1e-4, atol=1e-5)


def test_a_convolutional_trunk_takes_other_sizes() -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([kl.Input((None, None, 1)), kl.Conv2D(3, 3, name="one"), kl.MaxPooling2D(name="pool")])
    free = Activations(model)
    assert free.layers == {"one": (None, None, 3), "pool": (None, None, 3)}
    assert free.of(np.zeros((2, 9, 12, 1)))["pool"].shape == (2, 3, 5, 3)
    sized = Activations(model, size=(9, 12))
    assert sized.layers == {"one": (7, 10, 3), "pool": (3, 5, 3)}


@pytest.mark.parametrize("shape", [(28, 28, 1), (1, 28, 27, 1), (1, 28, 28, 3)])
def test_images_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match="28x28x1"):
        Activations(build((28, 28, 1), 10), ["Conv2D_1"]).of(np.zeros(shape))


def test_an_unknown_layer_is_refused_with_the_nearest_names() -> None:
    model = build((28, 28, 1), 10)
    with pytest.raises(BadInput, match="Conv2D_3"):
        Activations(model, ["conv2d_33"])
    with pytest.raises(BadInput, match="no layers"):
        Activations(model, [])
