"""Dreams in both styles: which network dreams in which by itself, in every mode and by windows of any size."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl

from lib.dream.ascent import DreamAscent
from lib.dream.dreamer import Dreamer
from lib.dream.mixture import mixture_of
from lib.dream.mode import MODES
from lib.dream.natural import NaturalStep
from lib.dream.objective import DreamObjective
from lib.dream.settings import DreamSettings
from lib.dream.windowed_gradient import WindowedGradient
from lib.oips.photographs import of_photographs

pytestmark = pytest.mark.heavy

HOW: dict[str, Any] = {"objective": "maps", "octaves": 2, "steps": 3, "rounds": 2, "jitter": 2}


def network(channels: int, side: int | None) -> Any:
    entry = kl.Input((side, side, channels))
    weights = keras.initializers.GlorotUniform(seed=channels)
    x = kl.Conv2D(6, 5, activation="relu", name="maps", kernel_initializer=weights)(entry)
    return keras.Model(entry, kl.Dense(3)(kl.GlobalAveragePooling2D()(x)))


def photograph(seed: int = 1) -> Any:
    return np.random.default_rng(seed).integers(60, 190, (37, 45, 3), np.uint8)


def dreamed(model: Any, **settings: Any) -> Any:
    return Dreamer(model, DreamSettings(**HOW | settings)).dream(photograph()).pixels


@pytest.mark.parametrize(
    ("channels", "side", "natural"),
    [(1, 12, False), (1, 63, False), (1, 64, True), (1, None, True), (3, 12, True), (3, None, True)],
)
def test_colours_and_larger_pictures_are_dreamed_naturally_unless_it_is_said(
    channels: int, side: int | None, natural: bool
) -> None:
    model = network(channels, side)
    usual, named = dreamed(model), {style: dreamed(model, style=style) for style in ("natural", "plain")}
    assert Dreamer(model, DreamSettings(**HOW)).natural == natural
    assert usual.tobytes() == named["natural" if natural else "plain"].tobytes()
    assert named["natural"].tobytes() != named["plain"].tobytes()


def detail_and_colour(change: Any) -> tuple[float, float]:
    """Shares of a change's power that neighbours do not share, and that channels do not."""
    power = (change**2).mean()
    return float(((change[1:] - change[:-1]) ** 2).mean() / power), float((change.std(-1) ** 2).mean() / power)


@pytest.mark.parametrize("mode", MODES)
def test_what_is_dreamed_naturally_has_less_fine_detail_and_less_colour(mode: str) -> None:
    model = network(3, 20)
    found = {}
    for style in ("natural", "plain"):
        pixels = dreamed(model, mode=mode, style=style, colours="dreamed", step_size=3.0)
        found[style] = detail_and_colour(pixels.astype(float) - photograph())
    assert found["natural"][0] < found["plain"][0]
    assert 0.01 < found["natural"][1] < 0.7 * found["plain"][1]


def test_windows_of_any_size_dream_the_same() -> None:
    model = network(3, None)
    objective = DreamObjective(model, mixture_of(model, "maps/2"))
    pixels = np.asarray(photograph() / 255, np.float32)
    found = []
    for window in (9, 16, 1000):
        gradient = WindowedGradient(model, objective, window=window)
        ascent = DreamAscent(gradient, 3, towards=NaturalStep(1.0, of_photographs(3).covariance))
        found.append(ascent.optimise(pixels, steps=4, step_size=0.02, smoothing=0.5, jitter=3, seed=1)[0])
    assert np.abs(found[0] - pixels).max() > 0.05
    np.testing.assert_allclose(found[0], found[2], atol=1e-4)
    np.testing.assert_allclose(found[1], found[2], atol=1e-4)
