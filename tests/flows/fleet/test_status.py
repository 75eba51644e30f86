"""`dreamsweep fleet`: what it tells of workers and shards, by what Prefect's server knows."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate, WorkPoolUpdate
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed, Running

from flows.fleet.shards import SHARD_FLOWS
from tests.flows.fleet.stand_in import NAME, PLACE

CLI = Callable[..., tuple[int, str, str]]
POOL = "day-shift"


@pytest.fixture
def client(prefect_server: str, cli: CLI) -> Iterator[SyncPrefectClient]:
    """A client of the session's server, where a pool is deployed."""
    assert cli("deploy", "--pool", POOL)[0] == 0
    with get_client(sync_client=True) as client:
        yield client
        deployment = client.read_deployment_by_name(f"{NAME}/{POOL}")
        for run in client.read_flow_runs():
            if run.deployment_id == deployment.id:
                client.delete_flow_run(run.id)
        client.delete_deployment(deployment.id)
        client.delete_work_pool(POOL)
        for automation in client.read_automations():
            client.delete_automation(automation.id)


def shard(client: SyncPrefectClient, units: str, *states: State[Any], run: str = "now") -> str:
    """A shard that has been in these states; returns its name."""
    deployment = client.read_deployment_by_name(f"{NAME}/{POOL}")
    parameters = {"run": run, "layer": "Conv2D_1", "units": units, "quality": "draft"}
    made = client.create_flow_run_from_deployment(deployment.id, parameters=parameters)
    for state in states:
        client.set_flow_run_state(made.id, state, force=True)
    return made.name


def completed(client: SyncPrefectClient, units: str, seconds: float, run: str = "now") -> float:
    """A shard that ran for so long and is completed; returns for how many seconds, by the server."""
    name = shard(client, units, Running(), run=run)
    (begun,) = [one for one in client.read_flow_runs() if one.name == name]
    time.sleep(seconds)
    client.set_flow_run_state(begun.id, Completed(), force=True)
    return client.read_flow_run(begun.id).total_run_time.total_seconds()


def fleet(cli: CLI) -> dict[str, Any]:
    """What the command answers."""
    code, out, err = cli("fleet", "--pool", POOL, "--json")
    assert code == 0, err
    return dict(json.loads(out))


def be_online(name: str) -> None:
    """A sign of life of a worker."""

    async def beat() -> None:
        async with get_client() as client:
            await client.send_worker_heartbeat(POOL, name, 30)

    asyncio.run(beat())


def test_where_there_is_nothing_yet_the_next_step_is_said(cli: CLI, client: SyncPrefectClient) -> None:
    code, _, err = cli("fleet", "--pool", POOL)
    assert code == 0
    assert f"dreamsweep worker --pool {POOL}" in err
    assert f"dreamsweep sweep --pool {POOL}" in err
    assert fleet(cli)["waits_for"] is None


def test_a_pool_that_there_is_not_is_bad_input(cli: CLI, prefect_server: str) -> None:
    code, _, err = cli("fleet", "--pool", "nowhere")
    assert code == 2
    assert "there is no work pool nowhere on this server" in err


def test_speed_and_time_left_follow_from_how_long_shards_took(cli: CLI, client: SyncPrefectClient) -> None:
    a_map = completed(client, "0-9", 2.0) / 10
    shard(client, "10-1009", Running())
    shard(client, "1010-1029")
    be_online("one")
    told = fleet(cli)
    assert told["states"] == {"Running": 1, "Scheduled": 1, "Completed": 1}
    (work,) = told["work"]
    assert (work["what"], work["running"], work["waiting"]) == ("maps", 1000, 20)
    assert work["a_minute"] == pytest.approx(60 / a_map)
    assert work["seconds_left"] == pytest.approx(1020 * a_map, rel=0.1)
    assert told["waits_for"] == "a free worker, of 1 that is online"
    code, out, err = cli("fleet", "--pool", POOL)
    assert code == 0
    assert "one" in out
    assert "online" in out
    assert "1 running, 1 scheduled, 1 completed" in err
    assert "20 maps wait for a free worker" in err


def test_nothing_is_said_to_be_known_before_a_shard_is_completed(cli: CLI, client: SyncPrefectClient) -> None:
    shard(client, "0-9", Running())
    (work,) = fleet(cli)["work"]
    assert (work["a_minute"], work["seconds_left"]) == (None, None)
    assert "maps a minute: not known yet" in cli("fleet", "--pool", POOL)[2]


def test_shards_without_a_worker_wait_for_one_and_those_of_a_paused_pool_for_the_pool(
    cli: CLI, client: SyncPrefectClient
) -> None:
    shard(client, "0-9")
    assert fleet(cli)["waits_for"] == f"a worker, and none is online: dreamsweep worker --pool {POOL} on a machine"
    client.update_work_pool(POOL, WorkPoolUpdate(concurrency_limit=0))
    assert fleet(cli)["waits_for"] == "the pool's limit of 0 shards at a time"
    client.update_work_pool(POOL, WorkPoolUpdate(is_paused=True))
    assert fleet(cli)["waits_for"] == "the pool, which is paused: go on with it in Prefect's UI"


def test_pictures_are_counted_beside_maps(cli: CLI, client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SHARD_FLOWS, "dream-shard", PLACE)
    assert cli("deploy", "--pool", POOL)[0] == 0
    deployment = client.read_deployment_by_name(f"dream-shard/{POOL}")
    client.update_deployment(deployment.id, DeploymentUpdate(enforce_parameter_schema=False))
    originals = [{"name": name, "picture": "d1"} for name in ("rose", "tulip")]
    client.create_flow_run_from_deployment(deployment.id, parameters={"run": "now", "originals": originals})
    shard(client, "0-9")
    told = {work["what"]: work["waiting"] for work in fleet(cli)["work"]}
    assert told == {"maps": 10, "pictures": 2}
    err = cli("fleet", "--pool", POOL)[2]
    assert "10 maps wait for a worker" in err
    assert "2 pictures wait for a worker" in err
    client.delete_deployment(deployment.id)


def test_what_failed_is_told_and_runs_of_before_are_left_out(cli: CLI, client: SyncPrefectClient) -> None:
    shard(client, "0-9", Running(), Completed(), run="before")
    name = shard(client, "0-9", Running(), Failed(message="Conv2D_1/3: out of memory"))
    shard(client, "10-19", Running())
    told = fleet(cli)
    assert told["failures"] == [f"{name}: Conv2D_1/3: out of memory"]
    assert told["states"] == {"Failed": 1, "Running": 1}
    assert f"failed: {name}: Conv2D_1/3: out of memory" in cli("fleet", "--pool", POOL)[2]


def test_a_fleet_is_told_in_few_requests(cli: CLI, client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.client.orchestration import PrefectClient

    for number in range(20):
        shard(client, f"{number}", Running())
    asked: list[str] = []
    as_usual = PrefectClient.request

    async def request(self: PrefectClient, method: str, path: str, *given: Any, **more: Any) -> Any:
        asked.append(path)
        return await as_usual(self, method, path, *given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(PrefectClient, "request", request)
    assert len(fleet(cli)["shards"]) == 20
    assert len(asked) <= 5, asked
