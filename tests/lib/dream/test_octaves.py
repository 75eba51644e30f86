"""Octaves: sizes from coarse to fine, the change alone carried on, details never lost."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.dream.ascent import DreamAscent
from lib.dream.mixture import mixture_of
from lib.dream.objective import DreamObjective
from lib.dream.octaves import octave_sizes, through_octaves
from lib.dream.windowed_gradient import WindowedGradient
from lib.pictures.resample import resize
from lib.training.reference import build


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 8), st.floats(1.01, 3), st.integers(1, 50))
def test_sizes_grow_up_to_the_pictures_own(height: int, width: int, octaves: int, scale: float, least: int) -> None:
    sizes = octave_sizes(height, width, octaves, scale, (least, least))
    assert sizes[-1] == (height, width)
    assert 1 <= len(sizes) <= octaves
    assert sizes == sorted(set(sizes))
    assert all(min(size) >= least for size in sizes[:-1])


def test_sizes_are_those_of_the_original() -> None:
    assert octave_sizes(427, 640, 4, 1.4, (18, 18)) == [(156, 233), (218, 327), (305, 457), (427, 640)]
    assert octave_sizes(427, 640, 4, 1.4, (200, 18)) == [(218, 327), (305, 457), (427, 640)]


def picture(height: int, width: int, channels: int = 1) -> Any:
    return np.random.default_rng(1).uniform(0.3, 0.7, (height, width, channels)).astype(np.float32)


def test_where_nothing_is_dreamed_the_picture_comes_back_to_the_bit() -> None:
    start = picture(50, 41, 3)
    seen = []

    def optimise(number: int, pixels: Any) -> Any:
        seen.append((number, pixels.shape))
        return pixels, np.zeros(1, np.float32)

    found, values = through_octaves(start, octave_sizes(50, 41, 3, 1.5, (1, 1)), optimise)
    np.testing.assert_array_equal(found, start)
    assert seen == [(0, (22, 18, 3)), (1, (33, 27, 3)), (2, (50, 41, 3))]
    assert len(values) == 3


def test_only_the_change_is_enlarged() -> None:
    start = picture(40, 40)
    wave = 0.1 * np.sin(np.arange(20) / 3).astype(np.float32)[:, None, None] * np.ones((1, 20, 1), np.float32)

    def optimise(number: int, pixels: Any) -> Any:
        return (pixels + wave if number == 0 else pixels), np.zeros(1, np.float32)

    found, _ = through_octaves(start, [(20, 20), (40, 40)], optimise)
    np.testing.assert_allclose(found - start, resize(wave, 40, 40), atol=1e-6)


@pytest.fixture(scope="module")
def ascent() -> DreamAscent:
    model = build((28, 28, 1), 10, seed=3)
    return DreamAscent(WindowedGradient(model, DreamObjective(model, mixture_of(model, "")), window=40), 1)


def dream(ascent: DreamAscent, start: Any, seed: int = 1) -> Any:
    how: dict[str, Any] = {"steps": 6, "step_size": 0.02, "smoothing": 0.5, "jitter": 4}
    sizes = octave_sizes(*start.shape[:2], 3, 1.4, (18, 18))
    return through_octaves(start, sizes, lambda number, pixels: ascent.optimise(pixels, **how, seed=seed + number))


@pytest.mark.parametrize("size", [(90, 71), (40, 130), (20, 33)])
def test_the_objective_rises_in_every_octave(ascent: DreamAscent, size: tuple[int, int]) -> None:
    found, values = dream(ascent, picture(*size))
    assert found.shape == (*size, 1)
    assert 0 <= found.min() < found.max() <= 1
    assert all(curve[-1] > curve[0] for curve in values)
    assert all(len(curve) == 7 for curve in values)


def test_details_survive(ascent: DreamAscent) -> None:
    start = picture(120, 100)
    found, _ = dream(ascent, start)

    def fine(pixels: Any) -> Any:
        return (pixels - resize(resize(pixels, 60, 50), 120, 100)).ravel()

    assert np.abs(found - start).mean() > 0.02
    assert np.corrcoef(fine(start), fine(found))[0, 1] > 0.6


def test_the_same_seed_gives_the_same_bytes_and_another_others(ascent: DreamAscent) -> None:
    start = picture(45, 52)
    first, again, other = (dream(ascent, start, seed)[0].tobytes() for seed in (1, 1, 7))
    assert first == again != other


def test_fifty_sizes_in_octaves_are_one_trace(ascent: DreamAscent) -> None:
    for at in range(50):
        dream(ascent, picture(20 + at, 70 - at))
    assert ascent.traces == 1
