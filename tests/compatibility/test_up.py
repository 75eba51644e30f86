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

from flows.serving.server import local_server
from flows.web.access import authorization, server_password
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
from tests.flows.being_up import Up, ask, processes_of, wait_until

pytestmark = pytest.mark.slow

FLOWS = ("train", "oip-sweep", "dream", "analyse", "nightly")
TO_COME = "a sweep that has not begun"


@pytest.fixture(scope="module")
def old_life(home: Path) -> dict[str, Any]:
    """What the file of the flow says that died with its machine. It is this machine from now on."""
    here, lives = {"host": socket.gethostname(), "store": str(home / "store")}, []
    for file in (home / "prefect" / "living").glob("*.json"):
        lives.append(json.loads(file.read_text()))
        file.write_text(json.dumps(lives[-1] | here))
    (unnoticed,) = (life for life in lives if life["noticed"] is None)
    return dict(unnoticed)


def shown(form: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Everything that a form of Prefect's UI shows where nothing is changed, and saves."""
    definitions, found = schema["definitions"], {}
    for name, field in definitions[form]["properties"].items():
        groups = [kind["$ref"] for kind in (field, *field.get("anyOf", [])) if "$ref" in kind]
        if "default" in field:
            found[name] = field["default"]
        elif groups:
            found[name] = shown(groups[0].rpartition("/")[2], schema)
    return found


@pytest.fixture(scope="module")
def edited(home: Path) -> None:
    """The old database, in which somebody has used the old forms: edited a deployment, and asked for a run to come."""
    (home / "prefect" / "prefect.db").write_bytes(lzma.decompress(DATABASE.read_bytes()))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PREFECT_API_URL", raising=False)
        server = local_server(home)
        try:
            url = server.ready()
            headers = {"Authorization": authorization(server_password(home / "prefect"))}

            def say(method: str, path: str, **body: Any) -> Any:
                return ask(f"{url}{path}", method, json=body or None, headers=headers)

            nightly, sweep = (say("GET", f"/deployments/name/{flow}/dreamsweep") for flow in ("nightly", "oip-sweep"))
            all_fields = shown("NightlyParameters", nightly["parameter_openapi_schema"])
            assert NOWHERE in all_fields["store"]
            saved = {"parameters": all_fields | {"budget": 30, "data": "mnist"}}
            say("PATCH", f"/deployments/{nightly['id']}", parameters=saved)
            say(
                "PATCH",
                f"/deployments/{nightly['id']}/schedules/{nightly['schedules'][0]['id']}",
                parameters={"parameters": {"layers": ["Conv2D_1/0"]}},
            )
            all_fields = shown("SweepParameters", sweep["parameter_openapi_schema"])
            later = {"scheduled_time": str(datetime.now(UTC) + timedelta(days=20))}
            say(
                "POST",
                f"/deployments/{sweep['id']}/create_flow_run",
                name=TO_COME,
                parameters={"parameters": all_fields | {"layers": ["Conv2D_1/0"]}},
                state={"type": "SCHEDULED", "state_details": later},
            )
        finally:
            server.stop()


@pytest.fixture(scope="module")
def up(home: Path, old_life: dict[str, Any], edited: None) -> Iterator[Up]:
    """The present `up` in the old data folder."""
    running = Up(home, "--at-once", "3")
    yield running
    running.end()
    assert not processes_of(home)


def runs(up: Up) -> dict[str, dict[str, Any]]:
    """All flow runs that somebody started, by name."""
    found = up.ask("POST", "/flow_runs/filter", json={"limit": 200})
    started = [run for run in found if run["deployment_id"] and not run["auto_scheduled"]]
    return {run["name"]: run for run in started if run["name"] != TO_COME}


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
        schema = deployment["parameter_openapi_schema"]
        assert NOWHERE not in json.dumps(schema)  # where stores and pictures are by default
        assert "budget" in schema["properties"]
        assert not {"parameters", "store", "data_dir"} & set(schema["properties"])
        old.discard(deployment["id"])
    assert not old


def test_what_old_forms_saved_is_rewritten_by_fields_that_differ(up: Up) -> None:
    nightly = up.deployment("nightly")
    assert nightly["parameters"] == {"budget": 30, "data": "mnist"}
    # it stood for all that the deployment says, and is now laid over that
    assert nightly["schedules"][0]["parameters"] == {"layers": ["Conv2D_1/0"], "budget": None, "data": None}
    for flow in FLOWS[:-1]:
        assert up.deployment(flow)["parameters"] == {}
    found = up.ask("POST", "/flow_runs/filter", json={"flow_runs": {"name": {"any_": [TO_COME]}}})
    assert [run["parameters"] for run in found] == [{"layers": ["Conv2D_1/0"]}]
    assert all(set(run["parameters"]) == {"parameters"} for run in runs(up).values())  # those are retried as they were


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
