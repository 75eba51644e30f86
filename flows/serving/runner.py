"""The process that runs flows for `dreamsweep up`: `python -m flows.serving.runner FOLDER AT_ONCE`.

It is a process of its own, with a session of its own, so that Ctrl-C in a terminal reaches `up` alone, which then ends
this one, and this one its flow runs, each of which is a process too.

- Standard input is a pipe from `up`. When it ends, `up` has been killed: no more flow runs are begun, those that are
  running go on to their end, and then this process ends.
- SIGTERM: flow runs that are running are cancelled, and this process ends.
- What is for the user is said on standard output, a line each, `READY` first of all when flow runs can be started.
"""

import asyncio
import contextlib
import fcntl
import os
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.runner import Runner

from flows.running.prefect_internals import kill_flow_runs, leave_ended_alone, stop_polling
from flows.serving.deployments import make_deployments, rewrite_saved
from flows.serving.overdue import skip_overdue, under_way
from flows.serving.runner_process import READY

LATE_SECONDS = 10.0
"""So long after its time a run waits for something; before that it is about to begin."""
POLL_SECONDS = 2.0
"""How often the server is asked for runs that are to begin: what is started in the UI begins as fast as that."""
REWRITE_SECONDS = 60.0
"""How often saved parameters are looked at, and rewritten."""
LOOK_SECONDS = 0.5
GRACE_SECONDS = 4.5
"""How long flow runs may take to end by themselves (`flows.running.stopping`). Prefect would wait for 30 s."""


class Serving(Runner):
    """Prefect's runner, which can be ended in both ways."""

    def __init__(self, at_once: int) -> None:
        # Schedules stay as they are while nothing serves them, whatever ended `up`.
        super().__init__(name="dreamsweep", limit=at_once, pause_on_shutdown=False, query_seconds=POLL_SECONDS)
        self._here = asyncio.get_running_loop()
        self._ends: set[asyncio.Future[None]] = set()

    def handle_sigterm(self, *_: int | FrameType | None) -> None:
        """Cancel all flow runs and end; `start` then returns. Prefect's own exits at once, from within the handler."""
        self._here.call_soon_threadsafe(self._begin, self._cancel_and_end)

    def drain(self) -> None:
        """Begin no flow run any more, and end with the last one."""
        self._here.call_soon_threadsafe(self._begin, self._finish_and_end)

    def _begin(self, end: Callable[[], Coroutine[None, None, None]]) -> None:
        self._ends.add(asyncio.ensure_future(end()))

    async def _cancel_and_end(self) -> None:
        while not self.started:
            await asyncio.sleep(LOOK_SECONDS)
        leave_ended_alone(self)
        killing = asyncio.ensure_future(self._kill())
        await self.astop()
        while True:  # one that was just being begun
            await asyncio.sleep(LOOK_SECONDS)
            await self.cancel_all()
            if killing.done():
                killing = asyncio.ensure_future(self._kill())

    async def _kill(self) -> None:
        """Kill flow runs that have not ended in time, as while native code runs. What they committed is whole."""
        await asyncio.sleep(GRACE_SECONDS)
        await kill_flow_runs(self)

    async def _finish_and_end(self) -> None:
        while not self.started:
            await asyncio.sleep(LOOK_SECONDS)
        stop_polling(self)


async def serve(at_once: int) -> None:
    """Register the deployments and run what is to be run, until told to end."""
    runner = Serving(at_once)
    said: set[str] = set()

    def say_once(line: str) -> None:
        if line not in said:
            said.add(line)
            _say(line)

    async with get_client() as client:
        made = await make_deployments(client, say_once)
        deployments = [await runner.aadd_deployment(deployment) for deployment in made]

        told: set[UUID] = set()

        async def skip() -> None:
            due = await skip_overdue(client, deployments)
            for run in due.skipped:
                _say(f"skipped the run {_called(run)}")
            late = [run for run in due.wait if _is_late(run) and run.id not in told]
            if late and len(busy := await under_way(client, deployments)) >= at_once:
                for run in late:
                    _say(f"the run {_called(run)}, waits for {', '.join(busy)}: {at_once} at once, as --at-once says")
                    told.add(run.id)

        async def look_now_and_then() -> None:
            rewritten = time.monotonic()
            while True:  # a machine that was asleep was not up either, and a schedule is turned off at any time
                await asyncio.sleep(POLL_SECONDS)
                with contextlib.suppress(Exception):
                    await skip()
                if time.monotonic() - rewritten > REWRITE_SECONDS:
                    rewritten = time.monotonic()
                    with contextlib.suppress(Exception):
                        await rewrite_saved(client, say_once)  # a form of the UI has saved every default that it showed

        await skip()
        _say(READY)
        threading.Thread(target=_when_alone, args=(runner,), daemon=True).start()
        looking = asyncio.ensure_future(look_now_and_then())
        try:
            await runner.start()
        finally:
            looking.cancel()


def _called(run: FlowRun) -> str:
    return f"{run.name}, which was due at {run.expected_start_time:%Y-%m-%d %H:%M %Z}"


def _is_late(run: FlowRun) -> bool:
    due = run.expected_start_time
    return due is not None and (datetime.now(UTC) - due).total_seconds() > LATE_SECONDS


def _when_alone(runner: Serving) -> None:
    while os.read(0, 1024):
        pass
    runner.drain()


def _say(line: str) -> None:
    with contextlib.suppress(OSError):
        os.write(_TO_UP, f"{line}\n".encode())


if __name__ == "__main__":
    _TO_UP = os.dup(1)
    os.dup2(2, 1)  # what flow runs print goes to the log
    with (Path(sys.argv[1]) / "users.lock").open("ab") as users:
        fcntl.flock(users, fcntl.LOCK_SH)  # the server outlives `up` as long as something runs
        asyncio.run(serve(int(sys.argv[2])))
