"""Flows that are killed, and what becomes of their runs in Prefect and in the store. The kills are real ones."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterParentFlowRunId,
)
from prefect.client.schemas.objects import FlowRun, TaskRun
from prefect.exceptions import ObjectNotFound
from prefect.states import AwaitingRetry, Cancelling, Failed, Pending, Running

from flows.running import crashed_runs
from flows.running.crashed_runs import mark_crashed
from flows.running.liveness import keep_alive_file
from flows.running.locks import try_lock
from flows.serving.deployments import NAME
from storage.errors import StoreUnusable
from storage.store import Store
from tests.flows.dying import dying, hang

CHECKOUT = Path(__file__).parents[3]


@dataclass
class DyingFlows:
    """Processes that run the flow `dying` on a server, in a folder and a store of the test's own."""

    url: str
    folder: Path
    store: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Run the flow once, or with `serve` its deployment."""
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.flows.dying", *(arguments or (str(self.folder), str(self.store)))],
            cwd=CHECKOUT,
            env=os.environ | {"PYTHONPATH": str(CHECKOUT), "PREFECT_API_URL": self.url},
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def busy(self) -> dict[str, Any]:
        """Wait until the flow is in its tasks; gives what its file says."""
        wait_until(lambda: (self.store / "in the tasks").exists())
        return self.file()

    def file(self) -> dict[str, Any]:
        """What the only file says."""
        (path,) = self.files()
        return dict(json.loads(path.read_text()))

    def files(self) -> list[Path]:
        return list((self.folder / "living").glob("*"))

    def leave(self, flow_run: UUID, **known: str) -> Path:
        """Leave the file of a flow run whose first attempt died, here unless it says otherwise."""
        left = self.folder / "living" / f"{flow_run}.json"
        left.parent.mkdir()
        left.write_text(json.dumps({"flow_run": str(flow_run), "attempt": 1, "host": os.uname().nodename} | known))
        return left

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kill a process and all that it started, at once."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def mark(self, *, own: bool = False) -> list[str]:
        return mark_crashed(self.folder, self.url, deployments=NAME if own else None)

    def flow_run(self, flow_run: str | UUID) -> FlowRun:
        with get_client(sync_client=True) as client:
            return client.read_flow_run(UUID(str(flow_run)))

    def within(self, flow_run: str) -> tuple[FlowRun, list[TaskRun]]:
        """The layer's flow run, and its task runs."""
        parent = FlowRunFilterParentFlowRunId(any_=[UUID(flow_run)])
        with get_client(sync_client=True) as client:
            (child,) = client.read_flow_runs(flow_run_filter=FlowRunFilter(parent_flow_run_id=parent))
            own = FlowRunFilter(id=FlowRunFilterId(any_=[child.id]))
            return child, client.read_task_runs(flow_run_filter=own)

    def states(self, flow_run: str) -> list[str | None]:
        """Those of a flow run, of its layer, and of its two tasks."""
        child, task_runs = self.within(flow_run)
        return [self.flow_run(flow_run).state_name, child.state_name, *(run.state_name for run in task_runs)]


@pytest.fixture
def flows(prefect_server: str, tmp_path: Path) -> Iterator[DyingFlows]:
    found = DyingFlows(prefect_server, tmp_path / "prefect", tmp_path / "store")
    found.folder.mkdir()
    yield found
    for process in found.processes:
        if process.poll() is None:
            found.kill(process)


def wait_until(what: Callable[[], object], seconds: float = 60) -> None:
    give_up = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < give_up, f"not within {seconds} s"
        time.sleep(0.1)


def served(client: SyncPrefectClient) -> UUID:
    """The deployment of the dying flow, once it is there."""
    found: list[UUID] = []

    def is_there() -> list[UUID]:
        with suppress(ObjectNotFound):
            found.append(client.read_deployment_by_name("dying/dreamsweep").id)
        return found

    wait_until(is_there)
    return found[0]


CRASHED = ["Crashed"] * 4


@pytest.mark.slow
def test_a_killed_flow_is_marked_with_all_that_ran_in_it_and_its_run_in_the_store_is_closed(flows: DyingFlows) -> None:
    process = flows.start()
    life = flows.busy()
    flow_run = life["flow_run"]
    wait_until(lambda: flows.states(flow_run) == ["Running"] * 4)
    assert flows.mark() == []  # it lives
    assert Store.open(flows.store).run(life["run"]).state == "open"
    flows.kill(process)
    assert flows.states(flow_run) == ["Running"] * 4  # and nobody would ever say otherwise
    assert flows.mark() == [flows.flow_run(flow_run).name]
    assert flows.states(flow_run) == CRASHED
    run = Store.open(flows.store).run(life["run"])
    assert (run.state, run.summary) == ("crashed", {"error": crashed_runs.CLOSED})


@pytest.mark.slow
def test_the_file_stays_until_the_server_has_heard_of_all_task_runs(
    flows: DyingFlows, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = flows.start()
    flow_run = flows.busy()["flow_run"]
    flows.kill(process)
    flows.mark()
    with get_client(sync_client=True) as client:
        late = client.create_task_run(hang, flows.within(flow_run)[0].id, "late", name="late", state=Running())
        assert flows.mark() == []
        assert client.read_task_run(late.id).state_name == "Crashed"
    assert flows.files()
    monkeypatch.setattr(crashed_runs, "SETTLED_SECONDS", 0)
    assert flows.mark() == []
    assert flows.files() == []


def test_a_task_run_whose_state_the_killed_server_had_not_written_yet_is_marked(
    flows: DyingFlows, prefect_home: Path
) -> None:
    with get_client(sync_client=True) as client:
        flow_run = client.create_flow_run(dying, parameters={}, state=Pending()).id
        client.set_flow_run_state(flow_run, Running())
        task_run = client.create_task_run(hang, flow_run, "half", name="half", state=Running()).id
        with closing(sqlite3.connect(prefect_home / "prefect" / "prefect.db")) as database, database:
            assert database.execute("DELETE FROM task_run_state WHERE task_run_id = ?", [str(task_run)]).rowcount == 1
        found = client.read_task_run(task_run)
        assert (found.state_name, found.state) == ("Running", None)
        flows.leave(flow_run)
        assert flows.mark() == [flows.flow_run(flow_run).name]
        assert client.read_task_run(task_run).state_name == "Crashed"


@pytest.mark.slow
def test_a_flow_that_was_killed_together_with_whoever_served_it_can_be_retried(
    flows: DyingFlows, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = flows.start("serve")
    with get_client(sync_client=True) as client:
        deployment = served(client)
        flow_run = client.create_flow_run_from_deployment(
            deployment, parameters={"folder": str(flows.folder), "store": str(flows.store)}
        ).id
        first = flows.busy()["run"]
        flows.kill(server)
        wait_until(lambda: flows.mark(own=True) or flows.states(str(flow_run)) == CRASHED)

        (flows.store / "mended").touch()
        flows.start("serve")
        client.set_flow_run_state(flow_run, AwaitingRetry())  # what Retry in the UI does
        wait_until(lambda: flows.flow_run(flow_run).state_name == "Completed")
        assert flows.flow_run(flow_run).run_count == 2
    monkeypatch.setattr(crashed_runs, "SETTLED_SECONDS", 0)
    wait_until(lambda: flows.mark() or not flows.files())
    assert [run.state for run in Store.open(flows.store).runs()] == ["crashed", "completed"]
    assert Store.open(flows.store).runs()[0].id == first


def test_a_retry_is_not_taken_for_dead_before_it_has_its_lock(flows: DyingFlows) -> None:
    with get_client(sync_client=True) as client:
        flow_run = client.create_flow_run(dying, parameters={}, state=Pending()).id
        client.set_flow_run_state(flow_run, Running())
        flows.leave(flow_run)
        for state in (AwaitingRetry(), Pending(), Running()):
            client.set_flow_run_state(flow_run, state, force=state.is_scheduled())
            assert (flows.flow_run(flow_run).run_count == 2) == state.is_running()
            assert flows.mark() == []
            assert flows.flow_run(flow_run).state_type == state.type
        with keep_alive_file(flows.folder, str(flow_run), 2):
            assert flows.mark() == []
            assert flows.flow_run(flow_run).state_name == "Running"


@pytest.mark.slow
def test_what_an_attempt_left_is_marked_also_where_it_was_retried_before_anybody_looked(
    flows: DyingFlows, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = flows.start()
    life = flows.busy()
    flow_run = UUID(life["flow_run"])
    wait_until(lambda: flows.states(str(flow_run)) == ["Running"] * 4)
    flows.kill(process)
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(flow_run, AwaitingRetry(), force=True)
        client.set_flow_run_state(flow_run, Pending())
        client.set_flow_run_state(flow_run, Running())
    with keep_alive_file(flows.folder, str(flow_run), 2) as second:
        run = Store.open(flows.store).open_run("dying", {}).id
        second.note_run(str(flows.store), run)
        assert flows.mark() == []
        assert flows.states(str(flow_run)) == ["Running", "Crashed", "Crashed", "Crashed"]
        assert [run.state for run in Store.open(flows.store).runs()] == ["crashed", "open"]
        monkeypatch.setattr(crashed_runs, "SETTLED_SECONDS", 0)
        flows.mark()
        assert flows.file()["run"] == run


def test_a_flow_that_cannot_write_to_its_store_leaves_its_run_to_be_closed(flows: DyingFlows) -> None:
    run = Store.open(flows.store).open_run("dying", {}).id
    with get_client(sync_client=True) as client:
        flow_run = client.create_flow_run(dying, parameters={}, state=Pending()).id
        client.set_flow_run_state(flow_run, Running())
        with suppress(StoreUnusable), keep_alive_file(flows.folder, str(flow_run)) as life:
            life.note_run(str(flows.store), run)
            raise StoreUnusable("the store is full")
        client.set_flow_run_state(flow_run, Failed())
    assert flows.mark() == []
    assert flows.flow_run(flow_run).state_name == "Failed"
    assert Store.open(flows.store).run(run).state == "crashed"


def test_a_run_of_our_deployments_that_died_without_its_lock_is_marked_on_our_own_server(
    flows: DyingFlows, monkeypatch: pytest.MonkeyPatch
) -> None:
    with get_client(sync_client=True) as client:
        flow = client.create_flow(dying)
        ours, others = (client.create_deployment(flow, name) for name in ("dreamsweep", "somebody else's"))
        unborn, locked, ending, other = (
            client.create_flow_run_from_deployment(deployment, state=Pending()).id
            for deployment in (ours, ours, ours, others)
        )
        for flow_run in (unborn, locked, ending, other):
            client.set_flow_run_state(flow_run, Running())
    assert flows.mark(own=True) == []  # it may be about to take its lock
    monkeypatch.setattr(crashed_runs, "UNSTARTED_SECONDS", 0.0)
    assert flows.mark(own=False) == []
    process = subprocess.Popen(["sleep", "600"], env={"PREFECT__FLOW_RUN_ID": str(ending)}, start_new_session=True)
    flows.processes.append(process)
    with keep_alive_file(flows.folder, str(locked)):
        assert flows.mark(own=True) == [flows.flow_run(unborn).name]
    states = [flows.flow_run(run).state_name for run in (unborn, locked, ending, other)]
    assert states == ["Crashed", "Running", "Running", "Running"]
    process.kill()
    process.wait()
    assert len(flows.mark(own=True)) == 2


def test_one_that_was_killed_while_it_was_being_cancelled_is_cancelled(flows: DyingFlows) -> None:
    with get_client(sync_client=True) as client:
        flow_run = client.create_flow_run(dying, parameters={}, state=Pending()).id
        client.set_flow_run_state(flow_run, Running())
        with suppress(StoreUnusable), keep_alive_file(flows.folder, str(flow_run)):
            client.set_flow_run_state(flow_run, Cancelling(), force=True)
            raise StoreUnusable("so that its file stays")
    flows.mark()
    assert flows.flow_run(flow_run).state_name == "Cancelled"


def test_the_flow_of_another_machine_is_left_alone(flows: DyingFlows) -> None:
    with get_client(sync_client=True) as client:
        flow_run = client.create_flow_run(dying, parameters={}, state=Pending()).id
        client.set_flow_run_state(flow_run, Running())
    left = flows.leave(flow_run, host="another")
    words = left.read_text()
    assert flows.mark(own=True) == []
    assert left.read_text() == words
    assert flows.flow_run(flow_run).state_name == "Running"


def test_what_is_out_of_reach_is_buried_later(flows: DyingFlows, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Store.open(flows.store).open_run("dying", {})
    with get_client(sync_client=True) as client:
        flow_run = client.create_flow_run(dying, parameters={}, state=Pending()).id
        client.set_flow_run_state(flow_run, Running())
    left = flows.leave(flow_run, run=run.id, store=str(flows.store))

    assert mark_crashed(flows.folder, "http://127.0.0.1:9/api", deployments=NAME) == []
    assert left.exists()
    away = flows.store.rename(flows.store.with_name("away"))
    monkeypatch.setattr(crashed_runs, "SETTLED_SECONDS", -1)
    for _ in range(3):
        flows.mark()
    assert flows.flow_run(flow_run).state_name == "Crashed"
    assert left.exists()
    away.rename(flows.store)
    flows.mark()
    assert not left.exists()
    assert Store.open(flows.store).run(run.id).state == "crashed"


def test_a_flow_that_the_server_does_not_know_is_closed_in_the_store_and_forgotten(
    flows: DyingFlows, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Store.open(flows.store).open_run("dying", {})
    unknown = "12345678-1234-5678-1234-567812345678"
    left = flows.folder / "living" / f"{unknown}.json"
    left.parent.mkdir()
    words = {"flow_run": unknown, "attempt": 1, "host": os.uname().nodename, "run": run.id, "store": str(flows.store)}
    left.write_text(json.dumps(words))
    (left.parent / "torn.json").touch()
    monkeypatch.setattr(crashed_runs, "SETTLED_SECONDS", -1)
    for _ in range(2):
        assert flows.mark() == []
    assert flows.files() == []
    assert Store.open(flows.store).run(run.id).state == "crashed"


def test_a_flow_that_ends_leaves_no_file_and_no_lock_however_it_ends(tmp_path: Path) -> None:
    for ending in (None, ValueError, KeyboardInterrupt):
        with pytest.raises(ending) if ending else tmp_path.joinpath("x").open("w"), keep_alive_file(tmp_path, "a run"):
            with (tmp_path / "users.lock").open("rb") as users:
                assert not try_lock(users, 2)  # exclusively: the project's server stays
            if ending:
                raise ending
        assert list((tmp_path / "living").iterdir()) == []
        with (tmp_path / "users.lock").open("rb") as users:
            assert try_lock(users, 2)
