"""Prefect's database as `dreamsweep up` of commit d371d4e left it when its machine went down: the new one goes on."""

import json
import lzma
import shutil
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from storage.store import Store
from tests.compatibility.make_store import (
    COMPLETES,
    CRON,
    CUT_OFF,
    DATABASE,
    FAILS,
    LATE,
    MADE,
    NOWHERE,
    TIMEZONE,
    start,
)
from tests.flows.being_up import Up, processes_of, wait_until

pytestmark = pytest.mark.slow

FLOWS = ("train", "oip-sweep", "dream", "analyse", "nightly")


@pytest.fixture(scope="module")
def old_life(home: Path) -> dict[str, Any]:
    """What the file of the flow says that died with its machine. It is this machine from now on."""
    here, lives = {"host": socket.gethostname(), "store": str(home / "store")}, []
    for file in (home / "prefect" / "living").glob("*.json"):
        lives.append(json.loads(file.read_text()))
        file.write_text(json.dumps(lives[-1] | here))
    (unnoticed,) = (life for life in lives if life["noticed"] is None)
    return dict(unnoticed)


@pytest.fixture(scope="module")
def up(home: Path, old_life: dict[str, Any]) -> Iterator[Up]:
    """The present `up` in the old data folder."""
    (home / "prefect" / "prefect.db").write_bytes(lzma.decompress(DATABASE.read_bytes()))
    running = Up(home, "--at-once", "3")
    yield running
    running.end()
    assert not processes_of(home)


def runs(up: Up) -> dict[str, dict[str, Any]]:
    """All flow runs that somebody started, by name."""
    found = up.ask("POST", "/flow_runs/filter", json={"limit": 200})
    return {run["name"]: run for run in found if run["deployment_id"] and not run["auto_scheduled"]}


def retry(up: Up, run: dict[str, Any]) -> None:
    """What Retry in the UI does."""
    state = {"type": "SCHEDULED", "name": "AwaitingRetry"}
    up.ask("POST", f"/flow_runs/{run['id']}/set_state", json={"state": state})


def test_deployments_are_still_there_and_brought_up_to_date(up: Up, home: Path) -> None:
    found = up.ask("POST", "/deployments/filter", json={})
    assert sorted(one["name"] for one in found) == ["dreamsweep"] * len(FLOWS)
    old = {run["deployment_id"] for run in runs(up).values()}
    for flow in FLOWS:
        deployment = up.deployment(flow)
        schema = json.dumps(deployment["parameter_openapi_schema"])
        assert NOWHERE not in schema  # where stores and pictures are by default
        assert str(home / "store") in schema
        old.discard(deployment["id"])
    assert not old


def test_the_schedule_is_still_set_and_runs_are_scheduled(up: Up) -> None:
    nightly = up.deployment("nightly")
    (schedule,) = nightly["schedules"]
    assert schedule["active"]
    assert (schedule["schedule"]["cron"], schedule["schedule"]["timezone"]) == (CRON, TIMEZONE)

    def scheduled() -> Any:
        question = {"deployments": {"id": {"any_": [nightly["id"]]}}, "limit": 20}
        return [run for run in up.ask("POST", "/flow_runs/filter", json=question) if run["state_type"] == "SCHEDULED"]

    due = min(datetime.fromisoformat(run["expected_start_time"]) for run in wait_until(scheduled, seconds=150))
    assert datetime.now(UTC) < due < datetime.now(UTC) + timedelta(days=32)


def test_old_runs_are_shown_and_what_died_with_its_machine_is_marked_as_crashed(
    up: Up, home: Path, old_life: dict[str, Any]
) -> None:
    assert {name: run["state_name"] for name, run in runs(up).items()} == {
        COMPLETES: "Completed",
        "a dream that completes": "Completed",
        FAILS: "Failed",
        "a sweep that is killed": "Crashed",
        CUT_OFF: "Crashed",
    }
    assert runs(up)[CUT_OFF]["id"] == old_life["flow_run"]
    assert Store.open(home / "store").run(old_life["run"]).state == "crashed"


def test_old_runs_are_retried_and_new_ones_are_started_from_old_deployments(up: Up, home: Path) -> None:
    before = runs(up)
    shutil.copy(home / "small.keras", home / LATE)  # it failed because that was not there
    for name in (FAILS, CUT_OFF):
        retry(up, before[name])
    model = json.loads(MADE.read_text())["runs"]["a model of one's own"]["model"]
    new = start(up, "dream", "new", {"model": model, "pictures": ["pictures/rose.png"], "out": "dreams"})
    for run in (before[FAILS]["id"], before[CUT_OFF]["id"], new):
        assert up.wait_for(run, "COMPLETED", "CRASHED", "CANCELLED", seconds=400)["name"] == "Completed"
