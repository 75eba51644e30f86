"""Work that is done by the workers of a work pool: cut into shards, and the store says what they made.

A shard is a flow run that makes some of what a run is to make. How it ended is only news of it: what is made is what
the store has. A shard that ended without all of it is begun again, under the same flow run, by whichever worker is
free; one that is under way already, as the run that submitted it died, is taken over, and not made a second time.
"""

import hashlib
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

import httpx
from prefect.client.schemas.objects import FlowRun, State

from flows.running.labels import MADE
from flows.running.outcome import few
from flows.running.work_pool import WorkPool
from lib.words import plural
from storage.errors import StoreError, StoreUnusable
from storage.runs import How
from tasks.session.progress import beat, report, say
from tasks.session.session import Session

ATTEMPTS = 3
"""So often a shard is begun that does not make all of its work."""
A_WORKER = 2
"""Shards that are submitted at a time for each worker: one is made, one is waiting."""
POLL_SECONDS = 5.0
PENDING_SECONDS = 300.0
"""A worker that has taken a shard has begun it by then, or has died."""
LATE_SECONDS = 360.0
"""So long after the deadline shards are waited for: they give up by themselves before that."""
_LOOK_SECONDS = 0.25

Item = TypeVar("Item")
Given = TypeVar("Given", contravariant=True)


class Work(Protocol[Given]):
    """What is done in shards: what it consists of, as units, and how the store and the run know that.

    An item's text names it in the run, and in what a shard says of failures.
    """

    flow: str
    """The flow that makes a shard, whose deployment bears the name of the pool."""
    what: str
    """What the items are, as "maps"."""

    def title(self, item: Given) -> str:
        """Of what progress tells when this item is made: a layer, say."""

    def note(self, item: Given, how: How) -> bool:
        """Let the run have what the store has of an item; whether that is all of it."""

    def fail(self, item: Given, reason: str) -> None:
        """Note that an item cannot be made, and why."""

    def finish(self, title: str) -> None:
        """Called once when every item of a title is made, or has failed."""

    def name(self, items: Sequence[Given]) -> str:
        """What the flow run of a shard is called."""

    def parameters(self, items: Sequence[Given]) -> Mapping[str, Any]:
        """What a shard is told: names of things in the store, and no place of a machine."""

    def names_in(self, parameters: Mapping[str, Any]) -> Iterable[str]:
        """What the items are called that a shard with these parameters makes; none where it makes them otherwise."""

    def recipes(self, item: Given) -> Iterable[str]:
        """The digests of the recipes of what is made for an item, as far as they are known before that."""


@dataclass
class _Shard(Generic[Item]):
    """`attempts`: how often this run has had it begun. `ours`: this run submitted it."""

    title: str
    items: tuple[Item, ...]
    attempts: int = 0
    ours: bool = True


class Sharding(Generic[Item]):
    """Work that a pool does for the run of a session."""

    def __init__(self, work: Work[Item], pool: WorkPool, session: Session, *, most: int, stalled_after: float) -> None:
        """`most`: items a shard. `stalled_after`: minutes for which Prefect's server is waited for."""
        self._work = work
        self._pool = pool
        self._session = session
        self._most = most
        self._stalled_after = stalled_after
        self._waiting: deque[_Shard[Item]] = deque()
        self._running: dict[UUID, _Shard[Item]] = {}
        self._known: dict[UUID, FlowRun] = {}
        self._total: Counter[str] = Counter()
        self._over: Counter[str] = Counter()
        self._said: str | None = None
        self._answered = time.monotonic()

    def make(self, parts: Iterable[Sequence[Item]]) -> None:
        """Have all items made that there is time for, in this order; the items of a part have one title.

        Raises Stopped, and httpx.HTTPError where Prefect's server stays away, or refuses what it is asked.
        """
        titles = self._cut(parts)
        for title in titles:
            if title in self._total:
                report(title, 0, self._total[title], of=self._work.what)
            else:
                self._work.finish(title)
        try:
            while (self._waiting or self._running) and not self._is_late():
                for shard in self._look():
                    self._count(shard)
                if self._waiting or self._running:
                    self._pause()
        finally:
            self._withdraw(self._known.values())
        for title, total in self._total.items():
            if left := total - self._over[title]:
                report(title, total, total, f"stopped with {left} left", of=self._work.what)

    def _cut(self, parts: Iterable[Sequence[Item]]) -> list[str]:
        """Cut into shards what the store does not have, and take over what is under way; returns all titles."""
        titles: dict[str, None] = {}
        missing: list[list[Item]] = []
        for part in parts:
            titles |= dict.fromkeys(map(self._work.title, part[:1]))
            missing.append([item for item in part if not self._work.note(item, "reused")])
        taken = self._take_over([item for items in missing for item in items])
        for items in missing:
            rest = [item for item in items if str(item) not in taken]
            for first in range(0, len(rest), self._most):
                some = tuple(rest[first : first + self._most])
                self._waiting.append(_Shard(self._work.title(some[0]), some))
        for shard in [*self._running.values(), *self._waiting]:
            self._total[shard.title] += len(shard.items)
        return list(titles)

    def _take_over(self, missing: Sequence[Item]) -> set[str]:
        """Wait for shards under way that make some of what is missing; returns what those items are called."""
        taken: set[str] = set()
        if not missing:
            return taken
        for flow_run in self._pool.under_way(self._work.flow):
            wanted = set(self._work.names_in(flow_run.parameters)) - taken
            items = tuple(item for item in missing if str(item) in wanted)
            if items:
                taken |= set(map(str, items))
                self._running[flow_run.id] = _Shard(self._work.title(items[0]), items, ours=False)
                self._known[flow_run.id] = flow_run
        if taken:
            say(f"{plural(len(self._running), 'shard')} under way already: {len(taken)} {self._work.what}")
        return taken

    def _count(self, shard: _Shard[Item]) -> None:
        title = shard.title
        self._over[title] += len(shard.items)
        report(title, self._over[title], self._total[title], of=self._work.what)
        if self._over[title] == self._total[title]:
            self._work.finish(title)

    def _is_late(self) -> bool:
        """Whether the deadline is over, and nothing is left to wait for; what has not begun by then is taken back."""
        left = self._session.deadline.seconds_left()
        if left is None or left > 0:
            return False
        self._waiting.clear()
        for flow_run in list(self._running):
            state = self._known[flow_run].state
            if left < -LATE_SECONDS or (state is not None and state.is_scheduled()):
                self._withdraw([self._known[flow_run]])
                self._note(flow_run)
                self._forget(flow_run)
        return not self._running

    def _look(self) -> list[_Shard[Item]]:
        """Submit what there is room for, and see what has ended; the shards that are over, whatever they made."""
        try:
            self._fill()
            now = self._pool.read(self._running)
            self._answered = time.monotonic()
            self._known |= now
            ended = [flow_run for flow_run in self._running if flow_run not in now or _has_ended(now[flow_run])]
            if ended:
                self._learn(ended, now)
            over = [shard for flow_run in ended if (shard := self._settle(flow_run, now.get(flow_run))) is not None]
            self._mend_pending(now)
        except httpx.HTTPError as error:
            if _is_refusal(error) or time.monotonic() - self._answered > 60 * self._stalled_after:
                raise
            self._say("Prefect's server does not answer: waiting for it")
            return []
        return over

    def _learn(self, ended: Sequence[UUID], now: Mapping[UUID, FlowRun]) -> None:
        """Know what shards that ended have made: as they say, or else, where one died, by listing the store."""
        try:
            for digest in [_told_by(now[flow_run]) for flow_run in ended]:
                self._session.learn(digest)
        except (KeyError, ValueError, StoreError) as problem:
            if isinstance(problem, StoreUnusable):
                raise
            items = [item for flow_run in ended for item in self._running[flow_run].items]
            self._session.look_again(recipe for item in items for recipe in self._work.recipes(item))

    def _fill(self) -> None:
        workers, name = self._pool.count_workers(), self._pool.name
        if not workers:
            self._say(f"no worker of pool {name} is online: begin one with dreamsweep worker --pool {name}")
        elif self._said is not None:
            self._say(f"{plural(workers, 'worker')} of pool {name}")
            self._said = None
        while self._waiting and len(self._running) < A_WORKER * max(workers, 1):
            self._submit(self._waiting[0])
            self._waiting.popleft()  # what could not be submitted waits on

    def _submit(self, shard: _Shard[Item]) -> None:
        work = self._work
        shard.attempts += 1
        flow_run = self._pool.submit(work.flow, work.name(shard.items), work.parameters(shard.items), self._key(shard))
        self._running[flow_run.id] = shard
        self._known[flow_run.id] = flow_run

    def _settle(self, flow_run: UUID, ended: FlowRun | None) -> _Shard[Item] | None:
        """Note what a shard that ended has made, and have the rest made again; the shard where it is over."""
        shard = self._running[flow_run]
        missing = self._note(flow_run)
        state = ended.state if ended else None
        cancelled = state is not None and state.is_cancelled() and shard.ours
        if ended is not None and state is not None and (state.is_crashed() or state.is_cancelled()):
            self._pool.close_within(ended)
        late = self._session.deadline.passed
        if missing and not late and not cancelled and shard.attempts < ATTEMPTS:
            if shard.ours and ended is not None and state is not None and not state.is_completed():
                say(f"shard {ended.name} {state.name}: what it lacks of {self._work.what} is made again")
                shard.attempts += 1
                self._pool.run_again(ended)
            else:  # it is told what this run wants, and until when
                self._forget(flow_run)
                shard.ours = True
                self._waiting.appendleft(shard)
            return None
        if missing and not late:
            gave_up = f"its shard was begun {plural(shard.attempts, 'time')}, and did not make it"
            self._fail(missing, "its shard was cancelled" if cancelled else gave_up, state)
        self._forget(flow_run)
        return shard

    def _note(self, flow_run: UUID) -> list[Item]:
        """Let the run have what the store has of a shard; returns what is missing."""
        missing = []
        for item in self._running[flow_run].items:
            beat()
            if not self._work.note(item, "computed"):
                missing.append(item)
        return missing

    def _fail(self, items: Iterable[Item], otherwise: str, state: "State[Any] | None") -> None:
        """Note why items failed: a shard says it of each, in a line (`say_failures`)."""
        lines = (state.message or "").splitlines() if state is not None else []
        whole = "" if state is None or not lines else f" ({state.name}: {lines[0]})"
        for item in items:
            own = next((line for line in lines if line.startswith(f"{item}: ")), None)
            self._work.fail(item, own.removeprefix(f"{item}: ") if own else f"{otherwise}{whole}")

    def _mend_pending(self, now: Mapping[UUID, FlowRun]) -> None:
        """A worker that died between taking a shard and beginning it leaves it pending for ever."""
        for flow_run in self._running:
            state = now[flow_run].state if flow_run in now else None
            if state is None or not state.is_pending():
                continue
            if time.time() - state.timestamp.timestamp() > PENDING_SECONDS:
                say(f"shard {now[flow_run].name} was taken, and not begun: another worker takes it")
                self._pool.run_again(now[flow_run])

    def _forget(self, flow_run: UUID) -> None:
        del self._running[flow_run], self._known[flow_run]

    def _withdraw(self, flow_runs: Iterable[FlowRun]) -> None:
        for flow_run in list(flow_runs):
            try:
                self._pool.withdraw(flow_run)
            except httpx.HTTPError as error:
                say(f"shard {flow_run.name} could not be taken back: {error}")

    def _pause(self) -> None:
        until = time.monotonic() + POLL_SECONDS
        while time.monotonic() < until:
            beat()
            time.sleep(_LOOK_SECONDS)

    def _say(self, line: str) -> None:
        """Say how things are, once until that changes."""
        if line != self._said:
            say(line)
            self._said = line

    def _key(self, shard: _Shard[Item]) -> str:
        """The same only where the answer to the very same question was lost on its way."""
        told = "\n".join([self._session.run.id, self._work.flow, str(shard.attempts), *map(str, shard.items)])
        return hashlib.sha256(told.encode()).hexdigest()


def _is_refusal(error: httpx.HTTPError) -> bool:
    """Whether the server is there, and does not take what it is asked."""
    status = error.response.status_code if isinstance(error, httpx.HTTPStatusError) else None
    return status is not None and httpx.codes.is_client_error(status) and status != httpx.codes.TOO_MANY_REQUESTS


def _has_ended(flow_run: FlowRun) -> bool:
    return flow_run.state is not None and flow_run.state.is_final()


def _told_by(flow_run: FlowRun) -> str:
    """The file in which a shard tells of its records. Raises KeyError where it could not say so in the end."""
    if flow_run.state is None or not (flow_run.state.is_completed() or flow_run.state.is_failed()):
        raise KeyError(MADE)
    return str(flow_run.labels[MADE])


def say_failures(failures: Mapping[str, str], total: int, what: str) -> str:
    """How a shard says which of its items failed, and why: a line for each, which `Sharding` reads."""
    first = f"{len(failures)} of {total} {what} failed: {few(list(failures))}"
    return "\n".join([first, *(f"{item}: {reason}" for item, reason in failures.items())])
