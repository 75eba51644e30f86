"""The gradient by windows against the whole picture's: of networks of every kind, at any size and any window."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers as kl

from lib.dream.mixture import mixture_of
from lib.dream.objective import DreamObjective
from lib.dream.whole_gradient import WholeGradient
from lib.dream.windowed_gradient import WindowedGradient
from lib.errors import BadInput
from lib.network.adapt import adapt
from lib.network.pixels import Pixels
from lib.oips.objective import LEAK
from lib.training.reference import build
from tests.lib.numpy_reference import LAYERS, objective_of, weights_of

pytestmark = pytest.mark.heavy

NETWORKS: dict[str, tuple[Callable[[], Any], str]] = {}


def network(objective: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    def named(make: Callable[[], Any]) -> Callable[[], Any]:
        NETWORKS[make.__name__] = make, objective
        return make

    return named


@network("Conv2D_3")
def reference() -> Any:
    return build((28, 28, 1), 10, seed=1)


@network("0.7*Conv2D_1 + 0.3*Conv2D_3/5 - Conv2D_2[3:1, 17:-0.5]")
def reference_mixed() -> Any:
    return build((28, 28, 1), 10, seed=1)


@network("last")
def padded_and_strided() -> Any:
    """Where "same" pads depends on the whole side: on its parity, and on what is left of it by three."""
    return keras.Sequential(
        [
            kl.Input((None, None, 3)),
            kl.Conv2D(4, 3, strides=2, padding="same", activation="relu"),
            kl.MaxPooling2D(3, strides=2, padding="same"),
            kl.Conv2D(5, (5, 2), padding="same", dilation_rate=2, activation="relu"),
            kl.AveragePooling2D(3, strides=2, padding="same"),
            kl.DepthwiseConv2D(3, strides=3, padding="same", activation="elu"),
            kl.Conv2D(4, (4, 3), padding="same", activation="relu", name="last"),
        ]
    )


@network("inner + out")
def residual() -> Any:
    """As a ResNet: padded by layers, branches of unlike reach, a strided shortcut, two targets."""
    entry = keras.Input((33, 31, 3))
    x = kl.ZeroPadding2D(3)(kl.Rescaling(2.0, -1.0)(entry))
    x = kl.ReLU()(kl.BatchNormalization()(kl.Conv2D(4, 7, strides=2)(x)))
    x = kl.MaxPooling2D(3, strides=2)(kl.ZeroPadding2D(1)(x))
    y = kl.Conv2D(4, 3, padding="same", activation="relu", name="inner")(x)
    x = kl.ReLU()(kl.Add()([kl.BatchNormalization()(kl.Conv2D(4, 3, padding="same")(y)), x]))
    y = kl.SeparableConv2D(6, 3, strides=2, padding="same")(x)
    y = kl.Conv2D(6, 3, padding="same", activation="relu")(y)
    x = kl.ReLU()(y + kl.Conv2D(6, 1, strides=2)(x))
    return keras.Model(entry, kl.Conv2D(3, 3, padding="same", activation="relu", name="out")(x))


@network("end")
def cut_and_enlarged() -> Any:
    entry = keras.Input((None, None, 1))
    x = kl.Conv2D(4, 3, activation="relu", padding="same")(kl.ZeroPadding2D(((4, 1), (0, 5)))(entry))
    y = kl.UpSampling2D((2, 3))(kl.MaxPooling2D((2, 3), padding="same")(x))
    z = kl.Cropping2D(((0, 3), (2, 1)))(kl.ZeroPadding2D(((1, 2), (2, 1)))(x))
    y = kl.Conv2D(3, (2, 3), activation="relu")(y)
    z = kl.AveragePooling2D((2, 3), strides=1)(kl.LeakyReLU()(z))
    x = kl.Cropping2D(((2, 0), (1, 1)))(kl.Concatenate()([z, z * 0.5]))
    top = kl.Conv2D(3, 3, strides=(2, 1), activation="relu")(x)
    side = kl.Conv2D(3, 3, strides=(2, 1), activation="tanh")(kl.Cropping2D(((0, 0), (0, 0)))(x))
    return keras.Model([entry], [kl.Conv2D(4, 2, activation="relu", name="end")(top * side), y])


class Compared:
    def __init__(self, name: str) -> None:
        make, objective = NETWORKS[name]
        keras.utils.set_random_seed(4)
        self.model = make()
        # what a network takes may be anything, also where a layer pads with zeros of its own
        self.model = adapt(self.model, Pixels((0.25,), (0.5,), bgr=self.model.input_shape[-1] == 3))
        random = np.random.default_rng(3)
        for variable in self.model.variables:
            values = random.normal(scale=0.4, size=variable.shape)
            variable.assign(np.abs(values) + 0.5 if "variance" in variable.path else values)
        self.objective = DreamObjective(self.model, mixture_of(self.model, objective))
        self.channels = self.model.inputs[0].shape[-1]
        whole = WholeGradient(self.model, self.objective, "none")
        self.least = whole.least
        self.windowed = self.by_windows(None)
        picture = tf.TensorSpec((None, None, self.channels))
        signature = [picture, *self.windowed.signature]
        self._whole = tf.function(whole, input_signature=[picture], autograph=False)
        self._windowed = tf.function(self.windowed, input_signature=signature, autograph=False)
        self._value = tf.function(self.windowed.value, input_signature=signature, autograph=False)

    def by_windows(self, window: int | None) -> WindowedGradient:
        return WindowedGradient(self.model, self.objective, window=window)

    def check(self, height: int, width: int, window: int | None, seed: int) -> int:
        """Compares; gives how many windows there were."""
        pixels = np.random.default_rng(seed).random((height, width, self.channels)).astype(np.float32)
        plan = self.by_windows(window).plan(height, width)
        value, gradient = self._whole(pixels)
        found, by_windows = self._windowed(pixels, *plan)
        scale = np.abs(gradient).max()
        np.testing.assert_allclose(by_windows, gradient, atol=2e-5 * scale + 1e-12)
        np.testing.assert_allclose(found, value, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(self._value(pixels, *plan), value, rtol=1e-4, atol=1e-6)
        return len(plan[0]) * len(plan[1])


@pytest.fixture(scope="module", params=NETWORKS)
def compared(request: pytest.FixtureRequest) -> Compared:
    return Compared(request.param)


@settings(max_examples=25)
@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_windows_of_any_size_give_the_gradient_of_the_whole_picture(
    compared: Compared, above_high: int, above_wide: int, window: int, seed: int
) -> None:
    """Sides from the least that the network takes on, so also pictures smaller than its receptive field."""
    compared.check(compared.least[0] + above_high, compared.least[1] + above_wide, window, seed)


@pytest.mark.parametrize("size", [(131, 90), (64, 128), (97, 101)])
@pytest.mark.parametrize("window", [8, 33, 64])
def test_larger_pictures_too(compared: Compared, size: tuple[int, int], window: int) -> None:
    assert compared.check(*size, window, 1) > 1


def test_a_picture_too_small_for_a_layer_is_refused_by_its_size(compared: Compared) -> None:
    high, wide = compared.least
    assert compared.windowed.least == (high, wide)
    for height, width in ((high - 1, wide), (high, wide - 1)):
        with pytest.raises(BadInput, match=f"{width}x{height} is too small .* {wide}x{high} or more"):
            compared.windowed.plan(height, width)


def test_windows_do_not_grow_with_the_picture() -> None:
    compared = Compared("reference")
    rows, columns, positions = compared.windowed.plan(6000, 4000)
    assert rows[:, 0, 1].max() < 450
    assert columns[:, 0, 1].max() < 450
    assert positions == pytest.approx(1496 * 996)
    read = (rows[:, 0, 1].sum() / 6000) * (columns[:, 0, 1].sum() / 4000)
    assert read < 1.1, "little is read twice"


def test_a_deep_network_reads_little_twice() -> None:
    """Its windows are at least as large as what they read beyond their own."""
    model = keras.Sequential(
        [kl.Input((None, None, 3))] + [kl.Conv2D(4, 5, strides=2, padding="same", activation="relu") for _ in range(8)]
    )
    windowed = WindowedGradient(model, DreamObjective(model, mixture_of(model, "")))
    rows, _, _ = windowed.plan(6000, 4000)
    assert len(rows) > 3
    assert rows[:, 0, 1].sum() / 6000 < 2.1, "1,021 pixels decide a position"


@pytest.mark.parametrize("window", [9, 16, 100])
def test_it_is_the_gradient_of_its_definition(window: int) -> None:
    """In float64, by nothing that is shared with the code under test."""
    model = build((28, 28, 1), 10, seed=5)
    random = np.random.default_rng(2)
    for name in LAYERS:
        layer = model.get_layer(name)
        layer.set_weights([layer.get_weights()[0], random.normal(scale=0.1, size=layer.bias.shape)])
    pixels = random.random((41, 38, 1)).astype(np.float32)
    windowed = WindowedGradient(model, DreamObjective(model, mixture_of(model, "Conv2D_3/5")), window=window)
    value, gradient = windowed(tf.constant(pixels), *map(tf.constant, windowed.plan(41, 38)))
    expected = objective_of(weights_of(model), pixels.astype(np.float64), "Conv2D_3", 5, LEAK)
    assert float(value) == pytest.approx(expected.response + LEAK * expected.pre_activation, rel=1e-5)
    np.testing.assert_allclose(gradient, expected.gradient, atol=1e-5 * np.abs(expected.gradient).max())
