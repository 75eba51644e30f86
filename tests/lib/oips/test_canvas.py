"""A canvas with a margin: what is cut from it, how it is moved, and where the gradient of a cutting goes."""

from itertools import product

import numpy as np
import pytest
import tensorflow as tf

from lib.oips.canvas import Canvas
from lib.oips.constraint import Constraint
from lib.oips.photographs import of_photographs
from lib.oips.settings import GrowthSettings
from lib.oips.styles.natural import Natural

pytestmark = pytest.mark.heavy

BOX = Constraint("box", 0.0, 1.0)
SHAPE = (32, 40, 3)


def pull(canvas: Canvas, moves: np.ndarray, given: np.ndarray) -> np.ndarray:
    """The gradient of a cutting, at the canvas."""
    pixels = tf.constant(np.random.default_rng(0).random((len(moves), *canvas.canvas)).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        seen = tf.reduce_sum(canvas.seen(pixels, tf.constant(moves)) * given)
    return np.asarray(tape.gradient(seen, pixels))


@pytest.mark.parametrize(("down", "right"), product((-4, 0, 3), repeat=2))
def test_the_gradient_of_a_shift_goes_to_what_was_seen_and_nowhere_else(down: int, right: int) -> None:
    canvas = Canvas(BOX, SHAPE, jitter=4)
    given = np.random.default_rng(1).normal(size=(1, *SHAPE)).astype(np.float32)
    found = pull(canvas, np.array([[down, right, 0, 0]], np.float32), given)
    expected = np.zeros((1, *canvas.canvas))
    expected[:, 4 + down : 36 + down, 4 + right : 44 + right] = given
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_gradient_of_a_turn_is_the_adjoint_of_what_is_seen_within_rounding_of_the_pixels() -> None:
    natural = Natural(BOX, SHAPE, GrowthSettings().in_style("natural", margin=True), of_photographs(3))
    smooth = np.cos(np.arange(natural.canvas[0])[:, None] / 5) * np.sin(np.arange(natural.canvas[1])[None] / 7)
    pixels = np.repeat(smooth[None, ..., None], 3, -1).astype(np.float32)
    given = pixels[:, 4:36, 4:44]
    moves = np.array([[1.5, -2.0, 3.0, 0.0]], np.float32)
    seen = float((np.asarray(natural.seen(pixels, moves)) * given).sum())
    back = float((pull(natural, moves, given) * pixels).sum())
    assert back == pytest.approx(seen, rel=0.01)


def test_images_that_grow_on_are_cut_from_their_canvas_as_they_were() -> None:
    images = np.random.default_rng(2).random((2, *SHAPE)).astype(np.float32)
    canvas = Canvas(BOX, SHAPE, jitter=4)
    begun = canvas.onto(images)
    assert begun.shape == (2, *canvas.canvas)
    np.testing.assert_array_equal(canvas.image(begun), images)


def test_tiny_images_have_no_margin_and_are_turned_and_scaled_all_the_same() -> None:
    natural = Natural(BOX, (6, 6, 3), GrowthSettings().in_style("natural", margin=True), of_photographs(3))
    assert natural.canvas == (6, 6, 3)
    moves = natural.moves([1], 8)
    assert np.abs(moves[..., :2]).max() == 0
    assert np.abs(moves[..., 2]).min() > 0


def test_shifts_of_a_canvas_that_settles_are_whole_pixels_and_none_in_the_last_third() -> None:
    moves = Canvas(BOX, SHAPE, jitter=4).moves([1, 2], 30)
    np.testing.assert_array_equal(moves, np.round(moves))
    assert np.abs(moves[:20, :, :2]).max() == 4
    assert not moves[20:].any()
    assert not moves[..., 2:].any()
