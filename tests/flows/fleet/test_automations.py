"""What Prefect's server does by itself for shards that nobody speaks for any more."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from flows.fleet.automations import PENDING_MESSAGE, SILENT_MESSAGE, make_automations
from tests.flows.fleet.fleet_server import AUTH, FleetServer
from tests.flows.fleet.stand_in import NAME

pytestmark = pytest.mark.slow

SOON = timedelta(seconds=10)
"""As short as a server lets it be."""


def state(server: FleetServer, id: str, kind: str) -> None:
    """Have a shard be in a state."""
    server.ask("POST", f"/flow_runs/{id}/set_state", json={"state": {"type": kind}, "force": True})


def beat(server: FleetServer, id: str, deployment: str) -> None:
    """Send the event that a flow run sends as a sign of life."""
    event = {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": "prefect.flow-run.heartbeat",
        "resource": {"prefect.resource.id": f"prefect.flow-run.{id}", "prefect.resource.name": "a shard"},
        "related": [
            {"prefect.resource.id": f"prefect.deployment.{deployment}", "prefect.resource.role": "deployment"},
        ],
        "payload": {},
    }
    server.ask("POST", "/events", json=[event])


@pytest.fixture
def watched(fleet_server: FleetServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Two pools with a deployment each; the automations of the first are impatient."""
    for pool in ("hasty", "calm"):
        fleet_server.deploy(tmp_path, pool)
    deployment = fleet_server.ask("GET", f"/deployments/name/{NAME}/hasty")["id"]
    for automation in fleet_server.ask("POST", "/automations/filter", json={}):
        if "hasty" in automation["name"]:
            fleet_server.ask("DELETE", f"/automations/{automation['id']}")

    async def make() -> None:
        from prefect.client.orchestration import PrefectClient

        async with PrefectClient(fleet_server.url, auth_string=AUTH) as client:
            await make_automations(client, "hasty", [deployment], silent=SOON, pending=SOON)

    asyncio.run(make())
    return deployment


def test_a_shard_that_falls_silent_is_crashed_and_one_that_waits_or_is_anothers_is_not(
    fleet_server: FleetServer, watched: str
) -> None:
    silent, handed_back = (fleet_server.submit("hasty", run="r", layer=layer) for layer in ("a", "b"))
    calm = fleet_server.submit("calm", run="r")
    others = fleet_server.ask("GET", f"/deployments/name/{NAME}/calm")["id"]
    for id, deployment in ((silent, watched), (handed_back, watched), (calm, others)):
        state(fleet_server, id, "RUNNING")
        beat(fleet_server, id, deployment)
    waits = {"type": "SCHEDULED", "name": "AwaitingRetry"}
    fleet_server.ask("POST", f"/flow_runs/{handed_back}/set_state", json={"state": waits, "force": True})
    crashed = fleet_server.wait_for(silent, "Crashed", seconds=90)
    assert crashed["state"]["message"] == SILENT_MESSAGE
    assert fleet_server.flow_run(handed_back)["state"]["name"] == "AwaitingRetry"
    assert fleet_server.flow_run(calm)["state"]["name"] == "Running"


def test_a_shard_that_was_taken_and_not_begun_waits_for_a_worker_again(fleet_server: FleetServer, watched: str) -> None:
    taken = fleet_server.submit("hasty", run="r")
    state(fleet_server, taken, "PENDING")
    freed = fleet_server.wait_for(taken, "AwaitingRetry", seconds=90)
    assert freed["state"]["message"] == PENDING_MESSAGE
    soon = (datetime.now(UTC) + timedelta(seconds=10)).isoformat()
    to_take = fleet_server.ask("POST", "/work_pools/hasty/get_scheduled_flow_runs", json={"scheduled_before": soon})
    assert taken in [one["flow_run"]["id"] for one in to_take]
