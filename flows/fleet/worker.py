"""`dreamsweep worker`: Prefect's worker of a pool, which hands its shards back when it is told to end.

Prefect's own kills the processes of its flow runs two seconds after SIGTERM and leaves their runs `Running`, until an
automation finds them silent. This one tells the processes to end, waits for that, and has their runs wait for another
worker (`AwaitingRetry`), while it takes no others. A server that is away ends no worker, however long that lasts.
"""

import abc
import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import anyio
import anyio.abc
import httpx
from prefect.client.orchestration import get_client
from prefect.states import AwaitingRetry
from prefect.workers.base import BaseWorker
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker, ProcessWorkerResult

from flows.fleet.pool import read_pool
from flows.running.crashed_runs import SETTLED_SECONDS, mark_crashed, mark_within
from flows.running.server_client import client_of
from flows.serving.runner_process import CannotServe

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun, State

GRACE_SECONDS = 20.0
"""So long a shard may take to end by itself (`flows.running.stopping`) before it is killed."""
HANDING_SECONDS = 60.0
"""So long the server is asked to take a shard back. After that it finds out by itself."""
MARK_SECONDS = 30.0
"""How often is looked for what died on this machine."""
LOOK_SECONDS = 0.2
HANDED_BACK = "Its worker was told to end, and handed it back: another one goes on with what is missing."

Say = Callable[[str], None]


class _Patient(BaseWorker[Any, Any, Any], abc.ABC):
    """A worker that outlives a server which is away, and that takes no more shards once it is told to end."""

    say: Say
    ends = False

    async def get_and_submit_flow_runs(self) -> "list[FlowRun]":
        """Take what waits, unless this worker ends."""
        if self.ends:
            return []
        try:
            return await super().get_and_submit_flow_runs()
        except httpx.HTTPError as error:
            self._tell_away(error)
            return []

    async def sync_with_backend(self) -> None:
        """Give a sign of life. The first one has to arrive."""
        try:
            await super().sync_with_backend()
        except httpx.HTTPError as error:
            if not self.is_setup:
                raise
            self._tell_away(error)

    def begin_to_end(self) -> None:
        """Take no more shards. What runs elsewhere, as in a cluster, goes on."""
        self.ends = True

    @property
    def is_idle(self) -> bool:
        """Whether nothing is left of what it has taken."""
        return not self.is_setup or self.limiter.borrowed_tokens == 0

    def _tell_away(self, error: httpx.HTTPError) -> None:
        self.say(f"Prefect's server does not answer ({type(error).__name__}): it is asked again")


class ShardWorker(_Patient, ProcessWorker, abc.ABC):  # Prefect does not list what has ABC among its bases
    """A worker whose shards are processes of this machine."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._processes: dict[UUID, int] = {}
        self._killing: set[asyncio.Task[None]] = set()

    def begin_to_end(self) -> None:
        """Take no more shards, and tell those that run to end."""
        super().begin_to_end()
        for flow_run in list(self._processes):
            self._end(flow_run)

    async def run(
        self,
        flow_run: "FlowRun",
        configuration: ProcessJobConfiguration,
        task_status: "anyio.abc.TaskStatus[int] | None" = None,
    ) -> ProcessWorkerResult:
        """Run a shard to its end, or until this worker is told to end: then it is handed back."""
        self.say(f"shard {flow_run.name}: begins")
        try:
            result = await super().run(flow_run, configuration, _Started(self, flow_run.id, task_status))
        finally:
            self._processes.pop(flow_run.id, None)
        if not self.ends:
            self.say(f"shard {flow_run.name}: ended")
            return result
        ended = datetime.now(UTC)
        with anyio.move_on_after(HANDING_SECONDS) as scope:
            await self._hand_back(flow_run)
            await self._close_within(flow_run.id, ended)
        if scope.cancelled_caught:
            self.say(f"shard {flow_run.name}: Prefect's server does not answer, and will find out by itself")
        # 0, as what became of it has been said: Prefect's worker would say `Crashed`.
        return ProcessWorkerResult(status_code=0, identifier=result.identifier)

    def note_process(self, flow_run: UUID, process: int) -> None:
        """Note the process, and process group, of a shard that has been started."""
        self._processes[flow_run] = process
        if self.ends:
            self._end(flow_run)

    def _end(self, flow_run: UUID) -> None:
        task = asyncio.ensure_future(self._end_group(flow_run))
        self._killing.add(task)
        task.add_done_callback(self._killing.discard)

    async def _end_group(self, flow_run: UUID) -> None:
        """End the process of a shard with all that it has started, the hard way where it does not do so by itself."""
        for number, patience in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, 0.0)):
            if (process := self._processes.get(flow_run)) is None:
                return
            with suppress(ProcessLookupError):
                if os.getpgid(process) == process:
                    os.killpg(process, number)
                else:  # of a command of the user's own, which shares our group
                    os.kill(process, number)
            await asyncio.sleep(patience)

    async def _close_within(self, flow_run: UUID, ended: datetime) -> None:
        """Mark what the ended process has left running in a shard, also what the server hears of only now."""
        url = str(self.client.api_url)

        def mark() -> None:
            with client_of(url) as client:
                mark_within(client, flow_run, ended)

        await asyncio.to_thread(mark)
        await asyncio.sleep(SETTLED_SECONDS)
        await asyncio.to_thread(mark)

    async def _hand_back(self, flow_run: "FlowRun") -> None:
        now = (await self.client.read_flow_run(flow_run.id)).state
        if now is not None and (now.is_cancelling() or (now.is_final() and not now.is_crashed())):
            self.say(f"shard {flow_run.name}: ended")
            return
        # Forced, as it may be any state that a process leaves which was ended.
        waits: State[None] = AwaitingRetry(scheduled_time=datetime.now(UTC), message=HANDED_BACK)
        await self.client.set_flow_run_state(flow_run.id, waits, force=True)
        self.say(f"shard {flow_run.name}: handed back")


class _Started(anyio.abc.TaskStatus[int]):
    """Tells a worker of the process that was started, and then whoever waits for that."""

    def __init__(self, worker: ShardWorker, flow_run: UUID, inner: "anyio.abc.TaskStatus[int] | None") -> None:
        self._worker, self._flow_run, self._inner = worker, flow_run, inner

    def started(self, value: int | None = None) -> None:
        """The process of this id has been started."""
        if value is not None:
            self._worker.note_process(self._flow_run, value)
        if self._inner is not None:
            self._inner.started(value)  # type: ignore[arg-type]  # as it was called


def make_worker(kind: str, pool: str, name: str, limit: int, say: Say) -> _Patient:
    """A worker for a pool of this type. Raises CannotServe where what it needs is not installed."""
    options = {"work_pool_name": pool, "name": name, "limit": limit, "create_pool_if_not_found": False}
    if kind == ShardWorker.type:
        worker: _Patient = ShardWorker(**options)
    else:
        base = BaseWorker.get_worker_class_from_type(kind)
        if base is None:
            raise CannotServe(
                f"the pool {pool} is of type {kind}, and what its worker needs is not installed in this environment: "
                "make workers installs it"
            )
        worker = type(f"{kind.title()}Worker", (_Patient, base, abc.ABC), {})(**options)
    worker.say = say
    return worker


async def serve(pool: str, name: str, limit: int, folder: Path, say: Say) -> None:
    """Work for a pool until SIGTERM, Ctrl-C or a closed terminal, and hand back what is under way then.

    Args:
        folder: Prefect's, in the data folder. What died there is marked as crashed, at once and from time to time.

    Raises BadInput and CannotServe.
    """
    told = _told_to_end()
    async with get_client() as client:
        kind = (await read_pool(client, pool)).type
        url = str(client.api_url)
    worker = make_worker(kind, pool, name, limit, say)
    await _mark(folder, url, say)
    if not await _earlier_have_ended(name, folder, told, say):
        return
    at_once = "1 shard" if limit == 1 else f"{limit} shards"
    ready = f"worker {name} of pool {pool} takes {at_once} at a time; Ctrl-C or SIGTERM hands back what it has"
    working = asyncio.ensure_future(worker.start(printer=_once(ready, say)))
    marking = asyncio.ensure_future(_mark_now_and_then(folder, url, say))
    try:
        ending = asyncio.ensure_future(told.wait())
        await asyncio.wait({working, ending}, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if not working.done():
            say("ending: no more shards are taken")
            worker.begin_to_end()
            while isinstance(worker, ShardWorker) and not worker.is_idle:
                await asyncio.sleep(LOOK_SECONDS)
            working.cancel()
        with suppress(asyncio.CancelledError):
            await working
    finally:
        marking.cancel()
        await _mark(folder, url, say)
        say("ended")


def _told_to_end() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set, also where whoever started us ignores them, as a shell's & does."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup's
            loop.add_signal_handler(number, told.set)
    return told


def _once(text: str, say: Say) -> Callable[..., None]:
    """Says this at its first call, in place of what Prefect prints when its worker has started, and nothing later."""
    said: list[str] = []

    def printer(*_: object) -> None:
        if not said:
            said.append(text)
            say(text)

    return printer


async def _earlier_have_ended(name: str, folder: Path, told: asyncio.Event, say: Say) -> bool:
    """Wait for shards of an earlier worker of this name that was killed: two at once would share a GPU.

    False where this one is told to end meanwhile.
    """
    said = False
    while shards := _shards_of(name, folder):
        if not said:
            said = True
            say(f"waiting until the shard of an earlier worker of this name has ended (process {shards[0]})")
        if told.is_set():
            return False
        await asyncio.sleep(LOOK_SECONDS)
    return not told.is_set()


def _shards_of(name: str, folder: Path) -> list[int]:
    """The processes on this machine that a worker of this name and data folder has started, none of which is alive."""
    ours = {f"PREFECT__WORKER_NAME={name}".encode(), f"DREAMSWEEP_HOME={folder.parent}".encode()}
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # another user's, or it has gone
            if ours <= set(environment.read_bytes().split(b"\0")):
                found.append(int(environment.parent.name))
    return sorted(found)


async def _mark_now_and_then(folder: Path, url: str, say: Say) -> None:
    while True:
        await asyncio.sleep(MARK_SECONDS)
        await _mark(folder, url, say)


async def _mark(folder: Path, url: str, say: Say) -> None:
    """Mark what died on this machine. What goes wrong with that is tried again the next time."""
    with suppress(Exception):
        for marked in await asyncio.to_thread(mark_crashed, folder, url, deployments=None):
            say(f"crashed: {marked}")
