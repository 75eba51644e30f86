"""Networks that must not be shown parts: taken whole, or refused with the layer and the reason."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as kl

from lib.dream.ascent import DreamAscent
from lib.dream.mixture import mixture_of
from lib.dream.objective import DreamObjective
from lib.dream.whole_gradient import MOST_PIXELS, WholeGradient, picture_gradient
from lib.dream.windowed_gradient import WindowedGradient
from lib.errors import BadInput
from lib.network.trunk import responses_of
from lib.network.window_plan import Unbounded
from lib.training.reference import build


def squeezing(side: int | None = None) -> Any:
    """With squeeze-and-excitation, as in an EfficientNet."""
    entry = keras.Input((side, side, 3))
    x = kl.Conv2D(6, 3, activation="relu", name="before")(entry)
    gates = kl.Reshape((1, 1, 6))(kl.GlobalAveragePooling2D(name="squeeze")(x))
    gates = kl.Conv2D(6, 1, activation="sigmoid")(kl.Conv2D(2, 1, activation="relu")(gates))
    x = kl.Multiply(name="excite")([x, gates])
    x = kl.Conv2D(5, 3, strides=2, activation="relu", name="behind")(x)
    return keras.Model(entry, kl.Dense(4, name="classes")(kl.GlobalAveragePooling2D()(x)))


def gradient_of(model: Any, text: str) -> WindowedGradient | WholeGradient:
    return picture_gradient(model, DreamObjective(model, mixture_of(model, text)))


@pytest.fixture(scope="module")
def model() -> Any:
    keras.utils.set_random_seed(2)
    return squeezing()


def test_what_lies_before_the_global_layer_goes_by_windows(model: Any) -> None:
    assert isinstance(gradient_of(model, "before"), WindowedGradient)


@pytest.mark.parametrize("text", ["behind", "before + behind/2", "classes/1"])
def test_what_lies_behind_it_is_taken_whole(model: Any, text: str) -> None:
    found = gradient_of(model, text)
    assert isinstance(found, WholeGradient)
    pixels = tf.constant(np.random.default_rng(1).random((23, 31, 3)).astype(np.float32))
    assert found.plan(23, 31) == ()
    value, gradient = found(pixels)
    objective = DreamObjective(model, mixture_of(model, text))
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        expected = objective.value(responses_of(model, objective.layers).maps(pixels[None]))[0]
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    np.testing.assert_allclose(gradient, tape.gradient(expected, pixels), rtol=1e-3, atol=1e-7)


def test_it_optimises_pictures_of_every_size_by_one_trace(model: Any) -> None:
    ascent = DreamAscent(gradient_of(model, "behind"), 3)
    for size in ((20, 30), (31, 17)):
        start = np.random.default_rng(1).random((*size, 3)).astype(np.float32)
        _, values = ascent.optimise(start, steps=4, step_size=0.02, smoothing=0.5, jitter=2, seed=1)
        assert values[-1] > values[0]
    assert ascent.traces == 1


def test_a_picture_too_large_to_be_taken_whole_is_refused_with_the_reason(model: Any) -> None:
    found = gradient_of(model, "behind")
    assert found.plan(MOST_PIXELS // 512, 512) == ()
    with pytest.raises(BadInput, match=r"513x1024 is too large: layer squeeze has no bounded .* or mode tiles"):
        found.plan(MOST_PIXELS // 512, 513)


def test_a_picture_too_small_is_refused(model: Any) -> None:
    found = gradient_of(model, "behind")
    assert found.least == (5, 5)
    with pytest.raises(BadInput, match="9x4 is too small for behind: give one of 5x5 or more"):
        found.plan(4, 9)


@pytest.mark.parametrize("text", ["dense_1", "dense_2/3"])
def test_what_a_dense_head_sees_of_its_own_size_alone_is_refused(text: str) -> None:
    model = build((28, 28, 1), 10, seed=1)
    with pytest.raises(BadInput, match=f"{text.split('/')[0]} can be had only of images of the network's own size"):
        gradient_of(model, text)


def decoder(interpolation: str) -> Any:
    """An encoder, and the way back up to the size of the image, as in a U-Net."""
    entry = keras.Input((16, 16, 3))
    skip = kl.Conv2D(4, 3, padding="same", activation="relu")(entry)
    x = kl.Conv2D(4, 3, strides=2, padding="same", activation="relu")(kl.MaxPooling2D()(skip))
    x = kl.Concatenate()([skip, kl.UpSampling2D(4, interpolation=interpolation, name="up")(x)])
    return keras.Model(entry, kl.Conv2D(2, 3, padding="same", activation="relu", name="maps")(x))


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "nearest"])
def test_what_lies_behind_enlarged_maps_is_had_of_pictures_of_every_size(interpolation: str) -> None:
    model = decoder(interpolation)
    ascent = DreamAscent(gradient_of(model, "maps"), 3)
    for size in ((16, 16), (23, 18)):
        start = np.random.default_rng(1).random((*size, 3)).astype(np.float32)
        picture, values = ascent.optimise(start, steps=2, step_size=0.02, smoothing=0.0, jitter=0, seed=1)
        assert values[-1] > values[0]
        if size == (16, 16):  # for which Keras knows all sizes beforehand
            known = DreamObjective(model, mixture_of(model, "maps"))
            trunk = responses_of(model, ["maps"])
            np.testing.assert_allclose(values[-1], known.value(trunk.maps(picture[None]))[0], rtol=1e-4)


@pytest.mark.parametrize(
    "layer", [kl.PReLU(name="own"), kl.LayerNormalization(axis=(1, 2), name="own")], ids=["prelu", "norm"]
)
def test_weights_for_each_position_are_of_the_networks_own_size_alone(layer: Any) -> None:
    entry = keras.Input((12, 12, 3))
    model = keras.Model(entry, kl.Conv2D(2, 3, activation="relu", name="maps")(layer(entry)))
    with pytest.raises(
        BadInput, match="maps can be had only of images of the network's own size, because of layer own"
    ):
        gradient_of(model, "maps")


class OnlyItsAuthorKnows(kl.Layer):  # type: ignore[misc]
    def call(self, inputs: Any) -> Any:
        return inputs - tf.reduce_mean(inputs, (1, 2), keepdims=True)


class OddConvolution(kl.Conv2D):  # type: ignore[misc]
    def call(self, inputs: Any) -> Any:
        return super().call(inputs - tf.reduce_mean(inputs))


@pytest.mark.parametrize(
    "layer",
    [
        OnlyItsAuthorKnows(name="odd"),
        OddConvolution(3, 3, name="odd"),
        kl.Conv2DTranspose(3, 3, name="odd"),
        kl.UpSampling2D(interpolation="bilinear", name="odd"),
        kl.GroupNormalization(3, name="odd"),
        kl.LayerNormalization(axis=(1, 2), name="odd"),
        kl.PReLU(name="odd"),
        kl.Softmax(axis=1, name="odd"),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_what_is_not_known_to_see_a_neighbourhood_alone_does_not_go_by_windows(layer: Any) -> None:
    entry = keras.Input((12, 12, 3))
    model = keras.Model(entry, kl.Conv2D(2, 3, activation="relu", name="maps")(layer(entry)))
    with pytest.raises(Unbounded, match="layer odd has a global receptive field"):
        WindowedGradient(model, DreamObjective(model, mixture_of(model, "maps")))
