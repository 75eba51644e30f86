"""A unit that is called dead responds to no image within the declared range: a search for counterexamples.

Biases are planted about the very threshold of each unit, whatever the network takes and makes of that inside.
The images are those that excite a unit most, where that is known, corners of the range, random ones, and what gradient
ascent makes of them; the network is asked as it was saved, with what it takes.
"""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers as kl

from lib.bounds.proof import prove_dead
from lib.network.adapt import adapt
from lib.network.pixels import Pixels, named
from lib.oips.ascent import Ascent, AscentState, cosine_rates
from lib.oips.constraint import Constraint
from tests.lib.network.test_pixels import declared

UNITS = 8
SIDE = 5
INSIDE = {
    "nothing": lambda pixels: [],
    "rescaled": lambda pixels: [kl.Rescaling(1 / 127.5, -1.0)],
    "normalised": lambda pixels: [kl.Normalization(mean=[100.0, 110.0, 120.0], variance=[3000.0, 3500.0, 4000.0])],
    "batch normalised": lambda pixels: [kl.BatchNormalization()],
    "undone": lambda pixels: [
        kl.Rescaling(list(np.broadcast_to(pixels.deviation, 3)), list(np.broadcast_to(pixels.mean, 3)))
    ],
}
PIXELS = st.one_of(st.sampled_from(list(named().values())), declared())


def network(inside: str, pixels: Pixels, seed: int) -> Any:
    """One convolution, and another behind it, of drawn weights."""
    model = keras.Sequential(
        [
            kl.Input((SIDE, SIDE, 3)),
            *INSIDE[inside](pixels),
            kl.Conv2D(UNITS, 3, activation="relu", name="first"),
            kl.Conv2D(UNITS, 2, activation="relu", name="second"),
        ]
    )
    random = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        variable.assign(random.normal(size=variable.shape))
    return model


def before_the_bias(model: Any, taken: Any) -> Any:
    """What each unit of the first convolution makes of images as the network takes them, less its bias, [n, units]."""
    layer = model.get_layer("first")
    values = tf.convert_to_tensor(taken)
    for one in model.layers[: model.layers.index(layer)]:
        values = one(values)
    return np.asarray(tf.nn.conv2d(values, layer.kernel, 1, "VALID")).max((1, 2)).astype(np.float64)


def exciting(model: Any, pixels: Pixels) -> Any:
    """For each unit of the first convolution the picture within 0..1 that excites it most at its first position."""
    adapted = adapt(model, pixels)
    layer = model.get_layer("first")
    with tf.GradientTape(persistent=True) as tape:
        picture = tf.Variable(np.full((1, SIDE, SIDE, 3), 0.5, np.float32))
        values: Any = tf.convert_to_tensor(picture)
        for step in adapted.layers[1 : adapted.layers.index(layer)]:
            values = step(values)
        sums = tf.nn.conv2d(values, layer.kernel, 1, "VALID")[0, 0, 0]
        parts = tf.unstack(sums)
    gradients = [tape.gradient(part, picture)[0] for part in parts]  # it is linear: the sign says it all
    return np.stack([(np.asarray(gradient) > 0).astype(np.float32) for gradient in gradients])


def candidates(model: Any, pixels: Pixels, seed: int) -> Any:
    random = np.random.default_rng(seed)
    shape = (40, SIDE, SIDE, 3)
    corners = random.integers(0, 2, shape).astype(np.float32)
    even = np.broadcast_to(random.integers(0, 2, (40, 1, 1, 3)).astype(np.float32), shape)
    return np.concatenate([exciting(model, pixels), corners, even, random.random(shape).astype(np.float32)])


@pytest.mark.heavy
@settings(max_examples=25, deadline=None)
@given(PIXELS, st.sampled_from(list(INSIDE)), st.integers(0, 2**32 - 1), st.floats(-3e-2, 1e-3))
def test_a_unit_that_is_called_dead_responds_to_no_image_of_the_range(
    pixels: Pixels, inside: str, seed: int, above: float
) -> None:
    model = network(inside, pixels, seed)
    pictures = candidates(model, pixels, seed)
    reach = before_the_bias(model, pixels.to_network(pictures)).max(0)
    # of each unit: it can come so far above 0, as a share of what the bias takes away
    layer = model.get_layer("first")
    layer.bias.assign((-reach + above * np.abs(reach)).astype(np.float32))
    adapted = adapt(model, pixels)
    reader = keras.Model(model.inputs[0], [model.get_layer(name).output for name in ("first", "second")])
    dead = {name: prove_dead(adapted, name, 0.0, 1.0) for name in ("first", "second")}
    grown = [pictures]
    for name in ("first", "second"):
        if dead[name].any():
            grown.append(climbed(adapted, name, np.flatnonzero(dead[name]), pictures))
    for images in grown:
        for name, answers in zip(("first", "second"), reader(pixels.to_network(images)), strict=True):
            assert not np.asarray(answers)[..., dead[name]].any(), name
    if above > 0:
        assert not dead["first"].any()


def climbed(model: Any, layer: str, units: Any, pictures: Any) -> Any:
    """What gradient ascent of the pre-activation makes of some pictures, within 0..1."""
    ascent = Ascent(model, layer, Constraint("box", 0.0, 1.0), objectives=["pre-activation"], batch=16)
    chosen = np.resize(units, 16)
    rates = np.repeat(cosine_rates(8, 1.0)[:, None], 16, axis=1)
    return ascent.optimise(AscentState.from_starts(pictures[-16:]), chosen, rates).images


@pytest.mark.parametrize("text", ["0..1", "-1..1", "0..255", "caffe", "torch", "20,40,60/5:BGR"])
def test_a_unit_far_below_its_threshold_is_called_dead_and_one_above_it_is_not(text: str) -> None:
    pixels = Pixels.parse(text)
    model = network("nothing", pixels, 3)
    reach = before_the_bias(model, pixels.to_network(exciting(model, pixels))).max(0)
    assert (reach > 0).all()
    layer, far = model.get_layer("first"), np.arange(UNITS) % 2 == 1
    size = np.abs(np.asarray(layer.kernel)).sum((0, 1, 2)) * np.abs(pixels.range(3)).max()
    layer.bias.assign(np.where(far, -reach - 0.02 * size, -0.9 * reach).astype(np.float32))  # bounds leave room
    assert prove_dead(adapt(model, pixels), "first", 0.0, 1.0).tolist() == far.tolist()


def test_a_map_that_answers_to_red_is_not_dead_in_a_network_that_takes_bytes() -> None:
    model = keras.Sequential(
        [kl.Input((8, 8, 3)), kl.Rescaling(1 / 255), kl.Conv2D(1, 1, activation="relu", name="red")]
    )
    model.get_layer("red").set_weights([np.array([1, 0, 0], np.float32).reshape(1, 1, 3, 1), np.array([-0.5])])
    assert prove_dead(model, "red", 0.0, 1.0).all()  # where bytes are taken for pictures
    assert not prove_dead(adapt(model, Pixels.parse("0..255")), "red", 0.0, 1.0).any()
