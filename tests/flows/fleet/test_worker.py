"""`dreamsweep worker` as a process, on a real server: it runs shards one by one, and hands back what is not done."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.running.crashed_runs import MESSAGE
from storage.store import Store
from tests.docs.blocks import CHECKOUT
from tests.flows.being_up import environment, wait_until
from tests.flows.fleet.fleet_server import AUTH, COMMAND, FleetServer, Worker

pytestmark = pytest.mark.slow
READY = "takes 1 shard at a time"


@pytest.fixture
def pool(fleet_server: FleetServer, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A pool of this test's own."""
    name = f"pool-{abs(hash(request.node.name)) % 10**8}"
    fleet_server.deploy(tmp_path / "deployer", name)
    return name


@pytest.fixture
def workers(fleet_server: FleetServer, tmp_path: Path, pool: str) -> Iterator[list[Worker]]:
    """The workers of a test, which end with it, and their shards."""
    started: list[Worker] = []
    yield started
    for worker in started:
        worker.end()
        for _, _, process in worker.began():
            assert not is_there(int(process))


def is_there(process: int) -> bool:
    """Whether a process of this id is there and has not ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_worker_runs_shards_one_by_one_in_its_own_store(
    fleet_server: FleetServer, tmp_path: Path, pool: str, workers: list[Worker]
) -> None:
    shards = [fleet_server.submit(pool, run=f"run-{number}", layer="slow") for number in range(3)]
    workers.append(worker := Worker(fleet_server, tmp_path / "host", pool))
    worker.says(READY)
    wait_until(worker.began)
    wait_until(lambda: any("shard" in line and "begins" in line for line in worker.said))
    running = [id for id in shards if fleet_server.flow_run(id)["state"]["name"] == "Running"]
    assert len(running) == len(worker.began()) == 1
    (worker.home / "go").touch()
    for id in shards:
        fleet_server.wait_for(id, "Completed")
    assert {store for _, store, _ in worker.began()} == {str(worker.home / "store")}
    assert worker.end() == 0
    assert "ended" in worker.said


@pytest.mark.parametrize(
    ("number", "layer"), [(signal.SIGTERM, "slow"), (signal.SIGINT, "slow"), (signal.SIGTERM, "deaf")]
)
def test_a_worker_that_is_told_to_end_hands_its_shard_back_and_another_one_ends_it(
    fleet_server: FleetServer, tmp_path: Path, pool: str, workers: list[Worker], number: int, layer: str
) -> None:
    shard = fleet_server.submit(pool, run="run", layer=layer)
    within = {"flow_runs": {"id": {"any_": [shard]}}}
    workers.append(first := Worker(fleet_server, tmp_path / "one", pool, ["--name", "one"]))
    wait_until(first.began)
    wait_until(lambda: fleet_server.ask("POST", "/task_runs/filter", json=within))
    assert first.end(number) == 0
    assert any("handed back" in line for line in first.said)
    assert fleet_server.flow_run(shard)["state"]["name"] == "AwaitingRetry"
    ((_, _, process),) = first.began()
    assert not is_there(int(process))
    (made,) = fleet_server.ask("POST", "/task_runs/filter", json=within)
    assert made["state"]["type"] == "CRASHED"  # nothing of it seems to go on
    workers.append(second := Worker(fleet_server, tmp_path / "two", pool, ["--name", "two"]))
    (second.home / "go").touch()
    ended = fleet_server.wait_for(shard, "Completed")
    assert ended["run_count"] == 2
    assert len(second.began()) == 1


def test_a_worker_that_is_told_to_end_takes_no_other_shard(
    fleet_server: FleetServer, tmp_path: Path, pool: str, workers: list[Worker]
) -> None:
    shards = [fleet_server.submit(pool, run=f"run-{number}", layer="slow") for number in range(2)]
    workers.append(worker := Worker(fleet_server, tmp_path / "host", pool))
    wait_until(worker.began)
    assert worker.end() == 0
    assert len(worker.began()) == 1
    names = sorted(fleet_server.flow_run(id)["state"]["name"] for id in shards)
    assert names == ["AwaitingRetry", "Scheduled"]


def test_the_shard_of_a_worker_that_was_killed_goes_on_and_the_next_worker_waits_for_it(
    fleet_server: FleetServer, tmp_path: Path, pool: str, workers: list[Worker]
) -> None:
    shard = fleet_server.submit(pool, run="run", layer="slow")
    killed = Worker(fleet_server, tmp_path / "host", pool)
    wait_until(killed.began)
    killed.end(signal.SIGKILL)
    workers.append(after := Worker(fleet_server, tmp_path / "host", pool))
    after.says("waiting until the shard of an earlier worker of this name has ended")
    (after.home / "go").touch()
    fleet_server.wait_for(shard, "Completed")
    after.says(READY)
    assert len(after.began()) == 1


def test_a_worker_says_at_its_start_what_died_on_its_machine(
    fleet_server: FleetServer, tmp_path: Path, pool: str, workers: list[Worker]
) -> None:
    shard = fleet_server.submit(pool, run="run", layer="slow")
    killed = Worker(fleet_server, tmp_path / "host", pool)
    wait_until(killed.began)
    fleet_server.wait_for(shard, "Running")
    killed.end(signal.SIGKILL)
    ((_, _, process),) = killed.began()
    os.kill(int(process), signal.SIGKILL)
    workers.append(after := Worker(fleet_server, tmp_path / "host", pool))
    after.says(READY)
    state = fleet_server.flow_run(shard)["state"]
    assert (state["name"], state["message"]) == ("Crashed", MESSAGE)
    assert any(line.startswith("crashed: ") for line in after.said)


def test_of_two_workers_of_one_name_and_data_folder_the_second_does_not_start(
    fleet_server: FleetServer, tmp_path: Path, pool: str, workers: list[Worker]
) -> None:
    workers.append(first := Worker(fleet_server, tmp_path / "host", pool, ["--name", "gpu-0"]))
    first.says(READY)
    second = Worker(fleet_server, tmp_path / "host", pool, ["--name", "gpu-0"])
    assert second.process.wait(120) == 2
    second.says("a worker named gpu-0 is running already: end that one, or give another --name")
    workers.append(other := Worker(fleet_server, tmp_path / "host", pool, ["--name", "gpu-1"]))
    other.says(READY)


def test_where_there_is_no_such_pool_a_worker_says_how_to_make_it(fleet_server: FleetServer, tmp_path: Path) -> None:
    worker = Worker(fleet_server, tmp_path / "host", "nowhere")
    assert worker.process.wait(120) == 2
    worker.says("there is no work pool nowhere on this server: dreamsweep deploy --pool nowhere makes it")


def test_a_worker_finds_the_password_in_a_profile_of_prefects(
    fleet_server: FleetServer, tmp_path: Path, pool: str, workers: list[Worker]
) -> None:
    profile = tmp_path / "profiles.toml"
    profile.write_text(f'active = "fleet"\n\n[profiles.fleet]\nPREFECT_API_AUTH_STRING = "{AUTH}"\n')
    profile.chmod(0o600)
    given = {"PREFECT_PROFILES_PATH": str(profile), "PREFECT_API_AUTH_STRING": None}
    shard = fleet_server.submit(pool, run="run")
    workers.append(worker := Worker(fleet_server, tmp_path / "host", pool, more=given))
    fleet_server.wait_for(shard, "Completed")
    command_line = Path(f"/proc/{worker.process.pid}/cmdline").read_bytes().decode()
    assert AUTH not in command_line
    assert not any(AUTH in line for line in worker.said)


def test_one_host_needs_no_other_server(tmp_path: Path) -> None:
    """The project's own server bears a pool of processes as well."""
    home = tmp_path / "home"
    Store.open(home / "store")
    settings = environment(home, PYTHONPATH=str(CHECKOUT))
    made = subprocess.run(
        [sys.executable, *COMMAND, "deploy", "--pool", "here"], env=settings, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    worker = subprocess.Popen(
        [sys.executable, *COMMAND, "worker", "--pool", "here"], env=settings, stderr=subprocess.PIPE, text=True
    )
    assert worker.stderr is not None
    try:
        assert any(READY in line for line in worker.stderr)
        shown = subprocess.run(
            [sys.executable, *COMMAND, "fleet", "--pool", "here"], env=settings, capture_output=True, text=True
        )
        assert "online" in shown.stdout
    finally:
        os.kill(worker.pid, signal.SIGTERM)
        assert worker.wait(120) == 0
