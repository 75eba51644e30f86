"""The compiled ascent of one picture: one trace for all sizes, against a plain loop in float64."""

import threading
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from lib.dream.ascent import DreamAscent

CHANNELS = 2


class Nearer:
    """Draws pixels to a slope: the value is minus the squared distance from it, for which the plan says the slope."""

    @property
    def signature(self) -> tuple[Any, ...]:
        return (tf.TensorSpec((None,), tf.float32), tf.TensorSpec((), tf.int32))

    def plan(self, height: int, width: int) -> tuple[npt.NDArray[Any], ...]:
        return np.linspace(0.1, 0.9, height).astype(np.float32), np.array(height * width * CHANNELS, np.int32)

    def value(self, picture: Any, slope: Any, count: Any) -> Any:
        return -tf.reduce_sum((picture - slope[:, None, None]) ** 2) / tf.cast(count, tf.float32)

    def __call__(self, picture: Any, slope: Any, count: Any) -> Any:
        return self.value(picture, slope, count), slope[:, None, None] - picture


@pytest.fixture(scope="module")
def ascent() -> DreamAscent:
    return DreamAscent(Nearer(), CHANNELS)


def pixels(height: int, width: int, seed: int = 1) -> Any:
    return np.random.default_rng(seed).random((height, width, CHANNELS)).astype(np.float32)


HOW: dict[str, Any] = {"steps": 6, "step_size": 0.03, "smoothing": 0.5, "jitter": 3, "seed": 5}


@settings(max_examples=30)
@given(
    st.integers(1, 20),
    st.integers(1, 20),
    st.integers(1, 6),
    st.sampled_from([0.0, 0.5, 1.0, 1.7]),
    st.floats(0.001, 0.3),
)
def test_an_ascent_without_jitter_is_a_plain_loop(
    ascent: DreamAscent, height: int, width: int, steps: int, smoothing: float, step_size: float
) -> None:
    start = pixels(height, width)
    found, values = ascent.optimise(start, steps=steps, step_size=step_size, smoothing=smoothing, jitter=0, seed=0)
    picture, slope = start.astype(np.float64), np.linspace(0.1, 0.9, height)[:, None, None]
    reach = min(max(1, round(3 * smoothing)), height, width)
    expected = [-((picture - slope) ** 2).mean()]
    for _ in range(steps):
        gradient = slope - picture
        if smoothing:
            gradient = gaussian_filter(gradient, (smoothing, smoothing, 0), mode="reflect", radius=(reach, reach, 0))
        picture = np.clip(picture + step_size * gradient / np.sqrt((gradient**2).mean()), 0, 1)
        expected.append(-((picture - slope) ** 2).mean())
    np.testing.assert_allclose(found, picture, atol=2e-4)
    np.testing.assert_allclose(values, expected, atol=2e-4)


def test_one_trace_serves_fifty_sizes(ascent: DreamAscent) -> None:
    for at in range(50):
        found, values = ascent.optimise(pixels(3 + at, 60 - at), **HOW | {"steps": 1 + at % 3, "smoothing": at % 4 / 2})
        assert found.shape == (3 + at, 60 - at, CHANNELS)
        assert values.shape == (2 + at % 3,)
    assert ascent.traces == 1


def test_the_same_seed_gives_the_same_bytes_whatever_other_threads_do(ascent: DreamAscent) -> None:
    alone = [ascent.optimise(pixels(40, 30 + at), **HOW) for at in range(6)]
    together: dict[int, Any] = {}

    def optimise(at: int) -> None:
        together[at] = ascent.optimise(pixels(40, 30 + at), **HOW)

    threads = [threading.Thread(target=optimise, args=(at,)) for at in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for at, (picture, values) in enumerate(alone):
        assert together[at][0].tobytes() == picture.tobytes()
        assert together[at][1].tobytes() == values.tobytes()


class Rightmost(Nearer):
    """Wants the last column brighter: what is rolled is drawn to another place, unless the roll is undone."""

    def __call__(self, picture: Any, slope: Any, count: Any) -> Any:
        return tf.reduce_sum(picture[:, -1]), tf.concat([tf.zeros_like(picture[:, :-1]), picture[:, -1:]], 1)


def test_a_roll_is_undone_and_the_seed_says_by_how_much() -> None:
    ascent = DreamAscent(Rightmost(), CHANNELS)
    start = np.full((5, 40, CHANNELS), 0.2, np.float32)
    how = HOW | {"smoothing": 0.0, "steps": 30, "step_size": 0.001}
    moved = {seed: ascent.optimise(start, **how | {"seed": seed})[0] - start for seed in (1, 2)}
    for change in moved.values():
        columns = set(np.flatnonzero(np.abs(change).max((0, 2)) > 1e-6))
        assert len(columns) > 2
        assert columns <= {36, 37, 38, 39, 0, 1, 2}, "no further than the jitter"
        assert 39 in columns, "the first step is not shifted"
    assert not np.array_equal(moved[1], moved[2])
    still = ascent.optimise(start, **how | {"jitter": 0})[0] - start
    assert set(np.flatnonzero(np.abs(still).max((0, 2)))) == {39}


def test_where_nothing_responds_the_picture_stays() -> None:
    class Nothing(Nearer):
        def __call__(self, picture: Any, slope: Any, count: Any) -> Any:
            return tf.constant(0.0), tf.zeros_like(picture)

    start = pixels(6, 7)
    np.testing.assert_array_equal(DreamAscent(Nothing(), CHANNELS).optimise(start, **HOW)[0], start)


def test_progress_is_told_up_to_the_last_step(ascent: DreamAscent) -> None:
    told: list[tuple[int, int]] = []
    ascent.optimise(pixels(5, 5), **HOW | {"steps": 17}, progress=lambda step, steps: told.append((step, steps)))
    assert told[0] == (1, 17)
    assert told[-1] == (17, 17)
    assert [step for step, _ in told] == sorted({step for step, _ in told})


def test_what_is_told_changes_no_byte(ascent: DreamAscent, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = ascent.optimise(pixels(9, 8), **HOW)
    monkeypatch.setattr("lib.dream.ascent._SECONDS_A_CALL", 0.0)
    one_by_one = ascent.optimise(pixels(9, 8), **HOW)
    assert [part.tobytes() for part in quick] == [part.tobytes() for part in one_by_one]
