"""A pass of a sweep by the workers of a work pool: cut into shards, and the store says what they made.

A shard is a flow run that makes some maps of one layer (`flows.shard`). How it ended is only news of it: what is made
is what the store has. A shard that ended without all of its maps is run again, under the same flow run, by whichever
worker is free; one that is there already, as a sweep before this one died, is taken over, not made a second time.
"""

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import httpx
from prefect.client.schemas.objects import FlowRun, State

from flows.forms.shard import ShardParameters
from flows.running.outcome import few
from flows.sweeping.sweep_order import Part
from flows.sweeping.work_pool import WorkPool
from lib.network.units import Layer, Unit, ranges_of
from lib.oips.growth import Growth
from lib.words import plural
from tasks.session.progress import beat, report, say
from tasks.sweep.context import LATEST_SECONDS, SweepContext
from tasks.sweep.oips import name_of, oip_recipe

ATTEMPTS = 3
"""So often a shard is begun whose maps are not all made."""
A_WORKER = 2
"""Shards that are submitted at a time for each worker: one is made, one is waiting."""
POLL_SECONDS = 5.0
PENDING_SECONDS = 300.0
"""A worker that has taken a shard has begun it by then, or has died."""
LATE_SECONDS = LATEST_SECONDS + 60
"""So long after the deadline shards are waited for, which give up by themselves before that."""
_LOOK_SECONDS = 0.25


@dataclass
class Shard:
    """Some units of a layer that one flow run makes. `number`: which flow run for these very units it is, as those
    before ended well, and the store has not what they made. `attempts`: how often this sweep has had it begun."""

    layer: Layer
    units: tuple[Unit, ...]
    number: int = 1
    attempts: int = 0


class ShardedPass:
    """One pass of a sweep, by a pool. `when_made` is called with each layer of which no unit is missing any more."""

    def __init__(
        self,
        context: SweepContext,
        pool: WorkPool,
        growth: Growth,
        *,
        maps_per_shard: int,
        maps_per_task: int,
        stalled_after: float,
    ) -> None:
        self._context = context
        self._pool = pool
        self._growth = growth
        self._tally = context.tally_at(growth.quality)
        self._maps_per_shard = maps_per_shard
        self._maps_per_task = maps_per_task
        self._stalled_after = stalled_after
        self._waiting: deque[Shard] = deque()
        self._running: dict[UUID, Shard] = {}
        self._begun: dict[UUID, FlowRun] = {}
        self._workers = 0
        self._said: str | None = None
        self._answered = time.monotonic()

    def make(self, parts: Iterable[Part], when_made: Callable[[Layer], None]) -> None:
        """Make all units of the parts that there is time for, in this order.

        Raises Stopped, and httpx.HTTPError where Prefect's server is away for longer than a run may stall.
        """
        parts = list(parts)
        for layer, units, _ in parts:
            missing = self._missing(units)
            for first in range(0, len(missing), self._maps_per_shard):
                self._waiting.append(Shard(layer, tuple(missing[first : first + self._maps_per_shard])))
        total: dict[Layer, int] = {}
        for shard in self._waiting:
            total[shard.layer] = total.get(shard.layer, 0) + len(shard.units)
        for layer in dict.fromkeys(layer for layer, _, _ in parts):
            if layer not in total:
                when_made(layer)
        made = dict.fromkeys(total, 0)
        for layer, count in total.items():
            report(self._title(layer), 0, count, of="maps")
        try:
            while self._waiting or self._running:
                if self._context.session.deadline.passed and self._is_over():
                    break
                for shard in self._look():
                    made[shard.layer] += len(shard.units)
                    self._report(shard.layer, made[shard.layer], total[shard.layer])
                    if made[shard.layer] == total[shard.layer]:
                        when_made(shard.layer)
                if self._waiting or self._running:
                    self._pause()
        finally:
            self._withdraw(self._begun.values())
        for layer, count in total.items():
            if made[layer] < count:
                report(self._title(layer), count, count, f"stopped with {count - made[layer]} left", of="maps")

    def _missing(self, units: Sequence[Unit]) -> list[Unit]:
        """The units that the store does not have; of the others the run notes what it has."""
        context, missing = self._context, []
        for unit in units:
            if self._tally.is_done(str(unit)):
                continue
            record = context.session.find(oip_recipe(context, unit, self._growth))
            if record is None:
                missing.append(unit)
            else:
                context.note_oips(str(unit), self._growth, record, "reused")
        return missing

    def _is_over(self) -> bool:
        """Take back what has not begun at the deadline, and say whether there is nothing left to wait for."""
        self._waiting.clear()
        left = self._context.session.deadline.seconds_left()
        late = left is not None and left < -LATE_SECONDS
        for flow_run, shard in list(self._running.items()):
            state = self._begun[flow_run].state
            if late or (state is not None and state.is_scheduled()):
                self._withdraw([self._begun[flow_run]])
                self._note(shard)
                self._forget(flow_run)
        return not self._running

    def _look(self) -> list[Shard]:
        """Submit what there is room for, and see what has ended; the shards that are over, whatever they made."""
        try:
            self._fill()
            now = self._pool.read(self._running)
        except httpx.HTTPError:
            if time.monotonic() - self._answered > 60 * self._stalled_after:
                raise
            self._say("Prefect's server does not answer: waiting for it")
            return []
        self._answered = time.monotonic()
        self._begun |= now
        ended = [flow_run for flow_run in self._running if flow_run not in now or _is_over(now[flow_run])]
        if ended:
            self._context.session.look_again()
        over = [shard for flow_run in ended if (shard := self._settle(flow_run, now.get(flow_run))) is not None]
        self._mend_pending(now)
        return over

    def _fill(self) -> None:
        self._workers = self._pool.count_workers()
        if not self._workers:
            name = self._pool.name
            self._say(f"no worker of pool {name} is online: begin one with dreamsweep worker --pool {name}")
        elif self._said is not None:
            self._say(f"{plural(self._workers, 'worker')} of pool {self._pool.name}")
            self._said = None
        while self._waiting and len(self._running) < A_WORKER * max(self._workers, 1):
            self._submit(self._waiting[0])
            self._waiting.popleft()  # what could not be submitted waits on

    def _submit(self, shard: Shard) -> None:
        flow_run = self._pool.submit(self._name(shard), self._parameters(shard), self._key(shard))
        state = flow_run.state
        if (
            state is None or not state.is_completed()
        ):  # else an earlier sweep has had it made, and the store has it or not
            shard.attempts += 1
            if state is not None and state.is_final():
                self._pool.run_again(flow_run)
        self._running[flow_run.id] = shard
        self._begun[flow_run.id] = flow_run

    def _settle(self, flow_run: UUID, ended: FlowRun | None) -> Shard | None:
        """Note what a shard that ended has made, and have the rest made again; the shard where it is over."""
        shard = self._running[flow_run]
        missing = self._note(shard)
        state = ended.state if ended else None
        if ended is not None and state is not None and (state.is_crashed() or state.is_cancelled()):
            self._pool.close_within(ended)
        if not missing:
            self._forget(flow_run)
            return shard
        if self._context.session.deadline.passed or (state is not None and state.is_cancelled()):
            if state is not None and state.is_cancelled() and not self._context.session.deadline.passed:
                self._fail(missing, "its shard was cancelled", state)
            self._forget(flow_run)
            return shard
        if shard.attempts >= ATTEMPTS:
            self._fail(missing, f"its shard was begun {ATTEMPTS} times, and did not make it", state)
            self._forget(flow_run)
            return shard
        if ended is None or state is None or state.is_completed():
            self._forget(flow_run)
            shard.number += ended is not None
            self._waiting.appendleft(shard)
        else:
            say(f"shard {ended.name} {state.name}: {plural(len(missing), 'map')} of it are made again")
            shard.attempts += 1
            self._pool.run_again(ended)
        return None

    def _note(self, shard: Shard) -> list[Unit]:
        """Let the run have what the store has of a shard; returns the units that are missing."""
        context, missing = self._context, []
        for unit in shard.units:
            record = context.session.find(oip_recipe(context, unit, self._growth))
            if record is None:
                missing.append(unit)
            else:
                context.note_oips(str(unit), self._growth, record, "computed")
            beat()
        return missing

    def _fail(self, units: Iterable[Unit], otherwise: str, state: State[None] | None) -> None:
        """Note why units failed: a shard says it of each, in a line."""
        lines = (state.message or "").splitlines() if state is not None else []
        whole = "" if state is None or not lines else f" ({state.name}: {lines[0]})"
        for unit in units:
            own = next((line for line in lines if line.startswith(f"{unit}: ")), None)
            reason = own.removeprefix(f"{unit}: ") if own else f"{otherwise}{whole}"
            self._context.fail_oips(str(unit), self._growth.quality, reason)

    def _mend_pending(self, now: dict[UUID, FlowRun]) -> None:
        """A worker that died between taking a shard and beginning it leaves it pending for ever."""
        for flow_run in self._running:
            state = now[flow_run].state if flow_run in now else None
            if state is None or not state.is_pending():
                continue
            if time.time() - state.timestamp.timestamp() > PENDING_SECONDS:
                say(f"shard {now[flow_run].name} was taken, and not begun: another worker takes it")
                self._pool.run_again(now[flow_run])

    def _forget(self, flow_run: UUID) -> None:
        del self._running[flow_run], self._begun[flow_run]

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

    def _report(self, layer: Layer, made: int, total: int) -> None:
        units = [str(unit) for shard in self._running.values() if shard.layer == layer for unit in shard.units]
        failed = sum(map(self._tally.has_failed, units))
        report(self._title(layer), made, total, f"{failed} failed" if failed else "", of="maps")

    def _title(self, layer: Layer) -> str:
        return self._context.title_at(layer.name, self._growth.quality)

    def _name(self, shard: Shard) -> str:
        return self._title(shard.layer).replace(shard.layer.name, name_of(shard.units), 1)

    def _parameters(self, shard: Shard) -> dict[str, object]:
        context, session = self._context, self._context.session
        assert context.network.record is not None
        asked = ShardParameters(
            run=session.run.id,
            model=context.network.name,
            model_record=context.network.record,
            data_record=context.natural.record if context.natural else None,
            layer=shard.layer.name,
            units=ranges_of(unit.index for unit in shard.units),
            passes=list(context.passes),
            quality=self._growth.quality,
            size=context.size_of(shard.layer.name),
            batch=context.batch,
            maps_per_task=self._maps_per_task,
            ends_at=session.deadline.at,
            stalled_after=self._stalled_after,
            sources=session.code["sources"],
            commit=session.code["commit"],
            changed=session.code["changes"] is not None,
        )
        # A worker has a store of its own, which is the same one by what may be another name.
        return asked.model_dump(mode="json", exclude={"store"}, exclude_none=True)

    def _key(self, shard: Shard) -> str:
        """The same for the same maps by the same code, whichever sweep asks for them."""
        recipes = (oip_recipe(self._context, unit, self._growth).digest for unit in shard.units)
        told = "\n".join([self._context.session.code["sources"], *recipes])
        return f"{hashlib.sha256(told.encode()).hexdigest()}/{shard.number}"


def _is_over(flow_run: FlowRun) -> bool:
    return flow_run.state is not None and flow_run.state.is_final()


def said_of_failures(failures: dict[str, str], total: int) -> str:
    """How a shard says which of its maps failed, and why: a line for each, which `ShardedPass` reads."""
    first = f"{len(failures)} of {plural(total, 'map')} failed: {few(list(failures))}"
    return "\n".join([first, *(f"{unit}: {reason}" for unit, reason in failures.items())])
