"""How a fleet is doing: what Prefect's server says of a pool, its workers and its shards, in a few requests."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import fmean
from typing import TYPE_CHECKING

from flows.fleet.pool import read_pool
from flows.fleet.shards import SHARD_FLOWS
from lib.errors import BadInput
from lib.network.units import indices_in
from lib.words import plural

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun, StateType, Worker, WorkPool
    from prefect.client.schemas.sorting import FlowRunSort

LATELY = timedelta(days=1)
"""Workers that were last heard of before that are not told."""
ENDED = 200
"""So many shards that have ended are looked at, the latest ones."""
_PAGE = 200
_PICTURES, _LAYERS = "originals", "layers"
"""A parameter of shards that dream, and one of those that finish layers."""
WHAT = ("maps", "layers", "pictures")
"""What shards make."""


@dataclass(frozen=True)
class WorkerStatus:
    """A worker: its name, whether it is online, when it gave its last sign of life (ISO 8601), and its shards."""

    name: str
    online: bool
    last_heartbeat: str | None
    shards: list[str]


@dataclass(frozen=True)
class Shard:
    """A shard that is under way or waits: of which run, how many maps, layers or pictures it has, and its state."""

    name: str
    run: str
    what: str
    items: int
    state: str
    worker: str | None


@dataclass(frozen=True, kw_only=True)
class WorkStatus:
    """What shards make, `what` being "maps", "layers" or "pictures".

    Attributes:
        running: how many are in shards that run; `waiting`: in those that wait.
        a_minute: as many shards make as run now, by how long the latest ones took; None: not known.
        seconds_left: until these are made; None: not known.
    """

    what: str
    running: int
    waiting: int
    a_minute: float | None
    seconds_left: float | None


@dataclass(frozen=True, kw_only=True)
class FleetStatus:
    """A fleet at a moment.

    Attributes:
        states: how many shards are in which state, of the runs that have shards under way, else of the latest run.
        work: what is under way or waits, of maps, layers and pictures.
        waits_for: what shards wait for; None where none waits.
        failures: what the latest shards say that failed, the latest first.
    """

    pool: str
    type: str
    paused: bool
    workers: list[WorkerStatus]
    shards: list[Shard]
    states: dict[str, int]
    work: list[WorkStatus]
    waits_for: str | None
    failures: list[str]


async def fleet_status(client: "PrefectClient", name: str) -> FleetStatus:
    """How the fleet of a pool is doing. Raises BadInput where there is no such pool."""
    pool = await read_pool(client, name)
    under_way = await _under_way(client, name)
    ended = await _ended(client, name)
    runs = {_parameter(run, "run") for run in under_way} or {_parameter(run, "run") for run in ended[:1]}
    ours = [run for run in ended if _parameter(run, "run") in runs]
    running = [run for run in under_way if run.state is not None and run.state.is_running()]
    waiting = [run for run in under_way if run not in running]
    workers = [
        WorkerStatus(
            worker.name,
            worker.status.value == "ONLINE",
            worker.last_heartbeat_time.isoformat() if worker.last_heartbeat_time else None,
            [run.name for run in running if _worker_of(run) == worker.name],
        )
        for worker in await _workers(client, name)
    ]
    return FleetStatus(
        pool=name,
        type=pool.type,
        paused=pool.is_paused,
        workers=sorted(workers, key=lambda worker: (not worker.online, worker.name)),
        shards=[_shard(run) for run in [*running, *waiting]],
        states=dict(Counter(run.state_name or "" for run in [*under_way, *ours])),
        work=[_work(what, running, waiting, ours) for what in WHAT if any(_what(run) == what for run in under_way)],
        waits_for=_what_is_waited_for(pool, workers, len(running)) if waiting else None,
        failures=[
            f"{run.name}: {run.state.message}" for run in ours if run.state is not None and run.state.is_failed()
        ],
    )


def _what_is_waited_for(pool: "WorkPool", workers: Sequence[WorkerStatus], running: int) -> str:
    online = sum(worker.online for worker in workers)
    if pool.is_paused:
        return "the pool, which is paused: go on with it in Prefect's UI"
    if pool.concurrency_limit is not None and running >= pool.concurrency_limit:
        return f"the pool's limit of {plural(pool.concurrency_limit, 'shard')} at a time"
    if not online:
        return f"a worker, and none is online: dreamsweep worker --pool {pool.name} on a machine"
    return f"a free worker, of {online} that {'is' if online == 1 else 'are'} online"


async def _workers(client: "PrefectClient", pool: str) -> "list[Worker]":
    """The workers that are online, and those that were until lately: containers have a new name each time."""
    found: list[Worker] = []
    while len(found) % _PAGE == 0:
        page = await client.read_workers_for_work_pool(pool, offset=len(found), limit=_PAGE)
        found += page
        if not page:
            break
    now = datetime.now(UTC)
    return [
        worker
        for worker in found
        if worker.last_heartbeat_time is not None and now - worker.last_heartbeat_time < LATELY
    ]


async def _under_way(client: "PrefectClient", pool: str) -> "list[FlowRun]":
    """The shards that have not ended, those first that are due first."""
    from prefect.client.schemas.objects import TERMINAL_STATES, StateType
    from prefect.client.schemas.sorting import FlowRunSort

    states = [state for state in StateType if state not in TERMINAL_STATES]
    found: list[FlowRun] = []
    while len(found) % _PAGE == 0:
        page = await _read(client, pool, states, FlowRunSort.EXPECTED_START_TIME_ASC, _PAGE, len(found))
        found += page
        if not page:
            break
    return found


async def _ended(client: "PrefectClient", pool: str) -> "list[FlowRun]":
    from prefect.client.schemas.objects import TERMINAL_STATES
    from prefect.client.schemas.sorting import FlowRunSort

    return await _read(client, pool, list(TERMINAL_STATES), FlowRunSort.END_TIME_DESC, ENDED, 0)


async def _read(
    client: "PrefectClient", pool: str, states: "list[StateType]", sort: "FlowRunSort", limit: int, offset: int
) -> "list[FlowRun]":
    from prefect.client.schemas import filters

    state = filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=states))
    return await client.read_flow_runs(
        flow_filter=filters.FlowFilter(name=filters.FlowFilterName(any_=list(SHARD_FLOWS))),
        deployment_filter=filters.DeploymentFilter(name=filters.DeploymentFilterName(any_=[pool])),
        flow_run_filter=filters.FlowRunFilter(state=state),
        sort=sort,
        limit=limit,
        offset=offset,
    )


def _work(
    what: str, running: "Sequence[FlowRun]", waiting: "Sequence[FlowRun]", ended: "Sequence[FlowRun]"
) -> WorkStatus:
    running, waiting, ended = ([run for run in runs if _what(run) == what] for runs in (running, waiting, ended))
    seconds = _seconds_an_item(ended)
    left = sum(map(_items, waiting))
    if seconds:
        left += sum(max(0, round(_items(run) - _running_for(run) / seconds)) for run in running)
    rate = len(running) / seconds if seconds and running else None
    return WorkStatus(
        what=what,
        running=sum(map(_items, running)),
        waiting=sum(map(_items, waiting)),
        a_minute=None if rate is None else 60 * rate,
        seconds_left=left / rate if rate else None,
    )


def _seconds_an_item(ended: "Sequence[FlowRun]") -> float | None:
    """How long a shard takes for an item, by those that were completed; None where none was."""
    times = [
        run.total_run_time.total_seconds() / _items(run)
        for run in ended
        if run.state is not None and run.state.is_completed() and _items(run)
    ]
    return fmean(times) if times else None


def _shard(run: "FlowRun") -> Shard:
    return Shard(run.name, _parameter(run, "run"), _what(run), _items(run), run.state_name or "", _worker_of(run))


def _what(run: "FlowRun") -> str:
    if _PICTURES in run.parameters:
        return "pictures"
    return "layers" if _LAYERS in run.parameters else "maps"


def _items(run: "FlowRun") -> int:
    """How many maps, layers or pictures a shard has; 0 where its parameters do not say."""
    for name in (_PICTURES, _LAYERS):
        if name in run.parameters:
            return len(run.parameters[name])
    try:
        return len(indices_in(_parameter(run, "units")))
    except BadInput:
        return 0


def _parameter(run: "FlowRun", name: str) -> str:
    return str(run.parameters.get(name, ""))


def _worker_of(run: "FlowRun") -> str | None:
    name = run.labels.get("prefect.worker.name")
    return None if name is None else str(name)


def _running_for(run: "FlowRun") -> float:
    """For how many seconds a shard has been running, this time."""
    assert run.state is not None
    return (datetime.now(UTC) - run.state.timestamp).total_seconds()
