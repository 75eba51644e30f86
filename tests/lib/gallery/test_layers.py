"""The layers of a network from its file: as Keras itself has them."""

import json
from typing import Any

import pytest

from lib.gallery.layers import layers_of


def config_of(model: Any) -> Any:
    import keras

    # as a file has it: lists for tuples
    return json.loads(json.dumps(keras.saving.serialize_keras_object(model)))


def sequential() -> Any:
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((29, 31, 2), name="image"),
            layers.Conv2D(4, (3, 5), strides=2, activation="relu", name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.MaxPooling2D((2, 3), name="pool"),
            layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, name="depthwise"),
            layers.SeparableConv2D(6, 3, dilation_rate=(1, 1), padding="same", strides=2, name="separable"),
            layers.Conv2D(5, 2, dilation_rate=(1, 2), padding="same", name="dilated"),
            layers.Dropout(0.25, name="drop"),
            layers.Flatten(name="flat"),
            layers.Dense(7, activation="softmax", name="classes"),
        ]
    )


def functional() -> Any:
    import keras
    from keras import layers

    image = keras.Input((16, 16, 3), name="image")
    inner = keras.Sequential([keras.Input((16, 16, 3)), layers.Conv2D(4, 3, name="deep")], name="inner")
    left = inner(image)
    right = layers.Conv2DTranspose(4, 3, padding="same", name="up")(left)
    both = layers.Concatenate(name="both")([left, right])
    return keras.Model(image, layers.Dense(2, name="out")(layers.GlobalAveragePooling2D(name="mean")(both)))


@pytest.mark.parametrize("build", [sequential, functional])
def test_names_kinds_and_shapes_are_those_that_keras_has(build: Any) -> None:
    model = build()
    found = {layer.name: layer for layer in layers_of(config_of(model))}
    for layer in model.layers:
        if hasattr(layer, "layers"):
            continue
        told = found[layer.name]
        assert told.kind == type(layer).__name__
        assert told.shape == tuple(layer.output.shape[1:]), layer.name
    assert next(iter(found)) == "image"


def test_units_are_told_of_layers_that_have_some() -> None:
    units = {layer.name: layer.units for layer in layers_of(config_of(sequential()))}
    assert units == {
        "image": None,
        "conv": 4,
        "norm": None,
        "pool": None,
        "depthwise": 8,
        "separable": 6,
        "dilated": 5,
        "drop": None,
        "flat": None,
        "classes": 7,
    }


def test_layers_of_nested_models_are_named_by_their_paths() -> None:
    assert "inner/deep" in [layer.name for layer in layers_of(config_of(functional()))]


def test_what_tells_layers_of_a_kind_apart_is_said() -> None:
    about = {layer.name: layer.about for layer in layers_of(config_of(sequential()))}
    assert about["conv"] == "3×5, stride 2, relu"
    assert about["pool"] == "2×3"
    assert about["drop"] == "0.25"


@pytest.mark.parametrize("config", [None, [], {}, {"config": 1}, {"config": {"layers": [1, {}, {"config": {}}]}}])
def test_what_cannot_be_read_is_left_out(config: Any) -> None:
    assert all(layer.units is None for layer in layers_of(config))
