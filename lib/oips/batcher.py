"""One ascent for many threads: images that arrive at the same time are optimised as one batch, as in inference servers.

A task a map would otherwise run batches as small as its own few images. Here every task hands its images to the one
batcher of its layer and waits; the batcher's thread fills whole batches from whatever waits, whichever units they
belong to, and gives each task its own back.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lib import stop
from lib.arrays import Array, Floats, ShortIntegers
from lib.deadline import NEVER, Deadline, OutOfTime
from lib.oips.ascent import AscentState
from lib.oips.measure import padded_size
from lib.oips.parameterisation import Parameterisation


class BatchAscent(Protocol):
    """What an `Ascent` and a `Batcher` have in common: images go in, and come back some steps further up."""

    def optimise(
        self, state: AscentState, units: npt.ArrayLike, rates: npt.ArrayLike, moves: npt.ArrayLike | None = None
    ) -> AscentState:
        """As `Ascent.optimise`."""


BATCH = 64
"""Images a batch. Larger ones are no faster on a CPU; smaller ones fit networks that want much memory an image."""

# A batch that is not full waits this long for more, a few percent of the time that it then takes.
_SECONDS_TO_FILL = 0.01
_SECONDS_TO_LOOK = 1.0  # so often does a search that waits look whether there still is time for it


@dataclass(eq=False)
class _Job:
    state: AscentState
    units: ShortIntegers
    rates: Floats
    moves: Array
    begun: int = 0
    parts: list[AscentState] = field(default_factory=list)
    done: "Future[AscentState]" = field(default_factory=Future)

    def batches_with(self, other: "_Job") -> bool:
        return len(self.rates) == len(other.rates) and self.state.curve.shape[1] == other.state.curve.shape[1]


class Batcher:
    """Runs a `BatchAscent` that takes at most `batch` images a call, for any number of threads and images.

    Attributes:
        image_steps: image-steps asked for so far.
        batches: calls of the ascent so far.
    """

    def __init__(
        self,
        ascent: BatchAscent,
        batch: int,
        *,
        beat: Callable[[], None] = lambda: None,
        deadline: Deadline = NEVER,
        pace: float | None = None,
    ) -> None:
        """`beat` is called after every batch, from the batcher's thread. `deadline`: when all is to be at its end;
        `pace`: seconds that an image-step is known to take, in a full batch; None: nothing is known before the first.
        """
        self._beat = beat
        self._deadline, self._pace = deadline, pace
        self._under_way = 0  # image-steps of the searches that were let in
        self._ascent = ascent
        self._batch = batch
        self._jobs: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self.image_steps = 0
        self.batches = 0
        self._thread = threading.Thread(target=self._run, name="batcher", daemon=True)
        self._thread.start()

    def optimise(
        self, state: AscentState, units: npt.ArrayLike, rates: npt.ArrayLike, moves: npt.ArrayLike | None = None
    ) -> AscentState:
        """As `Ascent.optimise`, for any number of images; returns when all of them are done.

        Raises whatever the ascent raised for a batch that one of these images was in.
        """
        rates = np.asarray(rates)
        if moves is None:
            moves = np.zeros((len(rates), len(state), Parameterisation.move), Parameterisation.dtype)
        job = _Job(state, np.asarray(units), rates, np.asarray(moves))
        with self._changed:
            if self._closed:
                raise RuntimeError("the batcher is closed")
            self._jobs.append(job)
            self._changed.notify()
        return job.done.result()

    @contextmanager
    def let_in(self, image_steps: int) -> Iterator[None]:
        """While inside, a search of so many image-steps is under way.

        Before a deadline no more go on at once than come to their end by then, as far as the last batch tells: others
        wait until some have ended. Raises OutOfTime where there is no time left for the search alone, and Stopped.
        """
        with self._changed:
            while not self._has_time(image_steps):
                self._changed.wait(_SECONDS_TO_LOOK)
                stop.look()
            self._under_way += image_steps
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= image_steps
                self._changed.notify_all()

    def _has_time(self, image_steps: int) -> bool:
        """Whether a search more ends in time, with those that are under way. Raises OutOfTime."""
        left = self._deadline.seconds_left()
        if left is None or self._pace is None:
            return True
        alone = self._pace * image_steps
        if alone > left:
            raise OutOfTime(f"the search takes {alone:.0f} s, and {max(left, 0):.0f} s are left")
        return not self._under_way or self._pace * self._under_way + alone <= left

    def close(self) -> None:
        """Finish what waits, then end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def __enter__(self) -> "Batcher":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        try:
            self._run_batches()
        except BaseException as error:  # nobody may wait for a thread that has ended
            with self._changed:
                self._closed = True
                waiting = list(self._jobs)
            self._fail(waiting, error)
            raise

    def _run_batches(self) -> None:
        while (share := self._next_batch()) is not None:
            try:
                self._optimise_batch(share)
            except BaseException as error:  # whatever it is, the tasks that wait must hear of it
                self._fail([job for job, _, _ in share], error)

    def _optimise_batch(self, share: list[tuple[_Job, int, int]]) -> None:
        """Optimises some images of some jobs; gives those jobs their own back whose last images these were."""
        begun = time.monotonic()
        result = self._ascent.optimise(
            AscentState.join([job.state.take(slice(first, last)) for job, first, last in share]),
            np.concatenate([job.units[first:last] for job, first, last in share]),
            np.concatenate([job.rates[:, first:last] for job, first, last in share], axis=1),
            np.concatenate([job.moves[:, first:last] for job, first, last in share], axis=1),
        )
        self.batches += 1
        images, steps = padded_size(len(result), self._batch), len(share[0][0].rates)
        self._pace = (time.monotonic() - begun) / max(images * steps, 1)
        self._beat()
        at = 0
        done: list[tuple[_Job, AscentState]] = []
        for job, first, last in share:
            job.parts.append(result.take(slice(at, at + last - first)))
            at += last - first
            self.image_steps += (last - first) * len(job.rates)
            if last == len(job.state):
                done.append((job, AscentState.join(job.parts)))
        if len(result) != at:
            raise ValueError(f"the ascent gave {len(result)} images back for {at}")
        for job, whole in done:
            job.done.set_result(whole)

    def _next_batch(self) -> list[tuple[_Job, int, int]] | None:
        """Jobs and which of their images come next; waits for work, and a moment for a batch to fill."""
        with self._changed:
            while not self._jobs:
                if self._closed:
                    return None
                self._changed.wait()
            if not self._closed:
                self._changed.wait_for(lambda: self._closed or self._waiting() >= self._batch, _SECONDS_TO_FILL)
            share: list[tuple[_Job, int, int]] = []
            room = self._batch
            head = self._jobs[0]
            for job in [job for job in self._jobs if job.batches_with(head)]:
                last = min(len(job.state), job.begun + room)
                share.append((job, job.begun, last))
                room -= last - job.begun
                job.begun = last
                if last == len(job.state):
                    self._jobs.remove(job)
                if room == 0:
                    break
            return share

    def _waiting(self) -> int:
        head = self._jobs[0]
        return sum(len(job.state) - job.begun for job in self._jobs if job.batches_with(head))

    def _fail(self, jobs: list[_Job], error: BaseException) -> None:
        with self._changed:
            for job in jobs:
                if job in self._jobs:
                    self._jobs.remove(job)
        for job in jobs:
            job.done.set_exception(error)
