"""Names of layers that TensorFlow's graphs do not take."""

import hypothesis.strategies as st
import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given

from lib.network.adapt import adapt
from lib.network.graph import graph_of
from lib.network.pixels import Pixels
from lib.network.scopes import allow_any_name, scope_name
from lib.network.trunk import responses_of

pytestmark = pytest.mark.heavy

NAMES = ("conv (1)", ".hidden", "Fläche", "a - b + 2*c", "1: *", "[x]?", "画", "-x", "_y", "<b>&'\"", "L" * 300)


@given(st.text(min_size=1).filter(lambda name: "/" not in name))
def test_every_name_has_a_scope_that_tensorflow_takes(name: str) -> None:
    with tf.Graph().as_default(), tf.name_scope(scope_name(name)):
        found = tf.constant(1.0)
    assert found.name.endswith("Const:0")


@pytest.mark.parametrize("name", ["Conv2D_1", "block/conv1", ".x", "tf.math.add_1", "a-b"])
def test_a_name_that_tensorflow_takes_stays(name: str) -> None:
    assert scope_name(name) == name


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_of_any_name_is_computed_within_compiled_functions(name: str) -> None:
    def build(called: str, model: str) -> keras.Model:
        layer = keras.layers.Conv2D(2, 3, activation="relu", name=called)
        return keras.Sequential([keras.Input((6, 6, 1)), layer, keras.layers.Flatten()], name=model)

    odd, plain = build(name, "mein Netz (1)"), build("plain", "model")
    odd.set_weights(plain.get_weights())
    images = np.random.default_rng(0).random((2, 6, 6, 1)).astype(np.float32)
    allow_any_name()
    np.testing.assert_array_equal(tf.function(odd)(images), tf.function(plain)(images))
    found, wanted = (responses_of(model, [layer]) for model, layer in ((odd, name), (plain, "plain")))
    for mine, theirs in zip(tf.function(found)(images)[name], tf.function(wanted)(images)["plain"], strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert graph_of(odd).steps[0].name == odd.layers[0].name == name
    adapted = adapt(odd, Pixels.parse("0..255"))
    assert np.isfinite(tf.function(adapted)(images)).all()
