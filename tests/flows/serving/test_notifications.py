"""Messages about flow runs that have ended: a real `up` sends one for each, whoever began it and however it ended."""

import json
import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.serving.earlier_automation import BLOCK, NAME
from flows.serving.server_settings import CLIENT_PASSWORD
from flows.web.access import server_password
from tests.flows.being_up import Up, dreamsweep, processes_of, wait_until
from tests.flows.serving.listening import Webhook, webhook
from tests.flows.tiny import saved, small_cnn, write_pictures

pytestmark = pytest.mark.slow

LOOKS = 8.0
"""Seconds in which a message that is sent twice would have been."""


@pytest.fixture(scope="module")
def hook() -> Iterator[Webhook]:
    with webhook() as hook:
        yield hook


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notified")


@pytest.fixture
def up(home: Path, ups: list[Up], hook: Webhook) -> Up:
    """The one that is up, or a new one where a test has ended it; messages are on."""
    hook.refusing = False
    done = dreamsweep(home, "notify", hook.url, "--on", "trouble", "--json")
    assert json.loads(done.stdout) == {"on": True, "which": "trouble"}, done.stderr
    return again(home, ups) if not ups or ups[-1].process.poll() is not None else ups[-1]


def again(home: Path, ups: list[Up]) -> Up:
    """A new `up`, after the one before."""
    ups.append(Up(home, "--allow", home.parent))
    return ups[-1]


def soon() -> datetime:
    """When a run is due that is to begin in some seconds."""
    return datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=5)


def killed(home: Path, flow_run: str) -> None:
    """Kill the process of a flow run."""
    words = f"PREFECT__FLOW_RUN_ID={flow_run}".encode()
    for process in processes_of(home):
        if words in Path(f"/proc/{process}/environ").read_bytes():
            os.kill(process, signal.SIGKILL)


def endless(folder: Path) -> dict[str, Any]:
    """A sweep that has not ended when the test has."""
    model = saved(small_cnn(), folder / "endless.keras")
    return {
        "model": str(model),
        "data": write_pictures(folder / "pictures"),
        "pixels": "0..1",
        "growth": {"steps": 1_000_000},
    }


def test_scheduled_runs_that_fail_or_are_killed_are_told_once_each(up: Up, hook: Webhook, tmp_path: Path) -> None:
    (failed,) = up.schedule("oip-sweep", {"model": "model/none"}, soon())
    assert up.wait_for(failed)["type"] == "FAILED"
    (message,) = wait_until(lambda: hook.of(failed))
    assert (message["flow"], message["state"], message["attempt"]) == ("oip-sweep", "Failed", 1)
    assert "model/none" in message["message"]
    assert message["message"] in message["text"]
    assert message["url"] == f"{up.note['ui']}/runs/flow-run/{failed}"

    (crashed,) = up.schedule("oip-sweep", endless(tmp_path), soon())
    up.wait_for(crashed, "RUNNING")
    wait_until(lambda: up.ask("GET", f"/flow_runs/{crashed}")["labels"].get("dreamsweep.run"))
    killed(up.home, crashed)
    assert up.wait_for(crashed)["type"] == "CRASHED"
    (message,) = wait_until(lambda: hook.of(crashed))
    assert message["state"] == "Crashed"
    run = json.loads(dreamsweep(up.home, "runs", "--json").stdout)["runs"][0]["run"]
    assert message["runs"] == [run]
    time.sleep(LOOKS)
    assert [len(hook.of(run)) for run in (failed, crashed)] == [1, 1]


def test_all_tells_good_news_too_and_a_retry_is_told_anew(up: Up, hook: Webhook, tmp_path: Path) -> None:
    model, data = saved(small_cnn(), tmp_path / "small.keras"), write_pictures(tmp_path / "pictures")
    sweep = {"model": str(model), "data": data, "pixels": "0..1", "growth": {"oips": 1, "starts": 2, "steps": 4}}
    quiet = up.start("oip-sweep", **sweep)
    assert up.wait_for(quiet)["name"] == "Completed"
    partial = up.start("oip-sweep", **sweep, budget=1e-6, style="clean")
    assert up.wait_for(partial)["name"] == "Partial"
    (message,) = wait_until(lambda: hook.of(partial))
    assert message["message"] == "10 of 10 maps are left; the next run goes on with them"
    assert message["left"] == 10

    dreamsweep(up.home, "notify", "--on", "all")
    loud = up.start("oip-sweep", **sweep)
    assert up.wait_for(loud)["name"] == "Completed"
    (message,) = wait_until(lambda: hook.of(loud))
    assert message["well"]
    assert sum(int(words.split()[0]) for words in message["found"][0].split(", ") if "never" not in words) == 10
    assert message["gallery"] == f"{up.note['pictures']}/gallery/index.html"
    assert up.get(message["gallery"]).is_success
    assert message["model"].startswith("model/small")

    up.ask(
        "POST",
        f"/flow_runs/{loud}/set_state",
        json={"state": {"type": "SCHEDULED", "name": "AwaitingRetry"}, "force": True},
    )
    wait_until(lambda: len(hook.of(loud)) == 2)
    assert [message["attempt"] for message in hook.of(loud)] == [1, 2]
    assert hook.of(quiet) == []  # it ended while nobody wanted to know


def test_what_could_not_be_sent_is_sent_by_the_next_up_once(up: Up, hook: Webhook, home: Path, ups: list[Up]) -> None:
    hook.refusing, before = True, hook.refused
    failed = up.start("oip-sweep", model="model/none")
    wait_until(lambda: hook.refused > before)
    wait_until(lambda: "again in" in Path(up.note["log"]).read_text())
    up.end(signal.SIGKILL)
    wait_until(lambda: not processes_of(home), 120)
    hook.refusing = False
    up = again(home, ups)
    (message,) = wait_until(lambda: hook.of(failed))
    assert message["state"] == "Failed"
    time.sleep(LOOKS)
    assert len(hook.of(failed)) == 1
    for log in (home / "prefect").rglob("*.log*"):
        assert "secret-4711" not in log.read_text()


def test_a_run_that_the_end_of_up_broke_off_is_told(
    up: Up, hook: Webhook, home: Path, ups: list[Up], tmp_path: Path
) -> None:
    broken_off = up.start("oip-sweep", **endless(tmp_path))
    up.wait_for(broken_off, "RUNNING")
    wait_until(lambda: up.ask("GET", f"/flow_runs/{broken_off}")["labels"].get("dreamsweep.run"))
    assert up.end() == 0
    again(home, ups)
    (message,) = wait_until(lambda: hook.of(broken_off))
    assert "dreamsweep up was ended while it ran" in message["text"]


def test_what_an_earlier_version_has_turned_on_goes_on_and_no_run_is_told_twice(
    up: Up, hook: Webhook, home: Path, ups: list[Up]
) -> None:
    dreamsweep(home, "notify", "--off")
    put_earlier_automation(up, hook.url)
    assert up.end() == 0
    up = again(home, ups)
    by_name = {"automations": {"name": {"any_": [NAME]}}}
    wait_until(lambda: up.ask("POST", "/automations/filter", json=by_name) == [])
    assert json.loads(dreamsweep(home, "notify", "--json").stdout) == {"on": True, "which": "trouble"}
    before = len(hook.heard)
    failed = up.start("oip-sweep", model="model/none")
    wait_until(lambda: hook.of(failed))
    time.sleep(LOOKS)
    assert len(hook.heard) == before + 1
    blocks = up.ask("POST", "/block_documents/filter", json={})
    assert BLOCK not in [block["name"] for block in blocks]


def put_earlier_automation(up: Up, url: str) -> None:
    """What `dreamsweep notify URL` of an earlier version left at the server."""
    from prefect.blocks.webhook import Webhook as WebhookBlock
    from prefect.client.orchestration import get_client
    from prefect.events.schemas.automations import AutomationCore
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    password = server_password(up.home / "prefect")
    with temporary_settings({PREFECT_API_URL: up.note["api"], PREFECT_API_AUTH_STRING: password}):
        block = WebhookBlock(url=url).save(BLOCK, overwrite=True)
        automation = {
            "name": NAME,
            "trigger": {
                "type": "event",
                "posture": "Reactive",
                "threshold": 1,
                "within": 0,
                "expect": ["prefect.flow-run.Failed", "prefect.flow-run.Crashed"],
                "for_each": ["prefect.resource.id"],
                "match": {"prefect.resource.id": "prefect.flow-run.*"},
                "match_related": {"prefect.resource.role": "deployment", "prefect.resource.name": "dreamsweep"},
            },
            "actions": [{"type": "call-webhook", "payload": '{"text": "twice"}', "block_document_id": str(block)}],
        }
        with get_client(sync_client=True) as client:
            client.create_automation(AutomationCore.model_validate(automation))


def test_off_means_off_and_forgets_the_address(up: Up, hook: Webhook, home: Path) -> None:
    assert json.loads(dreamsweep(home, "notify", "--off", "--json").stdout) == {"on": False, "which": None}
    before = len(hook.heard)
    assert up.wait_for(up.start("oip-sweep", model="model/none"))["type"] == "FAILED"
    time.sleep(LOOKS)
    assert len(hook.heard) == before
    kept = [path for path in (home / "prefect").rglob("*.json") if path.parent.name != "outbox"]
    assert not any(b"secret-4711" in path.read_bytes() for path in kept)


def test_on_a_given_server_a_night_that_was_never_begun_is_told_once_when_up_is_back(
    tmp_path: Path, hook: Webhook, prefect_server: str
) -> None:
    given = {"PREFECT_API_URL": prefect_server, CLIENT_PASSWORD: os.environ[CLIENT_PASSWORD]}
    hook.refusing = False
    assert dreamsweep(tmp_path, "notify", hook.url).returncode == 0
    up = Up(tmp_path, **given)
    (failed,) = up.schedule("oip-sweep", {"model": "model/none"}, soon())
    (message,) = wait_until(lambda: hook.of(failed))
    assert message["url"] == f"{prefect_server.removesuffix('/api')}/runs/flow-run/{failed}"
    assert up.end() == 0
    ago = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=20)
    skipped, late = up.schedule("oip-sweep", {"model": "model/none"}, ago, ago + timedelta(minutes=12))
    up = Up(tmp_path, **given)
    try:
        (message,) = wait_until(lambda: hook.of(skipped))
        assert (message["state"], message["attempt"]) == ("Skipped", 0)
        assert "and was never begun" in message["text"]
        (message,) = wait_until(lambda: hook.of(late))
        assert message["state"] == "Failed"
        assert "and was begun at" in message["text"]
        time.sleep(LOOKS)
        assert [len(hook.of(run)) for run in (failed, skipped, late)] == [1, 1, 1]
    finally:
        deployment = up.deployment("oip-sweep")
        for one in deployment["schedules"]:
            up.ask("DELETE", f"/deployments/{deployment['id']}/schedules/{one['id']}")
        assert up.end() == 0
