"""What a task run costs: 2,000 that do nothing, and the same with what a map writes to the store.

    python -m benchmarks task_runs [--count N]

The server is the project's own, up already, configured as `dreamsweep up` does. Task runs are submitted as a sweep's
are. The lag is how long after its end the server's database, and so the UI, has the last of them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx

from flows.serving.server_settings import api_headers

COUNT = 2000


def lag(url: str, flow_runs: list[str], count: int, patience: float = 120) -> float:
    """Seconds until `count` task runs of these flow runs have ended in the server's database."""
    question = {
        "flow_runs": {"id": {"any_": flow_runs}},
        "task_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]}}},
    }
    begun = time.perf_counter()
    while time.perf_counter() - begun < patience:
        answer = httpx.post(f"{url}/task_runs/count", json=question, headers=api_headers(), trust_env=False, timeout=30)
        if answer.is_success and answer.json() >= count:
            return time.perf_counter() - begun
        time.sleep(0.25)
    raise TimeoutError(f"the server has not recorded {count} task runs after {patience} s")


def _nothing(name: str, run: str) -> Any:
    from prefect.states import Completed

    return Completed(data=name)


def _stored(name: str, run: str) -> Any:
    """A record with two blobs, of about the sizes of a map's."""
    from prefect.states import Completed

    from storage.store import NewOutput, Recipe
    from tasks.session.session import session_of

    outputs = [
        NewOutput("oips", name.encode().ljust(12_700, b"."), "oips", "application/x-npy"),
        NewOutput("picture", name.encode().ljust(5_000, b","), "picture", "image/png"),
    ]
    record, _ = session_of(run).obtain(Recipe("trivial", 1, {"unit": name}, {}), lambda: (outputs, []), unit=name)
    return Completed(data=record.key)


def _run(url: str, function: Callable[[str, str], Any], count: int) -> tuple[float, float]:
    """Seconds of a flow run with so many task runs, and the lag."""
    from prefect import flow
    from prefect.context import FlowRunContext
    from prefect.task_runners import ThreadPoolTaskRunner

    from flows.running.fan_out import fan_out
    from tasks.session.recorded import stored_task
    from tasks.session.session import session
    from tasks.sweep.context import MAPS_AT_ONCE

    task = stored_task(function, "trivial", run_name="{name}")
    flow_runs: list[str] = []

    @flow(name="trivial", persist_result=False, task_runner=ThreadPoolTaskRunner(max_workers=MAPS_AT_ONCE))
    def trivial(run: str) -> str:
        context = FlowRunContext.get()
        assert context is not None
        assert context.flow_run is not None
        flow_runs.append(str(context.flow_run.id))
        submits = (partial(task.submit, f"Conv2D_1/{number}", run) for number in range(count))
        states = list(fan_out(submits, MAPS_AT_ONCE, lambda: True))
        assert all(state.is_completed() for state in states)
        return "done"

    with tempfile.TemporaryDirectory() as folder, session(folder, "trivial", {}) as opened:
        begun = time.perf_counter()
        trivial(opened.run.id)
        return time.perf_counter() - begun, lag(url, flow_runs, count)


def main(arguments: list[str]) -> None:
    """Print one JSON object."""
    from flows.forms.places import DATA_FOLDER
    from flows.serving.server import local_server

    parser = argparse.ArgumentParser(prog="python -m benchmarks task_runs")
    parser.add_argument("--count", type=int, default=COUNT)
    count = parser.parse_args(arguments).count
    with local_server(DATA_FOLDER) as url:
        _run(url, _nothing, 50)  # imports and connections
        found = {}
        for name, function in (("without the store", _nothing), ("with the store", _stored)):
            seconds, late = _run(url, function, count)
            found[name] = {"ms a task run": 1e3 * seconds / count, "lag in seconds": late}
    print(json.dumps({"task runs": count, **found}, indent=1))
