"""Steps as photographs differ, against NumPy in float64."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.dream import natural
from lib.dream.ascent import DreamAscent
from lib.dream.natural import NaturalStep
from lib.oips.photographs import LONGEST, of_photographs


def gradient(height: int, width: int, channels: int) -> Any:
    return np.random.default_rng(height * width).normal(size=(height, width, channels)).astype(np.float32)


def expected(gradient: Any, exponent: float, covariance: Any) -> Any:
    """By a Fourier transform of the picture beside its mirror images."""
    height, width, _ = gradient.shape
    mirrored = np.pad(gradient.astype(np.float64), [(0, height), (0, width), (0, 0)], "symmetric")
    frequency = np.hypot(np.fft.fftfreq(2 * height)[:, None], np.fft.fftfreq(2 * width)[None])
    power = (LONGEST * np.maximum(frequency, 1 / LONGEST)) ** -exponent
    waves = np.fft.fft2(mirrored, axes=(0, 1)) * power[:, :, None]
    return np.fft.ifft2(waves, axes=(0, 1)).real[:height, :width] @ covariance


@settings(max_examples=25)
@given(st.integers(1, 70), st.integers(1, 70), st.sampled_from([1, 3]), st.floats(0.5, 1.5))
def test_power_falls_with_frequency_and_colours_go_together(
    height: int, width: int, channels: int, exponent: float
) -> None:
    given = gradient(height, width, channels)
    covariance = of_photographs(channels).covariance
    found = NaturalStep(exponent, covariance)(tf.constant(given)).numpy()
    np.testing.assert_allclose(found, expected(given, exponent, covariance), atol=2e-5)


def test_how_many_rows_are_taken_at_a_time_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    given = tf.constant(gradient(23, 41, 3))
    step = NaturalStep(1.0, of_photographs(3).covariance)
    whole = step(given).numpy()
    monkeypatch.setattr(natural, "_VALUES_A_BAND", 100)
    np.testing.assert_allclose(step(given).numpy(), whole, atol=1e-6)


def test_where_channels_are_alike_they_stay_so() -> None:
    grey = gradient(20, 31, 1)
    found = NaturalStep(1.0, None)(tf.constant(np.repeat(grey, 3, -1))).numpy()
    np.testing.assert_allclose(found, np.repeat(expected(grey, 1.0, np.eye(1)), 3, -1), atol=2e-5)


def test_no_border_shows_at_the_opposite_one() -> None:
    given = np.zeros((90, 200, 1), np.float32)
    given[:, 0] = 1
    found = np.abs(NaturalStep(1.0, np.eye(1))(tf.constant(given)).numpy())
    assert found[:, -LONGEST:].max() < 0.01 * found.max()


class Slope:
    """Wants a picture like this one, whatever it is."""

    signature: tuple[Any, ...] = ()

    def plan(self, height: int, width: int) -> tuple[Any, ...]:
        return ()

    def value(self, picture: Any) -> Any:
        return tf.reduce_mean(picture[:, :, 0])

    def __call__(self, picture: Any) -> tuple[Any, Any]:
        ramp = tf.cast(tf.range(tf.shape(picture)[1]), tf.float32)[None, :, None]
        return self.value(picture), tf.sin(ramp**2) * [1.0, 0.2, -0.5] + tf.zeros_like(picture)


@pytest.mark.parametrize("size", [(40, 60), (61, 33)])
def test_a_step_has_the_size_that_it_would_have_without(size: tuple[int, int]) -> None:
    grey = np.full((*size, 3), 0.5, np.float32)
    found = {}
    ascents = {"plain": None, "natural": NaturalStep(1.0, of_photographs(3).covariance)}
    for name, towards in ascents.items():
        ascent = DreamAscent(Slope(), 3, towards=towards)
        pixels, _ = ascent.optimise(grey, steps=1, step_size=0.01, smoothing=0.5, jitter=0, seed=0)
        found[name] = pixels - grey
        assert np.sqrt(np.mean(found[name].astype(np.float64) ** 2)) == pytest.approx(0.01, rel=1e-3)
        assert ascent.traces == 1
    assert not np.allclose(found["plain"], found["natural"], atol=1e-3)
