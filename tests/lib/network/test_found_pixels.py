"""What a network's own first layers say of the pixels that it takes."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import layers as kl

from lib.network.found_pixels import RANGES, find_pixels, name_range

MEANS, DEVIATIONS = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
Stem = Callable[[Any], Any]


def network(stem: Stem, shape: tuple[int | None, int | None, int] = (24, 24, 3)) -> Any:
    """A small network behind such a stem."""
    entry = keras.Input(shape)
    maps = kl.Conv2D(2, 3, activation="relu")(stem(entry))
    return keras.Model(entry, kl.Dense(2)(kl.GlobalAveragePooling2D()(maps)))


def found(stem: Stem, shape: tuple[int | None, int | None, int] = (24, 24, 3)) -> str | None:
    """The declaration that is found behind such a stem."""
    answer = find_pixels(network(stem, shape))
    return None if answer is None else str(answer.pixels)


def adapted(images: Any, invert: bool = False) -> Any:
    layer = kl.Normalization(invert=invert)
    layer.adapt(images)
    return layer


def caffe(x: Any) -> Any:
    return x[..., ::-1] - np.array([103.939, 116.779, 123.68], np.float32)


def joined(x: Any) -> Any:
    red, green, blue = keras.ops.split(x, 3, axis=-1)
    return kl.Concatenate()([blue / 127.5 - 1, green / 127.5 - 1, red / 127.5 - 1])


def of_half_precision(x: Any) -> Any:
    return kl.Rescaling(1 / 127.5, -1, dtype="mixed_float16")(x)


def augmented(x: Any) -> Any:
    front = keras.Sequential([kl.RandomFlip(), kl.RandomRotation(0.1), kl.RandomContrast(0.2), kl.RandomZoom(0.1)])
    return kl.Rescaling(1 / 255)(kl.CenterCrop(16, 16)(kl.Resizing(20, 20)(front(x))))


TELLING: dict[str, tuple[str, Stem]] = {
    "rescaling": ("0..255", kl.Rescaling(1 / 255)),
    "rescaling to both sides": ("0..255", kl.Rescaling(1 / 127.5, -1)),
    "rescaling by powers of two": ("0..255", kl.Rescaling(1 / 128, -1)),
    "inverted": ("0..255", kl.Rescaling(-1 / 255, 1)),
    "rescaling behind augmentation and resizing": ("0..255", augmented),
    "rescaling in half precision": ("0..255", of_half_precision),
    "arithmetic": ("0..255", lambda x: x / 127.5 - 1.0),
    "arithmetic the other way round": ("0..255", lambda x: 1.0 - x * (1 / 255)),
    "a mean of each channel, in the order blue, green, red": ("0..255", caffe),
    "channels taken apart": ("0..255", joined),
    "grey": ("0..255", lambda x: keras.ops.image.rgb_to_grayscale(x) / 255),
    "a function": ("0..255", kl.Lambda(lambda x: x / 255)),
    "padding": ("0..255", lambda x: kl.Rescaling(1 / 255)(kl.ZeroPadding2D(2)(x))),
    "noise and dropout": ("0..255", lambda x: kl.GaussianNoise(0.1)(kl.Dropout(0.2)(kl.Rescaling(1 / 255)(x)))),
    "means and deviations of bytes": (
        "0..255",
        kl.Normalization(mean=255 * MEANS, variance=(255 * DEVIATIONS) ** 2),
    ),
    "rescaling, means and deviations": (
        "0..255",
        lambda x: kl.Normalization(mean=MEANS, variance=DEVIATIONS**2)(kl.Rescaling(1 / 255)(x)),
    ),
    "means and deviations": ("0..1", kl.Normalization(mean=MEANS, variance=DEVIATIONS**2)),
    "means": ("0..1", lambda x: x - MEANS.astype(np.float32)),
    "from 0..1 to both sides": ("0..1", lambda x: 2 * x - 1),
    "from 0..1 to what a network inside takes": ("0..1", lambda x: kl.Rescaling(1 / 127.5, -1)(255 * x)),
    "from 0..1 to bytes": ("0..1", kl.Rescaling(255.0)),
    "from both sides to 0..1": ("-1..1", lambda x: (x + 1) / 2),
    "from both sides to bytes": ("-1..1", lambda x: (x + 1) * 127.5),
    "means below zero": ("-1..1", kl.Normalization(mean=[-0.1, -0.05, -0.02], variance=[0.2, 0.2, 0.2])),
}


@pytest.mark.parametrize("name", TELLING)
def test_what_the_first_layers_do_tells_what_goes_in(name: str) -> None:
    wanted, stem = TELLING[name]
    assert found(stem) == wanted


def two_ways(x: Any) -> Any:
    return kl.Concatenate()([kl.Conv2D(2, 3, padding="same")(x), kl.Conv2D(2, 3, padding="same")(x / 255)])


SILENT: dict[str, Stem] = {
    "nothing": lambda x: x,
    "a batch normalisation": kl.BatchNormalization(),
    "a normalisation that saw no picture": kl.Normalization(),
    "channels turned": lambda x: x[..., ::-1],
    "a scale that leads nowhere": kl.Rescaling(1 / 16),
    "twice": kl.Rescaling(2.0),
    "an offset that leads nowhere": kl.Rescaling(1 / 255, 3),
    "a mean of numbers that no picture has": kl.Normalization(mean=20000.0, variance=1e6),
    "a mean near zero": kl.Normalization(mean=0.01, variance=0.001),
    "a curve": lambda x: keras.ops.sqrt(keras.ops.abs(x)) / 16,
    "a limit": lambda x: keras.ops.clip(x, 0, 1),
    "differences of colours": lambda x: kl.Concatenate()([x[..., :1] - x[..., 1:2], x[..., 1:2] - x[..., 2:]]),
    "statistics of the picture itself": lambda x: x / (1 + keras.ops.std(x, axis=(1, 2, 3), keepdims=True)),
    "one way with, another without": two_ways,
}


@pytest.mark.parametrize("name", SILENT)
def test_what_says_little_is_no_answer(name: str) -> None:
    assert found(SILENT[name]) is None


def test_a_normalisation_says_what_it_was_adapted_to() -> None:
    pictures = np.random.default_rng(0).beta(2, 3, (40, 8, 8, 3)).astype(np.float32)
    for pixels, images in (("0..1", pictures), ("0..255", 255 * pictures), ("-1..1", 2 * pictures - 1)):
        assert found(adapted(images)) == pixels


def test_a_network_of_any_size_and_one_channel_is_read_too() -> None:
    assert found(kl.Rescaling(1 / 255), (None, None, 1)) == "0..255"


def test_it_is_said_who_says_so() -> None:
    answer = find_pixels(network(kl.Rescaling(1 / 255, name="to_unit")))
    assert answer is not None
    assert answer.because == "its layer to_unit turns 0..255 into 0..1"
    answer = find_pixels(network(lambda x: x / 127.5 - 1))
    assert answer is not None
    assert answer.because == "the arithmetic on its input turns 0..255 into -1..1"


def built(name: str, **options: Any) -> Any:
    make = getattr(keras.applications, name)
    return make(weights=None, include_top=False, input_shape=(64, 64, 3), **options)


@pytest.mark.parametrize("name", ["MobileNetV3Small", "EfficientNetB0", "EfficientNetV2B0", "ConvNeXtTiny"])
def test_architectures_that_carry_their_preprocessing_are_known_by_it(name: str) -> None:
    bare = built(name)
    entry = keras.Input((64, 64, 3))
    nested = keras.Model(entry, kl.GlobalAveragePooling2D()(bare(kl.RandomFlip()(entry))))
    for model in (bare, nested):
        answer = find_pixels(model)
        assert answer is not None
        assert str(answer.pixels) == "0..255"


@pytest.mark.parametrize("name", ["MobileNetV3Small", "EfficientNetV2B0", "ConvNeXtTiny"])
def test_the_same_architectures_without_it_are_not(name: str) -> None:
    assert find_pixels(built(name, include_preprocessing=False)) is None


def test_an_architecture_that_carries_none_is_not_known() -> None:
    assert find_pixels(built("MobileNetV2")) is None


ENDS = st.sampled_from(list(RANGES))


@given(ENDS, st.lists(st.tuples(st.floats(0.1, 0.9), st.floats(0.05, 0.95)), min_size=1, max_size=4), st.booleans())
def test_statistics_of_numbers_within_a_range_never_name_another(
    name: str, drawn: list[tuple[float, float]], inverted: bool
) -> None:
    low, high = RANGES[name]
    places, shares = np.array(drawn).T
    means = low + (high - low) * places
    deviations = shares * np.sqrt((means - low) * (high - means))  # of two values at most
    slopes = (-1 if inverted else 1) / deviations
    answer = name_range(slopes, -means * slopes)
    if name == "-1..1":  # bright pictures of it may be dark ones within 0..1
        assert answer != "0..255"
        assert answer != "0..1" or (means > 0).all()
    elif (deviations >= 0.02 * (high - low)).all():
        assert answer == name


@given(st.floats(1e-4, 1e4), st.floats(-1e3, 1e3), st.booleans())
def test_what_is_named_becomes_numbers_around_zero_or_from_zero_on(slope: float, offset: float, falls: bool) -> None:
    slope = -slope if falls else slope
    answer = name_range(np.array([slope]), np.array([offset]))
    if answer is not None:
        low, high = sorted(slope * end + offset for end in RANGES[answer])
        assert 0.9 < high - low < 265
        assert low < 0.05 * (high - low)
        assert high > 0.05 * (high - low)
