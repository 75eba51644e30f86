"""Maps made by a work pool, whose workers make shards in this process, die, or do nothing, as a test says."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Cancelled, Completed, Crashed, Failed, Pending, Running, Scheduled

from flows.forms.arguments import read_arguments
from flows.forms.shard import ShardParameters
from flows.running import shards
from flows.running.labels import MADE
from flows.running.shards import Sharding, say_failures
from flows.sweeping.map_shards import MapWork
from lib.deadline import Deadline
from lib.network.units import Unit, indices_in
from storage.store import Store
from tasks.model.context import open_context
from tasks.session import open_runs
from tasks.session.session import joined_session, session
from tasks.sweep.context import SweepContext
from tasks.sweep.exemplars import exemplars_recipe, note_exemplars
from tasks.sweep.oips import find_or_grow
from tests.flows.tiny import MAPS

LAYER = "Conv2D_1"
UNITS = [Unit(LAYER, index) for index in range(MAPS[LAYER])]
Ending = Callable[["Pool", FlowRun], State[Any]]


def made(pool: "Pool", flow_run: FlowRun) -> State[Any]:
    """All maps of the shard."""
    pool.grow(flow_run)
    return Completed()


def made_and_told(pool: "Pool", flow_run: FlowRun) -> State[Any]:
    """All maps of the shard, which says so."""
    pool.grow(flow_run)
    layer, units = flow_run.parameters["layer"], indices_in(flow_run.parameters["units"])
    wanted = {str(Unit(layer, index)) for index in units}
    session = pool.context.session
    flow_run.labels[MADE] = session.tell(one for one in session.store.records() if one.parameters.get("unit") in wanted)
    return Completed()


def one_made(then: State[Any]) -> Ending:
    """The first map, and then the shard ends so."""

    def end(pool: "Pool", flow_run: FlowRun) -> State[Any]:
        pool.grow(flow_run, 1)
        return then

    return end


def nothing(then: State[Any]) -> Ending:
    """No map is made, and the shard ends so."""
    return lambda pool, flow_run: then


@dataclass
class Pool:
    """Takes the place of a `WorkPool`: each shard ends as the next of `endings` says, and the later ones well."""

    context: SweepContext
    endings: list[Ending] = field(default_factory=list)
    name: str = "gpus"
    workers: int = 1
    flow_runs: dict[UUID, FlowRun] = field(default_factory=dict)
    keys: dict[str, UUID] = field(default_factory=dict)
    begun: list[str] = field(default_factory=list)
    withdrawn: list[UUID] = field(default_factory=list)
    away: int = 0

    def count_workers(self) -> int:
        if self.away:
            self.away -= 1
            raise httpx.ConnectError("no server")
        return self.workers

    def submit(self, flow: str, name: str, parameters: Mapping[str, Any], key: str) -> FlowRun:
        read_arguments(ShardParameters, None, parameters)
        if key not in self.keys:
            flow_run = FlowRun(
                id=uuid4(), flow_id=uuid4(), name=name, parameters=dict(parameters), state=Scheduled(), run_count=0
            )
            self.keys[key] = flow_run.id
            self.flow_runs[flow_run.id] = flow_run
        return self.flow_runs[self.keys[key]]

    def read(self, flow_runs: Any) -> dict[UUID, FlowRun]:
        for one in [self.flow_runs[key] for key in flow_runs]:
            if one.state is not None and one.state.is_scheduled():
                self.begun.append(one.parameters["units"])
                one.state = (self.endings.pop(0) if self.endings else made)(self, one)
        return {key: self.flow_runs[key].model_copy() for key in flow_runs}

    def under_way(self, flow: str) -> list[FlowRun]:
        return [one.model_copy() for one in self.flow_runs.values() if one.state and not one.state.is_final()]

    def run_again(self, flow_run: FlowRun) -> None:
        self.flow_runs[flow_run.id].state = Scheduled()

    def close_within(self, flow_run: FlowRun) -> None:
        """There is no task run of it on a server."""

    def withdraw(self, flow_run: FlowRun) -> None:
        if (state := self.flow_runs[flow_run.id].state) is not None and not state.is_final():
            self.withdrawn.append(flow_run.id)
            self.flow_runs[flow_run.id].state = Cancelled()

    def grow(self, flow_run: FlowRun, most: int | None = None) -> None:
        """Make maps of a shard as a worker does, in a session that joins that of the sweep."""
        asked = read_arguments(ShardParameters, None, flow_run.parameters)
        sweeping = self.context
        with as_another_process(), joined_session(sweeping.session.store.root, asked.run, asked.code) as joined:
            *lesser, growth = asked.passes
            own = SweepContext(
                joined, sweeping.network, growth, sweeping.natural, asked.size, asked.batch, tuple(lesser)
            )
            with open_context(own):
                record = joined.find(exemplars_recipe(own, LAYER))
                assert record is not None
                note_exemplars(own, LAYER, record)
                units = [str(Unit(LAYER, index)) for index in indices_in(asked.units)[:most]]
                find_or_grow("maps", units, asked.run, asked.quality)


@contextmanager
def as_another_process() -> Iterator[None]:
    """While inside, nothing of what is open in this process is found."""
    kept = dict(open_runs._open)
    open_runs._open.clear()
    try:
        yield
    finally:
        open_runs._open.update(kept)


@pytest.fixture
def context(store: Store, sweep_context_in: Callable[..., SweepContext]) -> Any:
    with session(store.root, "oip-sweep", {}) as opened:
        context = sweep_context_in(opened)
        context.network.__dict__["record"] = "0" * 64 + "/" + "0" * 32  # no worker of a test reads it
        yield context


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "POLL_SECONDS", 0.0)


def sweep(context: SweepContext, pool: Pool, *, most: int = 2, stalled_after: float = 1.0) -> list[str]:
    """Sweep the units by shards of so many; the layers that were whole in the end."""
    whole: list[str] = []
    work = MapWork(context, context.growth, whole.append, maps_per_task=1, stalled_after=stalled_after)
    Sharding(work, pool, context.session, most=most, stalled_after=stalled_after).make([UNITS])  # type: ignore[arg-type]
    return whole


def die_in_a_sweep(context: SweepContext, pool: Pool) -> None:
    """A sweep whose process dies when its first shards are submitted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sharding, "_pause", lambda _: 1 / 0)
        patch.setattr(pool, "withdraw", lambda flow_run: None)  # no time for that
        with pytest.raises(ZeroDivisionError):
            sweep(context, pool)


def found(context: SweepContext) -> list[str]:
    """The units of which the run has OIPs."""
    return sorted(context.tally.made)


def records(store: Store) -> list[str]:
    """The units of all records of OIPs, each once for each record."""
    return sorted(str(record.parameters["unit"]) for record in store.records() if record.task == "oip")


def test_what_shards_made_is_the_runs_and_a_second_sweep_submits_none(context: SweepContext, store: Store) -> None:
    pool = Pool(context)
    assert sweep(context, pool) == [LAYER]
    assert found(context) == records(store) == [str(unit) for unit in UNITS]
    assert pool.begun == ["0-1", "2-3"]
    assert {context.session.store.record(key).provenance.run for key in context.tally.made.values()} == {
        context.session.run.id
    }
    again = Pool(context)
    assert sweep(context, again) == [LAYER]
    assert not again.flow_runs


@pytest.mark.parametrize("ending", [Crashed(), Failed(message="its process died")])
def test_a_shard_that_died_is_run_again_and_what_it_made_is_kept(
    context: SweepContext, store: Store, ending: State[Any]
) -> None:
    pool = Pool(context, [one_made(ending)])
    assert sweep(context, pool) == [LAYER]
    assert len(pool.flow_runs) == 2
    assert pool.begun == ["0-1", "2-3", "0-1"]
    assert records(store) == [str(unit) for unit in UNITS]
    assert not context.tally.failures


def test_a_shard_that_says_it_is_done_and_is_not_is_submitted_anew(context: SweepContext, store: Store) -> None:
    pool = Pool(context, [one_made(Completed())])
    assert sweep(context, pool) == [LAYER]
    assert len(pool.flow_runs) == 3
    assert records(store) == [str(unit) for unit in UNITS]


def test_maps_that_fail_three_times_have_failed_for_the_reason_that_the_shard_gives(context: SweepContext) -> None:
    says = Failed(message=say_failures({f"{LAYER}/1": "ValueError: a: b"}, 2, "maps"))
    pool = Pool(context, [one_made(says), made, nothing(says), nothing(says)])
    assert sweep(context, pool) == [LAYER]
    assert context.tally.failures == {f"{LAYER}/1": "ValueError: a: b"}
    assert found(context) == [f"{LAYER}/0", f"{LAYER}/2", f"{LAYER}/3"]
    assert pool.begun == ["0-1", "2-3", "0-1", "0-1"]


def test_a_shard_that_a_person_cancelled_stays_so(context: SweepContext) -> None:
    pool = Pool(context, [one_made(Cancelled())])
    sweep(context, pool)
    assert list(context.tally.failures) == [f"{LAYER}/1"]
    assert "its shard was cancelled" in context.tally.failures[f"{LAYER}/1"]
    assert pool.begun == ["0-1", "2-3"]


def test_a_shard_that_was_taken_and_not_begun_is_taken_by_another(context: SweepContext) -> None:
    long_ago = datetime.now(UTC) - timedelta(minutes=10)
    pool = Pool(context, [nothing(Pending(timestamp=long_ago))])
    assert sweep(context, pool) == [LAYER]
    assert pool.begun == ["0-1", "2-3", "0-1"]


def test_a_sweep_that_died_is_taken_over_with_its_shards_however_they_are_cut_now(
    context: SweepContext, store: Store
) -> None:
    pool = Pool(context, [one_made(Running()), nothing(Running())])
    die_in_a_sweep(context, pool)
    context.session.look_again([])
    known = pool.under_way("oip-shard")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "under_way", lambda flow: known)
        for flow_run in pool.flow_runs.values():  # its workers went on
            flow_run.state = made(pool, flow_run)
        assert sweep(context, pool, most=3) == [LAYER]
    assert len(pool.flow_runs) == 2
    assert pool.begun == ["0-1", "2-3"]
    assert records(store) == [str(unit) for unit in UNITS]
    assert context.tally.computed == 3


def test_a_shard_under_way_that_grows_its_maps_otherwise_is_not_waited_for(context: SweepContext) -> None:
    pool = Pool(context, [nothing(Running()), nothing(Running())])
    die_in_a_sweep(context, pool)
    pool.keys.clear()  # as another run has others
    for flow_run in pool.flow_runs.values():
        flow_run.parameters["passes"][-1]["seed"] += 1
    assert sweep(context, pool) == [LAYER]
    assert len(pool.flow_runs) == 4


def test_a_shard_that_was_taken_over_and_dies_is_submitted_anew(context: SweepContext, store: Store) -> None:
    pool = Pool(context, [one_made(Running()), nothing(Running())])
    die_in_a_sweep(context, pool)
    pool.keys.clear()  # as another run has others
    known = pool.under_way("oip-shard")
    pool.under_way = lambda flow: known  # type: ignore[method-assign]
    for flow_run in pool.flow_runs.values():
        flow_run.state = Crashed()
    assert sweep(context, pool) == [LAYER]
    assert len(pool.flow_runs) == 4
    assert records(store) == [str(unit) for unit in UNITS]


def test_the_store_is_not_listed_where_shards_say_what_they_made(
    context: SweepContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, "listing", lambda _: pytest.fail("the store is listed"))
    assert sweep(context, Pool(context, [made_and_told, made_and_told])) == [LAYER]
    assert found(context) == [str(unit) for unit in UNITS]


@pytest.mark.parametrize("told", ["0" * 64, b"no records", b'["{}"]', b"[1]", b"1"])
def test_a_shard_that_tells_of_no_whole_records_is_not_believed(
    context: SweepContext, store: Store, told: str | bytes
) -> None:
    def told_wrong(pool: Pool, flow_run: FlowRun) -> State[Any]:
        made_and_told(pool, flow_run)
        flow_run.labels[MADE] = told if isinstance(told, str) else store.put(told)
        return Completed()

    assert sweep(context, Pool(context, [told_wrong]), most=len(UNITS)) == [LAYER]  # no other shard causes a listing
    assert records(store) == [str(unit) for unit in UNITS]


def test_a_server_that_is_away_for_a_while_is_waited_for(context: SweepContext) -> None:
    assert sweep(context, Pool(context, away=3)) == [LAYER]


def test_a_server_that_stays_away_ends_the_sweep(context: SweepContext) -> None:
    with pytest.raises(httpx.ConnectError):
        sweep(context, Pool(context, away=10**9), stalled_after=0.001)


def test_a_server_that_refuses_a_shard_ends_the_sweep_at_once(context: SweepContext) -> None:
    class Refuses(Pool):
        def submit(self, flow: str, name: str, parameters: Mapping[str, Any], key: str) -> FlowRun:
            request = httpx.Request("POST", "http://server/api")
            raise httpx.HTTPStatusError("409", request=request, response=httpx.Response(409, request=request))

    with pytest.raises(httpx.HTTPStatusError):
        sweep(context, Refuses(context), stalled_after=60.0)


def test_no_shard_begins_after_the_deadline_and_those_that_wait_are_taken_back(
    context: SweepContext, store: Store
) -> None:
    def late(pool: Pool, flow_run: FlowRun) -> State[Any]:
        pool.grow(flow_run, 1)
        context.session.deadline = Deadline(datetime.now(UTC) - timedelta(seconds=1))
        return Completed(name="Partial")

    pool = Pool(context, [late, nothing(Scheduled())])
    assert sweep(context, pool) == []
    assert found(context) == [f"{LAYER}/0"]
    assert not context.tally.failures
    assert len(pool.withdrawn) == 1


def test_the_window_has_room_for_two_shards_a_worker(context: SweepContext) -> None:
    seen: list[int] = []

    class Watched(Pool):
        def read(self, flow_runs: Any) -> dict[UUID, FlowRun]:
            seen.append(len(flow_runs))
            return super().read(flow_runs)

    sweep(context, Watched(context), most=1)
    assert seen == [2, 2]
