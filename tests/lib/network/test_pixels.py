"""What a network takes: declarations, and the ways between pictures and what is declared."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.errors import BadValue
from lib.network.pixels import PLAIN, Pixels, named

CHANNELS = st.sampled_from([1, 3])


@st.composite
def declared(draw: st.DrawFn) -> Pixels:
    """Anything that can be declared of a network of three channels."""
    count = draw(CHANNELS)
    scale = draw(st.sampled_from([1.0, 1 / 255]))
    mean = draw(st.lists(st.floats(-300, 300, width=32), min_size=count, max_size=count))
    deviation = draw(st.lists(st.floats(1 / 64, 300, width=32), min_size=count, max_size=count))
    return Pixels(tuple(m * scale for m in mean), tuple(d * scale for d in deviation), draw(st.booleans()))


def written(pixels: Pixels) -> str:
    return str(pixels)


@pytest.mark.parametrize("name", ["0..1", "-1..1", "0..255", "caffe", "torch"])
def test_the_named_declarations_are_called_by_their_names(name: str) -> None:
    assert written(Pixels.parse(name)) == written(Pixels.parse(name.upper())) == name
    assert named()[name] == Pixels.parse(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0/1", "0..1"),
        ("0/255", "0..1"),
        ("127.5/127.5", "-1..1"),
        ("0.5,0.5,0.5/0.5,0.5,0.5", "-1..1"),
        ("123.675,116.28,103.53/58.395,57.12,57.375", "torch"),
        ("103.939,116.779,123.68/1:bgr", "caffe"),
    ],
)
def test_what_equals_a_named_declaration_has_its_name(one: str, other: str) -> None:
    assert written(Pixels.parse(one)) == other


@given(declared())
def test_a_declaration_is_read_as_it_was_written(pixels: Pixels) -> None:
    again = Pixels.parse(written(pixels))
    assert written(again) == written(pixels)
    pictures = np.random.default_rng(0).random((5, 3)).astype(np.float32)
    reach = np.abs(pixels.to_network(pictures)).max()
    np.testing.assert_allclose(again.to_network(pictures), pixels.to_network(pictures), rtol=1e-5, atol=1e-5 * reach)


@given(declared(), st.integers(0, 2**32 - 1))
def test_pictures_are_found_again_in_what_the_network_takes(pixels: Pixels, seed: int) -> None:
    pictures = np.random.default_rng(seed).random((4, 6, 3)).astype(np.float32)
    taken = pixels.to_network(pictures)
    assert taken.dtype == np.float32
    # float32 has 24 bits: of what lies far from 0 fewer are left for the picture
    room = 1e-6 * (1 + max(map(abs, pixels.mean)))
    np.testing.assert_allclose(pixels.to_pictures(taken), pictures, atol=room)


@given(declared(), st.integers(0, 2**32 - 1))
def test_what_a_network_takes_lies_within_the_range_that_is_told(pixels: Pixels, seed: int) -> None:
    low, high = pixels.range(3)
    pictures = np.random.default_rng(seed).integers(0, 2, (9, 3)).astype(np.float32)
    taken = pixels.to_network(pictures)
    room = 1e-5 * max(map(abs, (*low, *high)))
    assert (taken >= np.array(low) - room).all()
    assert (taken <= np.array(high) + room).all()


def test_caffe_is_what_keras_makes_of_bytes() -> None:
    from keras.applications import vgg16

    pictures = np.random.default_rng(1).integers(0, 256, (2, 5, 4, 3)).astype(np.float32)
    wanted = vgg16.preprocess_input(pictures.copy())
    np.testing.assert_allclose(Pixels.parse("caffe").to_network(pictures / 255), wanted, atol=1e-4)


@pytest.mark.parametrize(("name", "mode"), [("-1..1", "tf"), ("torch", "torch")])
def test_other_names_are_what_keras_makes_of_bytes(name: str, mode: str) -> None:
    from keras.applications import imagenet_utils

    pictures = np.random.default_rng(1).integers(0, 256, (2, 5, 4, 3)).astype(np.float32)
    wanted = imagenet_utils.preprocess_input(pictures.copy(), mode=mode)
    np.testing.assert_allclose(Pixels.parse(name).to_network(pictures / 255), wanted, atol=1e-5)


def test_the_channels_of_a_declaration_stand_in_the_order_in_which_the_network_takes_them() -> None:
    taken = Pixels.parse("1,2,3/1:BGR").to_network(np.array([[0.0, 0.5, 1.0]], np.float32))
    np.testing.assert_allclose(taken, [[255 - 1, 127.5 - 2, 0 - 3]])


@pytest.mark.parametrize(
    "text",
    ["", "0", "255", "0..2", "0/0", "0/-1", "a/b", "1,2/3,4,5", "nan/1", "0/inf", "1/2/3", "caffe:BGR", "1/2:RGB"],
)
def test_what_is_no_declaration_is_refused(text: str) -> None:
    with pytest.raises(BadValue, match="pixels"):
        Pixels.parse(text)


def test_pictures_as_they_are_stay_the_very_same() -> None:
    pictures = np.random.default_rng(2).random((3, 3, 1)).astype(np.float32)
    assert PLAIN.to_network(pictures) is pictures
    assert PLAIN.to_pictures(pictures) is pictures


@pytest.mark.parametrize(
    ("text", "suits"), [("0..255", {1, 2, 3, 4}), ("torch", {3}), ("0/1:BGR", {3}), ("1,2/3,4", {2})]
)
def test_a_declaration_says_how_many_channels_it_suits(text: str, suits: set[int]) -> None:
    assert {channels for channels in (1, 2, 3, 4) if Pixels.parse(text).fits(channels)} == suits
