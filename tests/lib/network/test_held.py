"""Networks with several inputs and outputs, as networks with one image input."""

import os
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from lib.errors import BadInput
from lib.network import model_file
from lib.network.found_pixels import find_pixels
from lib.network.graph import graph_of
from lib.network.held import inputs_of, outputs_of, parse_hold, with_one_input
from lib.network.pixels import Pixels
from lib.network.trunk import responses_of
from lib.network.units import layers_with_units

pytestmark = pytest.mark.heavy

L = keras.layers


def several(order: str = "list") -> Any:
    """An image, a vector that is normalised, a mask and words; a class and an age."""
    image = keras.Input((10, 12, 3), name="image")
    known = keras.Input((4,), name="known")
    words = keras.Input((5,), dtype="int32", name="words")
    mask = keras.Input((10, 12, 1), name="mask")
    norm = L.Normalization(mean=[1.0, 2.0, 3.0, 4.0], variance=[1.0, 4.0, 9.0, 16.0], name="norm")
    x = L.Conv2D(3, 3, activation="relu", name="seen")(L.Multiply(name="masked")([image, mask]))
    x = L.Conv2D(4, 3, activation="relu", name="seen_2")(x)
    told = L.GlobalAveragePooling1D(name="meant")(L.Embedding(9, 3, name="word")(words))
    joined = L.Concatenate(name="joined")([L.GlobalMaxPooling2D(name="pooled")(x), norm(known), told])
    kind = L.Dense(3, activation="softmax", name="kind")(L.Dense(6, activation="relu", name="mixed")(joined))
    age = L.Dense(1, name="age")(joined)
    inputs: Any = [image, known, words, mask]
    outputs: Any = [kind, age]
    if order == "dict":
        inputs = {tensor.name: tensor for tensor in inputs}
        outputs = {"what": kind, "how old": age}
    return keras.Model(inputs, outputs, name="several")


def images() -> Any:
    return np.random.default_rng(0).random((3, 10, 12, 3)).astype(np.float32)


def asked(model: Any, known: Any, words: Any, mask: Any) -> list[Any]:
    """What the whole model says with the same values for each image."""

    def of_batch(value: Any, dtype: str) -> Any:
        return np.broadcast_to(np.asarray(value, dtype), (3, *np.shape(value)))

    values = {
        "image": images(),
        "known": of_batch(known, "float32"),
        "words": of_batch(words, "int32"),
        "mask": of_batch(mask, "float32"),
    }
    given = [values[name] for name in inputs_of(model)]
    return [
        np.asarray(one)
        for one in keras.tree.flatten(model(values if isinstance(model.input, dict) else given, training=False))
    ]


@pytest.mark.parametrize("order", ["list", "dict"])
def test_the_image_alone_is_left_and_the_rest_is_held(order: str, tmp_path: Path) -> None:
    model = several(order)
    np.save(tmp_path / "words.npy", np.arange(5))
    hold = parse_hold(["known=mean", f"words={tmp_path / 'words.npy'}", "mask=0.5"])
    one = with_one_input(model, hold)
    assert one.input_shape == (None, 10, 12, 3)
    wanted = asked(model, [1.0, 2.0, 3.0, 4.0], np.arange(5), np.full((10, 12, 1), 0.5))
    found = keras.tree.flatten(one(images()))  # type: ignore[operator]
    assert [array.shape for array in found] == [array.shape for array in wanted]
    for mine, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-6)
    compiled = keras.tree.flatten(tf.function(one)(images()))
    for mine, theirs in zip(compiled, wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)
    # it is a whole model, which is stored and read as any
    again: Any = model_file.load(model_file.keras_bytes(one))
    for mine, theirs in zip(keras.tree.flatten(again(images())), wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-6)
    assert model_file.identity(again) == model_file.identity(one)
    names = {"what", "how old"} if order == "dict" else {"kind", "age"}
    assert set(outputs_of(again)) == set(outputs_of(one)) == names


def test_its_layers_are_swept_and_a_held_input_has_no_units() -> None:
    one = with_one_input(several(), parse_hold(["known=zeros", "words=1", "mask=1"]))
    names = [layer.name for layer in layers_with_units(one)]
    assert {"seen", "seen_2", "mixed", "kind"} <= set(names)
    assert not {"known", "words", "mask"} & set(names)
    responses = responses_of(one, ["seen_2", "mixed"])(tf.constant(images()))
    assert responses["mixed"][0].shape == (3, 6)
    with tf.GradientTape() as tape:
        entry = tf.constant(images())
        tape.watch(entry)
        total = tf.reduce_sum(responses_of(one, ["seen_2"])(entry)["seen_2"][0])
    assert np.abs(tape.gradient(total, entry)).max() > 0


def test_the_pixels_of_the_image_are_found_beside_held_inputs() -> None:
    image, known = keras.Input((8, 8, 3), name="image"), keras.Input((2,), name="known")
    x = L.GlobalAveragePooling2D()(L.Conv2D(2, 3, name="conv")(L.Rescaling(1 / 255)(image)))
    model = keras.Model([image, known], L.Dense(2)(L.Concatenate()([x, L.Dense(3, name="told")(known)])))
    found = find_pixels(with_one_input(model, {"known": "0.5"}))
    assert found is not None
    assert str(found.pixels) == "0..255"


def test_what_it_is_held_at_is_part_of_its_identity() -> None:
    model = several()
    said = [
        ["known=zeros", "words=1", "mask=1"],
        ["known=0.25", "words=1", "mask=1"],
        ["known=zeros", "words=2", "mask=1"],
    ]
    identities = {model_file.identity(with_one_input(model, parse_hold(one))) for one in said}
    assert len(identities) == 3
    assert model_file.identity(with_one_input(model, parse_hold(said[0]))) in identities


@pytest.mark.parametrize(("output", "units"), [("kind", 3), ("age", 1)])
def test_one_output_is_chosen_by_its_name(output: str, units: int) -> None:
    model = several()
    hold = parse_hold(["known=zeros", "words=1", "mask=1"])
    one: Any = with_one_input(model, hold, output)
    number = list(outputs_of(model)).index(output)
    assert one.output_shape == (None, units)
    wanted = asked(model, np.zeros(4), np.ones(5), np.ones((10, 12, 1)))[number]
    np.testing.assert_allclose(one(images()), wanted, rtol=1e-6, atol=1e-6)


def test_a_model_with_one_input_and_output_stays_what_it_is() -> None:
    model = keras.Sequential([keras.Input((6, 6, 1)), L.Conv2D(2, 3), L.Flatten(), L.Dense(2, name="head")])
    assert with_one_input(model) is model
    assert with_one_input(model, {}, "head") is model


def test_one_output_of_a_model_with_one_input() -> None:
    image = keras.Input((6, 6, 1), name="image")
    x = L.Conv2D(2, 3, name="conv")(image)
    model = keras.Model(image, {"map": x, "sum": L.GlobalAveragePooling2D()(x)})
    assert with_one_input(model, output="map").output_shape == (None, 4, 4, 2)  # type: ignore[attr-defined]


def two_images() -> Any:
    one, two = keras.Input((8, 8, 3), name="one"), keras.Input((8, 8, 3), name="the other")
    code = L.Conv2D(2, 3, activation="relu", name="code")
    far = L.Subtract()([L.GlobalAveragePooling2D()(code(one)), L.GlobalAveragePooling2D()(code(two))])
    return keras.Model([one, two], L.Dense(1, name="alike")(far), name="two")


def test_a_picture_that_an_input_is_held_at_is_turned_into_what_the_network_takes(tmp_path: Path) -> None:
    (tmp_path / "p.png").write_bytes(b"a picture")
    pixels = Pixels.parse("caffe")
    picture = np.random.default_rng(1).random((8, 8, 3)).astype(np.float32)
    model = two_images()
    one: Any = with_one_input(model, {"the other": str(tmp_path / "p.png")}, None, pixels, lambda data, shape: picture)
    entry = np.random.default_rng(2).random((2, 8, 8, 3)).astype(np.float32)
    other = np.broadcast_to(pixels.to_network(picture), entry.shape)
    np.testing.assert_allclose(one(entry), model([entry, other]), rtol=1e-5, atol=1e-5)
    grey: Any = with_one_input(model, {"the other": "mean"}, None, pixels)
    other = np.broadcast_to(pixels.to_network(np.full((8, 8, 3), 0.5)), entry.shape)
    np.testing.assert_allclose(grey(entry), model([entry, other]), rtol=1e-5, atol=1e-5)


def refused(model: Any, *hold: str, output: str | None = None) -> str:
    with pytest.raises(BadInput) as caught:
        with_one_input(model, parse_hold(hold), output)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_missing_is_asked_for_with_the_option_that_says_it(tmp_path: Path) -> None:
    assert refused(two_images()) == (
        "model 'two' has the inputs one (8x8x3), the other (8x8x3): hold all but one image, as --hold 'the other'=zeros"
    )
    assert refused(several(), "known=1").endswith("hold all but one image, as --hold words=zeros --hold mask=zeros")
    assert "no input left" in refused(two_images(), "one=0", "the other=0")
    assert "has no input 'x': it has one (8x8x3), the other (8x8x3)" in refused(two_images(), "x=0")
    assert "has no output 'x': it has alike (1)" in refused(two_images(), "one=0", output="x")
    assert "is no image: hold it, and leave an image free" in refused(several(), "image=0", "words=0", "mask=0")
    assert "nothing tells the mean of input 'mask'" in refused(several(), "known=0", "words=0", "mask=mean")
    assert (
        refused(two_images(), "one=grey")
        == "hold is 'one=grey'; write NAME=zeros, NAME=mean, NAME=VALUE or NAME=FILE (a .npy file or a picture)"
    )
    assert "there is no file " in refused(two_images(), f"one={tmp_path}/none.npy")
    np.save(tmp_path / "odd.npy", np.zeros((3, 3)))
    assert "holds 3x3, and input 'one' takes 8x8x3" in refused(two_images(), f"one={tmp_path}/odd.npy")
    (tmp_path / "bad.npy").write_bytes(b"no array")
    assert "is no array of NumPy" in refused(two_images(), f"one={tmp_path}/bad.npy")
    cut = (tmp_path / "odd.npy").read_bytes()[:-8]
    (tmp_path / "cut.npy").write_bytes(cut)
    assert "promises more than it holds" in refused(two_images(), f"one={tmp_path}/cut.npy")
    os.mkfifo(tmp_path / "pipe.npy")
    assert "is a named pipe, and no file" in refused(two_images(), f"one={tmp_path}/pipe.npy")
    np.save(tmp_path / "nan.npy", np.full((8, 8, 3), np.nan))
    assert "infinities or NaN" in refused(two_images(), f"one={tmp_path}/nan.npy")
    (tmp_path / "p.png").write_bytes(b"a picture")
    assert "whose pixels nobody has said: add --pixels" in refused(two_images(), f"one={tmp_path}/p.png")


def test_an_input_of_any_size_is_held_at_a_file(tmp_path: Path) -> None:
    image, words = keras.Input((8, 8, 1), name="image"), keras.Input((None,), dtype="int32", name="words")
    told = L.GlobalAveragePooling1D()(L.Embedding(5, 2, mask_zero=True)(words))
    x = L.Concatenate()([L.Flatten()(L.Conv2D(2, 3, name="conv")(image)), told])
    model = keras.Model([image, words], L.Dense(2)(x), name="read")
    assert "takes any size: hold it at a .npy file" in refused(model, "words=zeros")
    np.save(tmp_path / "words.npy", np.array([1, 3, 0]))
    one: Any = with_one_input(model, {"words": str(tmp_path / "words.npy")})
    entry = np.random.default_rng(0).random((2, 8, 8, 1)).astype(np.float32)
    wanted = model([entry, np.broadcast_to([1, 3, 0], (2, 3))])
    np.testing.assert_allclose(one(entry), wanted, rtol=1e-5, atol=1e-6)
    assert graph_of(one).steps


@pytest.mark.parametrize("said", ["known", "=1", "known=", "known=1,known=2"])
def test_what_does_not_say_at_what_an_input_is_held_is_refused(said: str) -> None:
    with pytest.raises(BadInput, match="write NAME=zeros"):
        parse_hold(said.split(","))
