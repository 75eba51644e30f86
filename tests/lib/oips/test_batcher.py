"""The batcher gives every thread what a direct ascent would, fills its batches, and leaves nobody waiting.

The ascent is plain arithmetic on rows, without TensorFlow: what comes back is known to the bit.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.deadline import Deadline, OutOfTime
from lib.oips.ascent import AscentState
from lib.oips.batcher import Batcher

BATCH = 8
SECONDS = 20  # far more than any of this takes: whoever waits longer waits for ever


class Faulty(Exception):
    pass


@dataclass
class FakeAscent:
    """Each row by itself, so that no batch matters; `calls` are the units of each batch."""

    poison: int | None = None
    calls: list[list[int]] = field(default_factory=list)
    gate: threading.Event | None = None
    entered: threading.Event = field(default_factory=threading.Event)

    def optimise(self, state: AscentState, units: Any, rates: Any, shifts: Any = None) -> AscentState:
        assert len(state) == len(units) == rates.shape[1] == shifts.shape[1] <= BATCH
        assert len(rates) == len(shifts)
        self.calls.append([int(unit) for unit in units])
        self.entered.set()
        if self.gate is not None:
            assert self.gate.wait(SECONDS)
        if self.poison in self.calls[-1]:
            raise Faulty(f"unit {self.poison}")
        images, velocity = state.images.copy(), state.velocity.copy()
        curve = [state.curve]
        for rate, shift in zip(rates, shifts, strict=True):
            velocity = (
                np.float32(0.5) * velocity + (np.asarray(units) + shift.sum(1)).astype(np.float32)[:, None, None, None]
            )
            images = images * np.float32(0.75) + rate.astype(np.float32)[:, None, None, None] * velocity
            curve.append(images[:, :1, 0, 0])
        score = images[:, 0, 0, 0]
        best = np.where((score > state.score)[:, None, None, None], images, state.best)
        return AscentState(images, velocity, best, score, score + 1, score - 1, np.concatenate(curve, axis=1))


@dataclass(frozen=True)
class Job:
    state: AscentState
    units: np.ndarray
    rates: np.ndarray
    shifts: np.ndarray | None

    def optimise(self, ascent: Any) -> AscentState:
        return ascent.optimise(self.state, self.units, self.rates, self.shifts)

    def directly(self) -> AscentState:
        """Without a batcher, one image at a time."""
        shifts = self.shifts
        if shifts is None:
            shifts = np.zeros((len(self.rates), len(self.state), 2), np.int32)
        return AscentState.join(
            [
                FakeAscent().optimise(self.state.take([at]), self.units[[at]], self.rates[:, [at]], shifts[:, [at]])
                for at in range(len(self.state))
            ]
        )


def job(seed: int, images: int, steps: int, behind: int = 0, *, shifted: bool = False, unit: int | None = None) -> Job:
    random = np.random.default_rng(seed)
    state = AscentState.from_starts(random.normal(size=(images, 3, 2, 1)).astype(np.float32))
    vars(state)["curve"] = np.zeros((images, behind), np.float32)
    return Job(
        state,
        random.integers(0, 1000, images) if unit is None else np.full(images, unit),
        random.random((steps, images)).astype(np.float32),
        random.integers(-2, 3, (steps, images, 2)).astype(np.int32) if shifted else None,
    )


def assert_same(found: AscentState, expected: AscentState) -> None:
    for name, array in vars(expected).items():
        np.testing.assert_array_equal(getattr(found, name), array, err_msg=name)


def submit(work: Callable[..., Any], *arguments: Any) -> "Future[Any]":
    """Runs it in a thread of its own, which may hang without holding up the end of the tests."""
    answer: Future[Any] = Future()

    def run() -> None:
        try:
            answer.set_result(work(*arguments))
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return answer


@settings(max_examples=60)
@given(
    st.lists(
        st.builds(
            job,
            seed=st.integers(0, 2**32 - 1),
            images=st.integers(1, 3 * BATCH),
            steps=st.integers(0, 4),
            behind=st.integers(0, 2),
            shifted=st.booleans(),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_every_thread_gets_what_an_ascent_of_its_own_gives(jobs: list[Job]) -> None:
    ascent = FakeAscent()
    with Batcher(ascent, BATCH) as batcher:
        found = [submit(each.optimise, batcher) for each in jobs]
        for answer, each in zip(found, jobs, strict=True):
            assert_same(answer.result(SECONDS), each.directly())
        assert batcher.image_steps == sum(len(each.state) * len(each.rates) for each in jobs)
        assert batcher.batches == len(ascent.calls)


def test_threads_that_come_back_again_and_again_get_their_own() -> None:
    def stages(seed: int) -> None:
        images = job(seed, 7, 1).state
        expected = images
        for stage in range(6):
            each = job(seed + stage, len(images), 1 + (seed + stage) % 3)
            now = Job(images, each.units, each.rates, each.shifts)
            images = now.optimise(batcher)
            expected = Job(expected, each.units, each.rates, each.shifts).directly()
            assert_same(images, expected)
            images, expected = images.take(slice(0, 7 - stage)), expected.take(slice(0, 7 - stage))

    with Batcher(FakeAscent(), BATCH) as batcher:
        for answer in [submit(stages, 100 * number) for number in range(24)]:
            answer.result(SECONDS)


@contextmanager
def held_up(ascent: FakeAscent, batcher: Batcher) -> Iterator[Future[Any]]:
    """While inside, the batcher is busy with a first batch, and all else queues."""
    ascent.gate = threading.Event()
    first = submit(job(0, BATCH, 1, unit=999).optimise, batcher)
    assert ascent.entered.wait(SECONDS)
    try:
        yield first
    finally:
        ascent.gate.set()


def queued(batcher: Batcher, images: int) -> None:
    """Waits until that many images are in the queue."""
    moment = threading.Event()
    for _ in range(2000):
        if sum(len(waiting.state) for waiting in batcher._jobs) >= images:
            return
        moment.wait(0.005)
    raise AssertionError("the jobs never arrived")


def test_batches_are_full_while_enough_waits_and_span_units() -> None:
    ascent = FakeAscent()
    with Batcher(ascent, BATCH) as batcher:
        with held_up(ascent, batcher) as first:
            rest = [submit(job(unit, 3, 2, unit=unit).optimise, batcher) for unit in range(1, 11)]
            queued(batcher, 30)
        for answer in [first, *rest]:
            answer.result(SECONDS)
    assert [len(call) for call in ascent.calls] == [BATCH, BATCH, BATCH, BATCH, 30 - 3 * BATCH]
    assert len(set(ascent.calls[1])) > 2


def test_what_comes_a_moment_later_joins_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lib.oips.batcher._SECONDS_TO_FILL", SECONDS)  # so that a busy machine is not too late
    ascent = FakeAscent()
    with Batcher(ascent, BATCH) as batcher:
        found = []
        for unit in range(4):
            found.append(submit(job(unit, 2, 1, unit=unit).optimise, batcher))
            assert not wait(found, 0.05).done or unit == 3
        for answer in found:
            answer.result(SECONDS)
    assert [sorted(call) for call in ascent.calls] == [[0, 0, 1, 1, 2, 2, 3, 3]]


def test_a_batch_that_does_not_fill_is_optimised_all_the_same() -> None:
    with Batcher(FakeAscent(), BATCH) as batcher:
        assert len(submit(job(1, 1, 1).optimise, batcher).result(SECONDS)) == 1


def test_jobs_of_other_lengths_wait_for_a_batch_of_their_own() -> None:
    ascent = FakeAscent()
    with Batcher(ascent, BATCH) as batcher:
        with held_up(ascent, batcher):
            short = [submit(job(1, 2, 3, unit=1).optimise, batcher) for _ in range(2)]
            queued(batcher, 4)
            long = submit(job(2, 2, 5, unit=2).optimise, batcher)
            further = submit(job(3, 2, 3, 1, unit=3).optimise, batcher)
            queued(batcher, 8)
        for answer in [*short, long, further]:
            answer.result(SECONDS)
    assert sorted(map(sorted, ascent.calls[1:])) == [[1, 1, 1, 1], [2, 2], [3, 3]]


def test_the_oldest_job_is_never_overtaken() -> None:
    ascent = FakeAscent()
    with Batcher(ascent, BATCH) as batcher:
        with held_up(ascent, batcher):
            odd = submit(job(1, 2, 5, unit=1).optimise, batcher)
            queued(batcher, 2)
            rest = [submit(job(2, BATCH, 3, unit=2).optimise, batcher) for _ in range(6)]
            queued(batcher, 2 + 6 * BATCH)
        for answer in [odd, *rest]:
            answer.result(SECONDS)
    assert ascent.calls[1] == [1, 1]


def test_a_fault_reaches_the_jobs_of_its_batch_and_no_other() -> None:
    ascent = FakeAscent(poison=13)
    with Batcher(ascent, BATCH) as batcher:
        with held_up(ascent, batcher) as first:
            before = submit(job(1, BATCH, 2, unit=1).optimise, batcher)
            queued(batcher, BATCH)
            beside = submit(job(2, BATCH - 2, 2, unit=2).optimise, batcher)
            queued(batcher, 2 * BATCH - 2)
            faulty = submit(job(3, 2 * BATCH, 2, unit=13).optimise, batcher)
            queued(batcher, 4 * BATCH - 2)
            after = submit(job(4, 3, 2, unit=4).optimise, batcher)
            queued(batcher, 4 * BATCH + 1)
        for answer in (before, after, first):
            answer.result(SECONDS)
        for answer in (beside, faulty):
            with pytest.raises(Faulty, match="unit 13"):
                answer.result(SECONDS)
        assert_same(submit(job(5, 4, 1).optimise, batcher).result(SECONDS), job(5, 4, 1).directly())
    # what was left of the job that failed is not optimised any more
    assert ascent.calls[1:4] == [[1] * BATCH, [2] * (BATCH - 2) + [13] * 2, [4] * 3]


class Short(FakeAscent):
    """Gives back too few images, as no ascent should."""

    def optimise(self, state: AscentState, units: Any, rates: Any, shifts: Any = None) -> AscentState:
        grown = super().optimise(state, units, rates, shifts)
        return grown.take(slice(0, len(state) - 1))


class Crooked(FakeAscent):
    """Gives back what cannot be joined, after the first batch."""

    def optimise(self, state: AscentState, units: Any, rates: Any, shifts: Any = None) -> AscentState:
        grown = super().optimise(state, units, rates, shifts)
        if len(self.calls) > 1:
            vars(grown)["curve"] = grown.curve[:, :0]
        return grown


@pytest.mark.parametrize("ascent", [Short(), Crooked()], ids=["too few", "misshapen"])
def test_an_answer_that_cannot_be_used_fails_the_job_and_hangs_nobody(ascent: FakeAscent) -> None:
    with Batcher(ascent, BATCH) as batcher:
        with pytest.raises(ValueError, match=r".+"):
            submit(job(1, 2 * BATCH, 1).optimise, batcher).result(SECONDS)
        assert batcher._thread.is_alive()


def test_closing_finishes_what_waits_and_takes_nothing_more() -> None:
    ascent = FakeAscent()
    batcher = Batcher(ascent, BATCH)
    with held_up(ascent, batcher):
        jobs = [job(seed, 5, 1 + seed % 2) for seed in range(6)]
        found = [submit(each.optimise, batcher) for each in jobs]
        queued(batcher, 30)
        closing = submit(batcher.close)
        assert not wait([closing], 0.05).done
    closing.result(SECONDS)
    for answer, each in zip(found, jobs, strict=True):
        assert_same(answer.result(SECONDS), each.directly())
    assert not batcher._thread.is_alive()
    with pytest.raises(RuntimeError, match="closed"):
        job(1, 2, 1).optimise(batcher)
    batcher.close()  # twice does no harm


def in_seconds(seconds: float) -> Deadline:
    return Deadline(datetime.now(UTC) + timedelta(seconds=seconds))


def test_a_search_that_takes_longer_than_there_is_time_is_turned_away() -> None:
    with Batcher(FakeAscent(), BATCH, deadline=in_seconds(1000), pace=10.0) as batcher:
        with pytest.raises(OutOfTime, match=r"the search takes 1010 s, and \d+ s are left"), batcher.let_in(101):
            pass
        with batcher.let_in(90):
            pass


def test_before_a_deadline_no_more_go_on_at_once_than_come_to_their_end_and_others_wait_for_them() -> None:
    order: list[str] = []

    def search(name: str) -> None:
        with batcher.let_in(60):
            order.append(name)

    with Batcher(FakeAscent(), BATCH, deadline=in_seconds(1000), pace=10.0) as batcher:
        with batcher.let_in(60):
            waiting = submit(search, "second")
            with batcher.let_in(30):  # for this there is time beside the first
                order.append("short")
            assert not wait([waiting], 0.1).done
            order.append("first")
        waiting.result(SECONDS)
    assert order == ["short", "first", "second"]


def test_who_waits_is_turned_away_when_there_is_no_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lib.oips.batcher._SECONDS_TO_LOOK", 0.01)

    def search() -> None:
        with batcher.let_in(1):
            pass

    with Batcher(FakeAscent(), BATCH, deadline=in_seconds(2), pace=1.0) as batcher, batcher.let_in(1):
        waiting = submit(search)  # two seconds for both are more than what is left
        with pytest.raises(OutOfTime):
            waiting.result(SECONDS)


def test_the_last_batch_tells_how_long_the_next_one_takes() -> None:
    ascent = FakeAscent()
    with Batcher(ascent, BATCH, deadline=in_seconds(1000)) as batcher:
        with batcher.let_in(10**9), batcher.let_in(10**9):  # nothing is known yet
            job(1, BATCH, 1).optimise(batcher)
        with pytest.raises(OutOfTime), batcher.let_in(10**9):
            pass
        with batcher.let_in(1):
            pass


def test_without_a_deadline_everything_is_let_in() -> None:
    with Batcher(FakeAscent(), BATCH, pace=10.0) as batcher, batcher.let_in(10**9), batcher.let_in(10**9):
        pass
