"""Networks with Keras's own preprocessing before them answer as the same networks do to pictures, layer by layer."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl

from lib.network.adapt import adapt
from lib.network.pixels import Pixels
from lib.network.trunk import responses_of
from lib.network.units import layers_with_units


def like_vgg(side: int = 32) -> Any:
    """Blocks of 3x3 convolutions and pooling, then dense layers, as in VGG."""
    entry = x = keras.Input((side, side, 3))
    for block, (maps, convolutions) in enumerate([(8, 2), (12, 2), (16, 3)], 1):
        for number in range(1, convolutions + 1):
            x = kl.Conv2D(maps, 3, padding="same", activation="relu", name=f"block{block}_conv{number}")(x)
        x = kl.MaxPooling2D(2, name=f"block{block}_pool")(x)
    x = kl.Dense(20, activation="relu", name="fc1")(kl.Flatten()(x))
    return keras.Model(entry, kl.Dense(5, activation="softmax", name="predictions")(x))


def smooth_bytes(count: int, side: int) -> Any:
    """Pictures in 0..255, smooth in parts."""
    from scipy.ndimage import gaussian_filter

    noise = gaussian_filter(np.random.default_rng(4).normal(size=(count, side, side, 3)), (0, 3, 3, 0))
    return np.rint(128 + 60 * noise / noise.std()).clip(0, 255).astype(np.float32)


def check_layer_by_layer(model: Any, mode: str, text: str, side: int) -> None:
    from keras.applications.imagenet_utils import preprocess_input

    pictures = smooth_bytes(6, side)
    names = [layer.name for layer in layers_with_units(model)]
    reader = keras.Model(model.inputs[0], [model.get_layer(name).output for name in names])
    wanted = reader.predict(preprocess_input(pictures.copy(), mode=mode), verbose=0)
    adapted = adapt(model, Pixels.parse(text))
    found = responses_of(adapted, names).maps(pictures / 255)
    assert len(names) == len(wanted) > 5
    for name, one in zip(names, wanted, strict=True):
        after = found[name][0] if name != names[-1] else keras.ops.softmax(found[name][1])
        assert np.std(one) > 0, name
        assert np.corrcoef(np.ravel(after), np.ravel(one))[0, 1] > 0.999, name
        np.testing.assert_allclose(after, one, atol=1e-4 * np.abs(one).max(), err_msg=name)
    whole = adapted.predict(pictures / 255, verbose=0)  # type: ignore[attr-defined]
    np.testing.assert_allclose(whole, wanted[-1], atol=1e-4)


@pytest.mark.parametrize(("mode", "text"), [("caffe", "caffe"), ("tf", "-1..1"), ("torch", "torch")])
def test_a_network_like_vgg_answers_as_with_keras_preprocessing(mode: str, text: str) -> None:
    keras.utils.set_random_seed(2)
    check_layer_by_layer(like_vgg(), mode, text, 32)


def test_a_network_given_the_wrong_pixels_answers_otherwise() -> None:
    """So that the test above can fail."""
    keras.utils.set_random_seed(2)
    with pytest.raises(AssertionError):
        check_layer_by_layer(like_vgg(), "caffe", "0..255", 32)


@pytest.mark.heavy
def test_vgg16_answers_as_with_keras_preprocessing() -> None:
    keras.utils.set_random_seed(2)
    check_layer_by_layer(
        keras.applications.VGG16(weights=None, input_shape=(64, 64, 3), classes=10), "caffe", "caffe", 64
    )
