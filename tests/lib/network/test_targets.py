"""Layers of any kind as targets, against Keras's own tensors and networks without activations."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers as kl

from lib.bounds.proof import prove_dead
from lib.errors import BadInput
from lib.network.graph import graph_of
from lib.network.targets import find
from lib.network.trunk import responses_of
from lib.network.units import select_units
from lib.network.windowed_trunk import FramedTrunk

IMAGES = np.random.default_rng(2).uniform(size=(3, 16, 16, 3)).astype(np.float32)


def conv(units: int, activation: str | None, x: Any, **more: Any) -> Any:
    return kl.Conv2D(units, 3, padding="same", activation=activation, bias_initializer="random_normal", **more)(x)


def model_of(build: Callable[[Any], Any]) -> Any:
    keras.utils.set_random_seed(4)
    entry = keras.Input((16, 16, 3))
    return keras.Model(entry, build(entry))


def mixed(entry: Any) -> Any:
    """Activated and linear branches side by side, pooled, added up, let through by a gate, normalised."""
    one = conv(4, "relu", entry, name="one")
    two = kl.ReLU(max_value=6, name="two_relu")(conv(4, None, entry, name="two"))
    three = conv(4, None, entry, name="three")
    joined = kl.Concatenate(name="joined")([one, two])
    half = kl.Concatenate(name="half")(
        [kl.MaxPooling2D(padding="same", name="pooled")(one), kl.AveragePooling2D(2)(three)]
    )
    added = kl.Add(name="added")([one, two])
    partly = kl.Add(name="partly")([one, three])
    gate = kl.Reshape((1, 1, 4))(kl.Dense(4, activation="sigmoid")(kl.GlobalAveragePooling2D()(one)))
    gated = kl.Multiply(name="gated")([two, gate])
    normal = kl.BatchNormalization(name="normal")(joined)
    dropped = kl.Dropout(0.5, name="dropped")(kl.ZeroPadding2D(1, name="padded")(half))
    flat = kl.Flatten(name="flat")(dropped)
    least = kl.Maximum(name="greater")([one, three])
    rest = kl.GlobalMaxPooling2D(name="rest")(kl.Concatenate(name="all")([joined, added, partly, gated, normal, least]))
    return kl.Activation("softmax", name="classes")(kl.Dense(5, name="logits")(kl.Concatenate()([flat, rest])))


def own_output(model: Any, layer: str) -> Any:
    found = np.asarray(keras.Model(model.inputs, model.get_layer(layer).output)(IMAGES))
    return found.mean(axis=tuple(range(1, found.ndim - 1)))


EVERY = [
    "two_relu",
    "joined",
    "pooled",
    "half",
    "added",
    "partly",
    "gated",
    "normal",
    "padded",
    "dropped",
    "flat",
    "greater",
    "rest",
]


@pytest.fixture(scope="module")
def network() -> Any:
    return model_of(mixed)


def test_the_response_of_any_layer_is_the_mean_of_its_own_output(network: Any) -> None:
    found = responses_of(network, EVERY)(IMAGES)
    for layer in EVERY:
        np.testing.assert_allclose(np.asarray(found[layer][0]), own_output(network, layer), rtol=1e-4, atol=1e-5)
    logits = responses_of(network, ["classes"])(IMAGES)["classes"]
    np.testing.assert_allclose(np.asarray(logits[0]), own_output(network, "logits"), rtol=1e-4, atol=1e-5)
    assert find(graph_of(network), "classes").kind == "class"


def test_what_lies_before_is_the_same_network_without_the_activations_of_the_branches(network: Any) -> None:
    found = responses_of(network, EVERY)(IMAGES)
    one, two, three = (
        np.asarray(responses_of(network, [name]).maps(IMAGES)[name][at])
        for name, at in (("one", 1), ("two", 1), ("three", 0))
    )
    joined = np.concatenate([one, two], -1).mean((1, 2))
    np.testing.assert_allclose(np.asarray(found["joined"][1]), joined, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.asarray(found["added"][1]), (one + two).mean((1, 2)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        np.asarray(found["greater"][1]), np.maximum(one, three).mean((1, 2)), rtol=1e-4, atol=1e-5
    )
    blocks = one.reshape(3, 8, 2, 8, 2, 4).max((2, 4))
    np.testing.assert_allclose(np.asarray(found["pooled"][1]), blocks.mean((1, 2)), rtol=1e-4, atol=1e-5)
    assert np.asarray(found["pooled"][1]).min() < 0 <= np.asarray(found["pooled"][0]).min()


def test_units_are_signed_where_their_branch_has_no_activation(network: Any) -> None:
    signed = responses_of(network, EVERY).signed_units
    assert {layer: len(units) for layer, units in signed.items()} == {
        **{"two_relu": 0, "joined": 0, "pooled": 0, "half": 4, "added": 0, "partly": 4, "gated": 0, "normal": 8},
        **{"padded": 4, "dropped": 4, "flat": 100 * 4, "greater": 0, "rest": 8 + 4},
    }
    assert signed["half"] == {4, 5, 6, 7}
    flat, half = own_output(network, "flat"), own_output(network, "half")
    assert flat[:, [at for at in range(800) if at not in signed["flat"]]].min() >= 0
    assert half[:, :4].min() >= 0


def test_windows_of_a_picture_see_the_same_of_any_layer() -> None:
    model = model_of(
        lambda entry: kl.Concatenate(name="half")(
            [kl.MaxPooling2D(padding="same")(conv(4, "relu", entry)), kl.AveragePooling2D(2)(conv(4, None, entry))]
        )
    )
    trunk = FramedTrunk(model, ["half"])
    rows, columns = trunk.plan(0, 16, 2), trunk.plan(1, 16, 2)
    whole = [np.asarray(part) for part in responses_of(model, ["half"]).maps(IMAGES)["half"]]
    for part, wanted in enumerate(whole):
        lines = []
        for row in rows:
            line = []
            for column in columns:
                (y, high, *_), (x, wide, *_) = row[0], column[0]
                line.append(np.asarray(trunk.maps(IMAGES[:, y : y + high, x : x + wide], row, column)["half"][part]))
            lines.append(np.concatenate(line, 2))
        np.testing.assert_allclose(np.concatenate(lines, 1), wanted, rtol=1e-4, atol=1e-5)


def test_a_unit_that_is_not_dead_is_never_proved_dead_and_one_of_a_linear_branch_never_is() -> None:
    def build(entry: Any) -> Any:
        one = kl.Conv2D(3, 3, activation="relu", name="one")(entry)
        three = kl.Conv2D(3, 3, name="three")(entry)
        return kl.Concatenate(name="half")([kl.MaxPooling2D()(one), kl.MaxPooling2D()(three)])

    model = model_of(build)
    kernel, bias = model.get_layer("one").get_weights()
    kernel[..., 0], bias[:] = -np.abs(kernel[..., 0]), [-1, -1, 0]
    model.get_layer("one").set_weights([kernel, bias])
    kernel, bias = model.get_layer("three").get_weights()
    model.get_layer("three").set_weights([0 * kernel, 0 * bias])
    dead = prove_dead(model, "half", 0.0, 1.0)
    assert dead.tolist() == [True, False, False, False, False, False]


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.sampled_from(["relu", "sigmoid", "linear", "tanh"]), min_size=1, max_size=3),
    st.lists(st.sampled_from(["max", "mean", "pad", "drop", "up", "join", "add"]), max_size=4),
    st.integers(0, 2**16),
)
def test_a_unit_that_is_not_signed_is_never_negative_behind_a_rectifier(
    branches: list[str], moves: list[str], seed: int
) -> None:
    keras.utils.set_random_seed(seed)
    entry = keras.Input((16, 16, 3))
    parts = [conv(2, name, entry) for name in branches]
    x = parts[0] if len(parts) == 1 else kl.Concatenate()(parts)
    for move in moves:
        x = {
            "max": lambda x: kl.MaxPooling2D(2, 1)(x),
            "mean": lambda x: kl.AveragePooling2D(2, 1)(x),
            "pad": lambda x: kl.ZeroPadding2D(1)(x),
            "drop": lambda x: kl.Dropout(0.3)(x),
            "up": lambda x: kl.UpSampling2D(2)(x),
            "join": lambda x: kl.Concatenate()([x, x]),
            "add": lambda x: kl.Add()([x, x]),
        }[move](x)
    out = kl.Dropout(0.1, name="target")(x)
    model = keras.Model(entry, out)
    trunk = responses_of(model, ["target"])
    after, before = (np.asarray(part) for part in trunk.maps(IMAGES)["target"])
    assert after.shape == before.shape
    np.testing.assert_allclose(after, np.asarray(model(IMAGES)), rtol=1e-4, atol=1e-5)
    for at in range(after.shape[-1]):
        name = branches[(at % (2 * len(branches))) // 2]
        assert (at in trunk.signed_units["target"]) == (name == "linear")
        if name in ("relu", "sigmoid"):
            assert after[..., at].min() >= 0
        if name == "linear":
            np.testing.assert_array_equal(after[..., at], before[..., at])


def test_a_pattern_with_an_asterisk_means_layers_with_weights_where_it_fits_any(network: Any) -> None:
    assert {layer.name for layer in select_units(network, ["t*"])} == {"two", "three"}
    assert [layer.name for layer in select_units(network, ["two*"])] == ["two"]
    assert {layer.name for layer in select_units(network, ["*ed"])} == {
        "joined",
        "pooled",
        "added",
        "gated",
        "padded",
        "dropped",
    }
    ((half, units),) = select_units(network, ["half/2-5"]).items()
    assert (half.name, half.type, units) == ("half", "Concatenate", (2, 3, 4, 5))


def test_convolutions_behind_global_pooling_are_swept_by_name_alone() -> None:
    def build(entry: Any) -> Any:
        stem = conv(4, "relu", entry, name="stem")
        gate = conv(4, "sigmoid", kl.GlobalAveragePooling2D(keepdims=True)(stem), name="gate")
        late = conv(6, "relu", kl.Multiply()([stem, gate]), strides=2, name="late")
        squeezed = kl.Reshape((1, 1, 6))(kl.GlobalMaxPooling2D()(late))
        return kl.Flatten()(kl.Conv2D(3, 1, name="head")(squeezed))

    model = model_of(build)
    assert [layer.name for layer in select_units(model)] == ["stem", "late"]
    assert [layer.name for layer in select_units(model, ["gate", "head/1"])] == ["gate", "head"]


def test_a_convolution_on_one_position_that_strides_have_left_is_still_swept() -> None:
    def build(entry: Any) -> Any:
        x = entry
        for name in ("a", "b", "c", "d"):
            x = kl.MaxPooling2D()(conv(2, "relu", x, name=name))
        decoded = kl.Reshape((2, 2, 4))(kl.Dense(16)(kl.Flatten()(conv(3, "relu", x, name="last"))))
        return kl.Conv2DTranspose(2, 3, name="decoder")(decoded)

    assert [layer.name for layer in select_units(model_of(build))] == ["a", "b", "c", "d", "last", "decoder"]


def test_a_layer_that_puts_out_neither_maps_nor_nodes_is_refused_with_what_it_puts_out() -> None:
    model = model_of(lambda entry: kl.LSTM(3)(kl.Reshape((16, 48), name="lines")(conv(3, None, entry, name="maps"))))
    with pytest.raises(
        BadInput, match=r"layer 'lines' has no units: it puts out \(None, 16, 48\), neither maps nor nodes"
    ):
        select_units(model, ["lines"])
    with pytest.raises(BadInput, match="no layer 'map': did you mean maps"):
        find(graph_of(model), "map")


def test_more_nodes_than_can_be_swept_are_refused() -> None:
    model = model_of(lambda entry: kl.Flatten(name="flat")(conv(40, None, entry, name="maps")))
    with pytest.raises(BadInput, match="layer 'flat' puts out 10,240 nodes, more than can be swept"):
        select_units(model, ["flat"])
