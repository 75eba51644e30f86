"""The natural style: what a step is made of, what is seen and kept, and that borders are as everything else."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl

from lib.naturalness.likeness import colour_shares, fine_shares
from lib.oips.ascent import Ascent, AscentState, cosine_rates
from lib.oips.constraint import Constraint
from lib.oips.photographs import LONGEST, of_photographs
from lib.oips.settings import GrowthSettings
from lib.oips.start_images import start_image
from lib.oips.style import STYLES
from lib.oips.styles.natural import STEEPNESS, Natural

pytestmark = pytest.mark.heavy

SHAPE = (32, 24, 3)
BOX = Constraint("box", 0.0, 1.0)
GROWTH = GrowthSettings(jitter=6).in_style("natural")


@pytest.fixture(scope="module")
def natural() -> Natural:
    return Natural(BOX, SHAPE, GROWTH, of_photographs(3))


def test_images_are_shifted_by_no_more_than_an_eighth_of_the_side_and_grow_on_a_canvas_that_much_larger(
    natural: Natural,
) -> None:
    assert natural.canvas == (32 + 2 * 3, 24 + 2 * 3, 3)
    assert np.abs(natural.moves([1, 2], 90)[:, :, :2]).max() <= 3
    assert Natural(BOX, (224, 224, 3), GROWTH, of_photographs(3)).canvas == (236, 236, 3)


def test_a_step_is_the_gradient_times_a_power_of_the_frequency_and_the_covariance_of_colours(natural: Natural) -> None:
    rng = np.random.default_rng(0)
    gradient = rng.normal(size=(2, *natural.canvas)).astype(np.float32)
    found = np.asarray(natural.direction(np.full_like(gradient, 0.5), gradient))
    height, width, _ = natural.canvas
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    power = np.maximum(frequency, 1 / LONGEST)[..., None] ** -(STEEPNESS * of_photographs(3).exponent)
    expected = np.fft.ifft2(np.fft.fft2(gradient.astype(np.float64), axes=(1, 2)) * power, axes=(1, 2)).real
    expected = expected @ of_photographs(3).covariance
    expected *= 0.5 / np.sqrt((expected**2).mean((1, 2, 3), keepdims=True))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_colours_are_no_stronger_than_those_of_colourful_pictures_and_weak_ones_stay(natural: Natural) -> None:
    canvas = np.random.default_rng(2).random((2, *natural.canvas)).astype(np.float32)
    grey = canvas.mean(-1, keepdims=True)
    canvas[1] = grey[1] + 0.1 * (canvas[1] - grey[1])
    kept = np.asarray(natural.keep(canvas), np.float64)
    strength = np.sqrt(((kept - kept.mean(-1, keepdims=True)) ** 2).mean((1, 2, 3)))
    assert strength[0] == pytest.approx(of_photographs(3).chroma, rel=1e-4)
    np.testing.assert_allclose(kept[0].mean(-1), grey[0][..., 0], atol=1e-5)
    np.testing.assert_allclose(kept[1], canvas[1], atol=1e-6)


def test_what_is_not_moved_is_seen_as_it_is_kept(natural: Natural) -> None:
    canvas = np.random.default_rng(1).random((2, *natural.canvas)).astype(np.float32)
    nothing = np.zeros((2, 4), np.float32)
    np.testing.assert_array_equal(natural.seen(canvas, nothing), natural.image(canvas))
    assert np.asarray(natural.unmoved(nothing)).all()
    np.testing.assert_array_equal(natural.image(canvas), canvas[:, 3:-3, 3:-3])


def test_a_move_shows_what_lies_down_and_right_turned_and_larger(natural: Natural) -> None:
    rows, columns = np.mgrid[0:38, 0:30].astype(np.float32)
    canvas = np.stack([rows, columns, rows], -1)[None]
    seen = np.asarray(natural.seen(canvas, np.array([[2, -1, 0, 0]], np.float32)))[0]
    np.testing.assert_allclose(seen[16, 12, :2], [3 + 16 + 2, 3 + 12 - 1], atol=1e-4)
    seen = np.asarray(natural.seen(canvas, np.array([[0, 0, 90, 0]], np.float32)))[0]
    middle = np.array([18.5, 14.5])
    np.testing.assert_allclose(seen[15, 15, :2] - middle, [15 - 11.5, -(15 - 15.5)], atol=1e-3)
    seen = np.asarray(natural.seen(canvas, np.array([[0, 0, 0, np.log(2)]], np.float32)))[0]
    np.testing.assert_allclose(seen[20, 12, 0] - seen[18, 12, 0], 1, atol=1e-4)


@pytest.fixture(scope="module")
def network() -> Any:
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            kl.Input(SHAPE),
            kl.Conv2D(8, 3, padding="same", activation="relu", name="one"),
            kl.Conv2D(8, 3, padding="same", activation="relu", name="two"),
        ]
    )


def grow(network: Any, style: str) -> tuple[np.ndarray, np.ndarray]:
    """Images and responses of all units of the last layer in a style."""
    growth = GrowthSettings(steps=48).in_style(style)
    parameterise = STYLES[style].parameterise(growth, of_photographs(3))
    ascent = Ascent(network, "two", BOX, parameterise=parameterise, batch=8)
    noise = np.stack([start_image(seed, (1.0, 3.0), ascent.parameterisation.canvas) for seed in range(8)])
    state = ascent.optimise(
        AscentState.from_starts(ascent.starts(noise), ascent.shape),
        np.arange(8),
        np.repeat(cosine_rates(growth.steps, growth.step_size)[:, None], 8, axis=1),
        ascent.parameterisation.moves(list(range(8)), growth.steps),
    )
    np.testing.assert_allclose(state.response, ascent.measure(state.best, np.arange(8))[0], rtol=1e-5)
    return state.best, state.response


@pytest.mark.parametrize("style", ["natural", "phase"])  # prototype is natural where there is nothing to match
def test_it_is_less_fine_and_less_colourful_than_strong_and_responds_still(network: Any, style: str) -> None:
    images, responses = grow(network, style)
    strong, most = grow(network, "strong")
    assert images.shape == (8, *SHAPE)
    assert images.min() >= 0
    assert images.max() <= 1
    responding = most > 0
    assert (responses[responding] > 0).all()
    assert np.median(fine_shares(images[responding])) < 0.5 * np.median(fine_shares(strong[responding]))
    assert np.median(colour_shares(images[responding])) < np.median(colour_shares(strong[responding]))


def test_the_border_of_an_image_is_like_its_middle(network: Any) -> None:
    images, _ = grow(network, "natural")
    border = np.concatenate([images[:, :3].reshape(8, -1), images[:, -3:].reshape(8, -1)], axis=1)
    middle = images[:, 10:-10].reshape(8, -1)
    assert np.median(border.std(1) / middle.std(1)) > 0.6


def test_standardised_colours_are_limited_in_deviations_of_the_pictures() -> None:
    pictures = of_photographs(3)
    natural = Natural(Constraint("standardised", 0.0, 1.0), SHAPE, GROWTH, pictures)
    canvas = np.random.default_rng(4).normal(size=(1, *natural.canvas)).astype(np.float32)
    standard = np.asarray(natural.constraint.image(canvas))
    grey = standard.mean(-1, keepdims=True)
    strength = np.sqrt(((standard - grey) ** 2).mean())
    assert strength > pictures.chroma / pictures.contrast
    weaker = grey + (standard - grey) * pictures.chroma / pictures.contrast / strength
    np.testing.assert_allclose(natural.keep(canvas), weaker / weaker.std(), atol=1e-3)
