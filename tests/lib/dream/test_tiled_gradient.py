"""Gradients by windows of the network's own size."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers as kl

import lib.dream.tiled_gradient
from lib.dream.ascent import DreamAscent
from lib.dream.tiled_gradient import MEAN, SPREAD, Tiles, scatter_corners, standardise
from lib.errors import BadInput
from tests.lib.keras_zoo import ZOO

pytestmark = pytest.mark.heavy

SIZES = st.integers(1, 60)


def objective(maps: Any) -> Any:
    """Of the class units of the specimen: one more than another."""
    _, logits = maps["classes"]
    return logits[:, 1] - 0.5 * logits[:, 2]


@pytest.fixture(scope="module")
def model() -> Any:
    return ZOO["fused_relu"]().model  # 12x12x1, with a dense head


@pytest.fixture(scope="module")
def tiles(model: Any) -> Tiles:
    return Tiles(model, ("classes",), objective, 0.5)


def gradient(tiles: Tiles, picture: Any) -> tuple[float, Any]:
    value, found = tiles(tf.constant(picture), *(tf.constant(part) for part in tiles.plan(*picture.shape[:2])))
    return float(value), found.numpy()


def reference(model: Any, tiles: Tiles, picture: Any) -> tuple[float, Any]:
    """A tile at a time, from a padded picture, by Keras's own layers; sums in float64."""
    height, width = picture.shape[:2]
    high, wide = tiles.size
    logits = keras.Model(model.inputs, model.get_layer("nodes").output)
    kernel, bias = (tf.constant(part) for part in model.get_layer("classes").get_weights())
    rows, columns = (
        np.pad(np.arange(length), 3 * side, "symmetric") for length, side in ((height, high), (width, wide))
    )
    hann = np.outer(*(np.sin(np.pi * (np.arange(side) + 0.5) / side) ** 2 for side in (high, wide)))
    laid, weights, values = np.zeros((height, width)), np.zeros((height, width)), []
    for y, x in scatter_corners((height, width), tiles.size, tiles.stride):
        places = np.ix_(rows[3 * high + y :][:high], columns[3 * wide + x :][:wide])
        tile = tf.constant(picture[:, :, 0][places][None, :, :, None])
        with tf.GradientTape() as tape:
            tape.watch(tile)
            deviation = tf.sqrt(tf.math.reduce_variance(tile) + 0.02**2)
            classes = logits(MEAN + SPREAD * (tile - tf.reduce_mean(tile)) / deviation) @ kernel + bias
            value = classes[0, 1] - 0.5 * classes[0, 2]
        values.append(float(value))
        np.add.at(laid, places, hann * tape.gradient(value, tile).numpy()[0, :, :, 0])
        np.add.at(weights, places, hann)
    return float(np.mean(values)), (laid / weights)[:, :, None]


@pytest.mark.parametrize("shape", [(12, 12), (12, 40), (5, 7), (31, 23), (13, 50)])
def test_value_and_gradient_are_those_of_tiles_taken_one_by_one(model: Any, tiles: Tiles, shape: Any) -> None:
    picture = np.random.default_rng(0).random((*shape, 1)).astype(np.float32)
    value, found = gradient(tiles, picture)
    wanted_value, wanted = reference(model, tiles, picture)
    assert value == pytest.approx(wanted_value, rel=1e-4)
    np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())


def test_batches_and_strips_change_nothing(model: Any, tiles: Tiles, monkeypatch: Any) -> None:
    picture = np.random.default_rng(0).random((90, 50, 1)).astype(np.float32)
    value, found = gradient(tiles, picture)
    assert len(tiles.plan(90, 50)[1]) == 1
    monkeypatch.setattr(lib.dream.tiled_gradient, "_PIXELS_A_STRIP", 1)
    monkeypatch.setattr(lib.dream.tiled_gradient, "_PIXELS_A_BATCH", 3 * 12 * 12)
    small = Tiles(model, ("classes",), objective, 0.5)
    assert len(small.plan(90, 50)[1]) > 3
    other_value, other = gradient(small, picture)
    assert value == pytest.approx(other_value, rel=1e-5)
    np.testing.assert_allclose(found, other, atol=1e-5 * np.abs(found).max())


@settings(max_examples=200)
@given(SIZES, SIZES, st.integers(2, 20), st.integers(2, 20), st.data())
def test_tiles_cover_every_pixel(height: int, width: int, high: int, wide: int, data: Any) -> None:
    stride = data.draw(st.integers(1, high)), data.draw(st.integers(1, wide))
    corners = scatter_corners((height, width), (high, wide), stride)
    covered = np.zeros((height, width), bool)
    for y, x in corners:
        assert y > -high
        assert x > -wide
        covered[max(0, y) : y + high, max(0, x) : x + wide] = True
    assert covered.all()
    assert (np.diff(corners[:, 0]) >= 0).all()
    assert len(corners) <= (height / stride[0] + 1) * (width / stride[1] + 1)


def test_a_picture_of_the_networks_size_is_one_tile() -> None:
    np.testing.assert_array_equal(scatter_corners((28, 28), (28, 28), (14, 14)), [[0, 0]])
    np.testing.assert_array_equal(scatter_corners((20, 28), (28, 28), (14, 14)), [[-4, 0]])


def test_the_network_sees_tiles_with_the_same_mean_and_deviation_unless_they_are_even() -> None:
    random = np.random.default_rng(0)
    seen = standardise(tf.constant(random.normal(0.8, 0.1, (3, 20, 20, 1)), tf.float32)).numpy()
    np.testing.assert_allclose(seen.mean((1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(seen.std((1, 2, 3)), 1, atol=0.03)
    even = standardise(tf.constant(random.normal(0.8, 0.001, (3, 20, 20, 1)), tf.float32)).numpy()
    assert (even.std((1, 2, 3)) < 0.1).all()


def test_one_trace_serves_pictures_of_every_size(tiles: Tiles) -> None:
    ascent = DreamAscent(tiles, 1)
    for at in range(20):
        pixels = np.random.default_rng(at).random((7 + 5 * at, 60 - 2 * at, 1)).astype(np.float32)
        optimise(ascent, pixels, steps=1)
    assert ascent.traces == 1


def test_threads_that_optimise_at_once_get_the_same_bytes_as_alone(tiles: Tiles) -> None:
    ascent = DreamAscent(tiles, 1)
    pixels = np.random.default_rng(0).random((40, 50, 1)).astype(np.float32)
    alone = optimise(ascent, pixels).tobytes()
    with ThreadPoolExecutor(4) as threads:
        assert {found.tobytes() for found in threads.map(lambda _: optimise(ascent, pixels), range(8))} == {alone}


def optimise(ascent: DreamAscent, pixels: Any, steps: int = 6, jitter: int = 6) -> Any:
    return ascent.optimise(pixels, steps=steps, step_size=0.02, smoothing=0.5, jitter=jitter, seed=0)[0]


def regular(picture: Any, tile: Any, stride: Any) -> Any:
    axes = zip(picture, tile, stride, strict=True)
    rows, columns = (np.arange(0, length - side + 1, step) for length, side, step in axes)
    return np.stack(np.meshgrid(rows, columns, indexing="ij"), -1).reshape(-1, 2).astype(np.int32)


def weave(model: Any, corners: Callable[..., Any], monkeypatch: Any, jitter: int) -> float:
    """How much the change of an even picture repeats itself at the distance of neighbours, and not at others.

    Its autocorrelation at the stride, above the greatest at two pixels less to five pixels less or more.
    """
    monkeypatch.setattr(lib.dream.tiled_gradient, "scatter_corners", corners)
    tiles = Tiles(model, ("classes",), objective, 0.5)
    faint = 0.5 + 0.01 * np.random.default_rng(0).normal(size=(150, 150, 1)).astype(np.float32)
    change = (optimise(DreamAscent(tiles, 1), faint, jitter=jitter) - faint)[:, :, 0]
    power = np.abs(np.fft.fft2(change - change.mean())) ** 2
    repeats = np.fft.ifft2(power).real / power.mean()
    at = tiles.stride[0]
    near = [repeats[0, at + by] for by in (-3, -2, 2, 3)] + [repeats[at + by, 0] for by in (-3, -2, 2, 3)]
    return float(max(repeats[0, at], repeats[at, 0]) - max(near))


def test_no_grid_shows(monkeypatch: Any) -> None:
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            kl.Input((12, 12, 1)),
            kl.Conv2D(6, 3, activation="relu"),
            kl.Flatten(),
            kl.Dense(3, name="classes"),
        ]
    )
    assert weave(model, regular, monkeypatch, jitter=0) > 0.3  # it would be seen
    assert weave(model, scatter_corners, monkeypatch, jitter=3) < 0.05


def test_a_network_of_free_size_has_no_tiles() -> None:
    with pytest.raises(BadInput, match="choose mode octaves"):
        Tiles(ZOO["on_the_way"]().model, ("long",), objective, 0.5)
