"""Proofs that units are dead: never wrong, and there where they are owed."""

from functools import partial
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers as kl

from lib.bounds.intervals import Interval
from lib.bounds.proof import bounds_of, prove_dead
from lib.errors import BadInput
from lib.network.graph import graph_of, run_step
from lib.network.held import with_one_input
from lib.network.trunk import responses_of
from lib.network.units import select_layers
from lib.training.reference import build
from tests.lib.keras_zoo import ZOO

ACTIVATIONS = ["linear", "relu", "relu6", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh", "softmax", "mish"]
ACTIVATION = st.sampled_from(ACTIVATIONS)
PADDING = st.sampled_from(["same", "valid"])


def residual(x: Any) -> Any:
    return kl.Add()([x, kl.BatchNormalization()(kl.Conv2D(x.shape[-1], 3, padding="same")(x))])


def gated(x: Any) -> Any:
    return kl.Multiply()([x, keras.ops.sigmoid(x)])


def mixed(x: Any) -> Any:
    return kl.Concatenate()([kl.Average()([x, -2.0 * x]), kl.Maximum()([x, 0.3 - x]), x - 1.5])


def made(layer: Any, *arguments: Any, **options: Any) -> st.SearchStrategy[Any]:
    """Draws calls that make the layer: making it draws from Python's random numbers, which a strategy must not."""
    return st.builds(partial, st.just(layer), *map(st.just, arguments), **options)


LAYER = st.one_of(
    made(kl.Conv2D, 4, 3, padding=PADDING, activation=ACTIVATION, strides=st.integers(1, 2)),
    made(kl.Conv2D, 4, 3, padding=st.just("same"), dilation_rate=st.just(2), activation=ACTIVATION),
    made(kl.DepthwiseConv2D, 3, padding=PADDING, depth_multiplier=st.integers(1, 2), activation=ACTIVATION),
    made(kl.SeparableConv2D, 3, 3, padding=PADDING, activation=ACTIVATION),
    made(kl.Conv2DTranspose, 3, 3, strides=st.integers(1, 2), padding=PADDING, activation=ACTIVATION),
    made(kl.Dense, 5, activation=ACTIVATION, use_bias=st.booleans()),
    made(kl.Activation, activation=ACTIVATION),
    st.sampled_from([residual, gated, mixed, keras.ops.relu, keras.ops.gelu, keras.ops.leaky_relu]).map(
        lambda function: lambda: function
    ),
    made(kl.BatchNormalization, center=st.booleans(), scale=st.booleans()),
    made(kl.ReLU, max_value=st.sampled_from([None, 2.0]), threshold=st.sampled_from([0.0, 0.5])),
    made(kl.ReLU, negative_slope=st.just(0.3)),
    made(kl.AveragePooling2D, 2, padding=PADDING),
    made(kl.MaxPooling2D, 2, padding=PADDING),
    made(kl.UpSampling2D, interpolation=st.sampled_from(["nearest", "bilinear", "bicubic"])),
    made(kl.Rescaling, -2.0, 1.0),
    made(kl.Reshape, (-1, 1, 1)),
    st.sampled_from([kl.PReLU, kl.LayerNormalization, kl.ZeroPadding2D, kl.GroupNormalization]).map(
        lambda layer: partial(layer, 1) if layer is kl.GroupNormalization else layer
    ),
)


@settings(max_examples=40)
@given(st.data())
def test_bounds_hold_for_any_network_and_image(data: Any) -> None:
    channels = data.draw(st.sampled_from([1, 3]))
    entry = keras.Input((13, 13, channels))
    x = entry
    for layer in data.draw(st.lists(LAYER, min_size=1, max_size=4)):
        if min(x.shape[1:3]) >= 3:
            x = layer()(x)
    head = data.draw(st.sampled_from(["none", "flat", "average"]))
    if head != "none":
        x = kl.Dense(3)(kl.Flatten()(x) if head == "flat" else kl.GlobalAveragePooling2D()(x))
    model = keras.Model(entry, x)
    low, high = sorted(data.draw(st.tuples(st.integers(-30, 30), st.integers(-30, 30))))
    assert_sound(model, low, high, data.draw(st.integers(0, 2**32)))


UNDERSTOOD = {
    "padded": lambda: kl.Conv2D(4, 3, padding="same"),
    "grouped": lambda: kl.Conv2D(6, 3, groups=3),
    "depthwise": lambda: kl.DepthwiseConv2D(3, depth_multiplier=2),
    "separable": lambda: kl.SeparableConv2D(4, 3),
    "transposed": lambda: kl.Conv2DTranspose(4, 3, strides=2),
    "dense": lambda: kl.Dense(600),
    "normalised": lambda: kl.BatchNormalization(),
    "standardised": lambda: kl.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 5.0, 6.0]),
    "rescaled": lambda: kl.Rescaling([1.0, -2.0, 3.0], 1.0),
    "limited": lambda: kl.ReLU(max_value=2.0, threshold=0.5),
    "prelu": lambda: kl.PReLU(),
    "zeros": lambda: kl.ZeroPadding2D(),
    "averaged": lambda: kl.AveragePooling2D(2, padding="same"),
    "flat": lambda: kl.Flatten(),
    "mixed": lambda: mixed,
    "gated": lambda: gated,
    "residual": lambda: residual,
    **{name: partial(kl.Activation, name) for name in ACTIVATIONS},
}


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_bounds_of_each_layer_hold_and_are_finite(name: str) -> None:
    entry = keras.Input((5, 5, 3))
    model = keras.Model(entry, UNDERSTOOD[name]()(entry))
    for seed, (low, high) in enumerate([(-1, 1), (1, 4), (-3, -1), (0.25, 0.4), (0, 0)]):
        bounds = assert_sound(model, low, high, seed)
        assert np.isfinite([bounds.low, bounds.high]).all()


@pytest.mark.parametrize("hold", ["zeros", "0.5"])
def test_bounds_hold_of_a_network_whose_other_input_is_held(hold: str) -> None:
    image, age = keras.Input((5, 5, 3), name="image"), keras.Input((4,), name="age")
    gate = kl.Reshape((1, 1, 2))(kl.Dense(2)(age))
    maps = kl.ReLU(name="maps")(kl.Multiply()([kl.Conv2D(2, 3)(image), gate]))
    model = with_one_input(keras.Model([image, age], maps), {"age": hold})
    assert_sound(model, -1, 1, 0)
    assert prove_dead(model, "maps", -1, 1).shape == (2,)


def assert_sound(model: Any, low: float, high: float, seed: int) -> Interval:
    """Every tensor of the network lies within its bounds, for weights and images drawn from the seed."""
    random = np.random.default_rng(seed)
    for variable in model.variables:
        values = random.normal(scale=0.5, size=variable.shape)
        values *= random.random(values.shape) > 0.3
        if variable.dtype == "float32":
            variable.assign(np.abs(values) + 0.1 if "variance" in variable.path else values)
    shape = model.inputs[0].shape[1:]
    images = random.uniform(low, high, size=(6, *shape))
    images[:3] = np.where(random.random((3, *shape)) > 0.5, low, high)
    images = images.astype(np.float32)

    graph = graph_of(model)
    pixels = Interval(*(np.full(shape[-1], end) for end in (images.min(), images.max())))
    values = {graph.input: images}
    for step in graph.steps:
        run_step(step, values)
        for out in step.outputs:
            found, bounds = np.asarray(values[out], np.float64), bounds_of(graph, out, pixels)
            positions = tuple(range(found.ndim - 1))
            assert (bounds.low <= found.min(positions)).all(), step.name
            assert (bounds.high >= found.max(positions)).all(), step.name
    return bounds


def planted(low: float = -28, high: float = 28) -> tuple[Any, dict[str, np.ndarray]]:
    """The reference CNN with three planted maps in each layer, and which maps are proved dead."""
    model = build((28, 28, 1), 10)
    for name in ("Conv2D_1", "Conv2D_2", "Conv2D_3"):
        kernel, bias = model.get_layer(name).get_weights()
        kernel[..., 3] = -np.abs(kernel[..., 3])
        bias[5:7] = -1e3, -1e4
        model.get_layer(name).set_weights([kernel, bias])
    return model, {layer.name: prove_dead(model, layer.name, low, high) for layer in select_layers(model)}


def test_planted_maps_are_proved_dead_and_no_others() -> None:
    _, dead = planted()
    assert np.flatnonzero(dead["Conv2D_1"]).tolist() == [5, 6]  # its input is not rectified
    assert np.flatnonzero(dead["Conv2D_2"]).tolist() == [3, 5, 6]
    assert np.flatnonzero(dead["Conv2D_3"]).tolist() == [3, 5, 6]


def test_a_bias_that_the_pixels_can_overcome_proves_nothing() -> None:
    _, dead = planted(-1e6, 1e6)
    assert np.flatnonzero(dead["Conv2D_3"]).tolist() == [3]
    assert not dead["Conv2D_1"].any()


def test_dead_units_never_respond() -> None:
    model, dead = planted()
    images = np.random.default_rng(0).uniform(-28, 28, size=(32, 28, 28, 1)).astype(np.float32)
    for layer, (response, _) in responses_of(model, list(dead))(images).items():
        assert not np.asarray(response)[:, dead[layer]].any()
        assert np.asarray(response)[:, ~dead[layer]].max() > 0


def test_a_small_positive_bias_is_enough_to_live() -> None:
    model, _ = planted()
    kernel, bias = model.get_layer("Conv2D_3").get_weights()
    bias[3] = 1e-6
    model.get_layer("Conv2D_3").set_weights([kernel, bias])
    assert not prove_dead(model, "Conv2D_3", -28, 28)[3]


def tiny(*rest: Any) -> Any:
    model = keras.Sequential([kl.Input((8, 8, 1)), kl.Conv2D(4, 3, activation="relu"), *rest])
    target = model.get_layer("target")
    target.set_weights([-np.abs(weights) - 0.1 for weights in target.get_weights()])
    return model


@pytest.mark.parametrize(
    ("dead", "rest"),
    [
        (True, [kl.Conv2D(2, 3, activation="relu6", name="target")]),
        (True, [kl.Conv2D(2, 3, name="target"), kl.Dropout(0.5), kl.ReLU()]),
        (True, [kl.DepthwiseConv2D(3, activation="relu", name="target")]),
        (True, [kl.Conv2DTranspose(2, 3, strides=2, activation="relu", name="target")]),
        (True, [kl.Flatten(), kl.Dense(2, activation="relu", name="target")]),
        (True, [kl.LayerNormalization(), kl.ReLU(), kl.Conv2D(2, 3, activation="relu", name="target")]),
        (False, [kl.LayerNormalization(), kl.Conv2D(2, 3, activation="relu", name="target")]),
        (False, [kl.Conv2D(2, 3, activation="leaky_relu", name="target")]),
        (False, [kl.Conv2D(2, 3, activation="elu", name="target")]),
        (False, [kl.Conv2D(2, 3, activation="sigmoid", name="target")]),
        (False, [kl.Conv2D(2, 3, name="target")]),
        (False, [kl.Conv2D(2, 3, name="target"), kl.Rescaling(-1.0), kl.ReLU()]),
        (False, [kl.Flatten(), kl.Dense(2, activation="softmax", name="target")]),
    ],
)
def test_only_units_that_are_rectified_to_nothing_are_dead(dead: bool, rest: list[Any]) -> None:
    model = tiny(*(layer.__class__.from_config(layer.get_config()) for layer in rest))
    assert (prove_dead(model, "target", -1, 1) == dead).all()


class Negated(kl.Conv2D):  # type: ignore[misc]
    def call(self, inputs: Any) -> Any:
        return -super().call(inputs)


def test_of_a_layer_that_is_not_keras_own_nothing_is_proved() -> None:
    model = tiny(Negated(2, 3, activation="relu", name="target"))
    assert not prove_dead(model, "target", -1, 1).any()
    half = tiny(kl.Conv2D(2, 3, activation="relu", dtype="mixed_bfloat16", name="target"))
    assert not prove_dead(half, "target", -1, 1).any()


@pytest.mark.parametrize("name", ZOO)
def test_any_model_can_be_asked(name: str) -> None:
    model = ZOO[name]().model
    for layer in select_layers(model, ["*"]):
        dead = prove_dead(model, layer.name, -2, 2)
        assert (dead.shape, dead.dtype) == ((layer.units,), bool)


def test_an_unknown_layer_is_refused() -> None:
    with pytest.raises(BadInput, match="Conv2D_9"):
        prove_dead(build((28, 28, 1), 10), "Conv2D_9", 0, 1)
