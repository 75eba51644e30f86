"""What each mode is: its step, the settings that it looks at, and how modes go together."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl

from lib.dream.mixture import mixture_of
from lib.dream.mode import MODES, DreamedPlanes, Setup, Target
from lib.dream.objective import DreamObjective
from lib.dream.settings import DreamSettings

OF_EVERY_MODE = {"mode", "objective", "steps", "step_size", "smoothing", "colours", "style", "strength"}
SETTINGS: dict[str, Any] = {"steps": 3, "rounds": 2, "octaves": 2}


@pytest.fixture(scope="module")
def network() -> Any:
    keras.utils.set_random_seed(1)
    entry = kl.Input((14, 14, 1))
    return keras.Model(entry, kl.Dense(3)(kl.Flatten()(kl.Conv2D(6, 3, activation="relu", name="maps")(entry))))


def dreamed(network: Any, mode: str, planes: np.ndarray, progress: Any = lambda *_: None) -> DreamedPlanes:
    mixture = mixture_of(network, "maps/2")
    objective = DreamObjective(network, mixture)
    prepared = MODES[mode].prepare(Setup(network, objective, DreamSettings(mode=mode, **SETTINGS)))
    return prepared.dream(planes, Target("maps/2", objective.weights_of(mixture)), progress)


def planes() -> np.ndarray:
    return np.random.default_rng(2).random((22, 31, 1), np.float32)


@pytest.mark.parametrize(
    ("mode", "step", "names"),
    [
        ("octaves", 0.005, {"octaves", "octave_scale", "jitter", "seed"}),
        ("tiles", 0.01, {"overlap", "seed"}),
        ("carve", 0.01, {"rounds"}),
        ("carve+tiles", 0.01, {"rounds", "overlap", "seed"}),
    ],
)
def test_a_mode_has_a_step_of_its_own_and_looks_at_settings_that_others_do_not(
    mode: str, step: float, names: set[str]
) -> None:
    settings = DreamSettings(mode=mode)
    assert settings.step == step
    assert DreamSettings(mode=mode, step_size=0.5).step == step / 2
    assert set(settings.deciding()) == OF_EVERY_MODE | names


def test_a_mode_sees_only_the_settings_that_it_says_it_looks_at() -> None:
    settings = DreamSettings(mode="carve", steps=3, rounds=2, octaves=9, overlap=0.1, jitter=1, seed=3)
    assert settings.without_idle() == DreamSettings(mode="carve", steps=3, rounds=2)


def test_the_first_mode_is_the_default() -> None:
    assert DreamSettings().mode == next(iter(MODES)) == "octaves"


def test_carving_and_tiles_together_are_the_one_after_the_other(network: Any) -> None:
    both = dreamed(network, "carve+tiles", planes())
    coarse = dreamed(network, "carve", planes())
    fine = dreamed(network, "tiles", coarse.planes)
    np.testing.assert_array_equal(both.planes, fine.planes)
    assert both.strip == coarse.strip is not None
    assert [curve.name for curve in both.curves] == [curve.name for curve in (*coarse.curves, *fine.curves)]


@pytest.mark.parametrize("mode", MODES)
def test_planes_stay_as_large_and_between_black_and_white_and_every_step_is_told(network: Any, mode: str) -> None:
    seen: list[tuple[str, int, int]] = []
    found = dreamed(network, mode, planes(), lambda *done: seen.append(done))
    assert found.planes.shape == planes().shape
    assert found.planes.min() >= 0
    assert found.planes.max() <= 1
    assert {name: step for name, step, _ in seen} == {curve.name: 3 for curve in found.curves}
