"""The webhook that is called when a run goes wrong: by a real server, with the file that is in the repository."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.flows.being_up import Up, dreamsweep, processes_of, wait_until
from tests.flows.tiny import saved, small_cnn, write_pictures

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def calls() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A webhook's address, and what it was called with."""
    heard: list[dict[str, Any]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/secret-4711", heard
    server.shutdown()


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    home = tmp_path_factory.mktemp("notified")
    running = Up(home, "--allow", home.parent)
    yield running
    running.end()


def test_the_webhook_is_called_when_a_run_fails_or_is_partial_and_not_when_all_is_well(
    up: Up, calls: tuple[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    url, heard = calls
    done = dreamsweep(up.home, "notify", url, "--json")
    assert json.loads(done.stdout) == {"on": True}, done.stderr

    failed = up.start("oip-sweep", model="model/none")
    assert up.wait_for(failed)["type"] == "FAILED"
    (call,) = wait_until(lambda: heard)
    assert (call["flow"], call["state"]) == ("oip-sweep", "Failed")
    assert "model/none" in call["message"]
    assert call["message"] in call["text"]
    assert call["url"].startswith(up.note["ui"])
    assert call["url"].endswith(failed)

    model = saved(small_cnn(), tmp_path / "small.keras")
    data = write_pictures(tmp_path / "pictures")
    sweep = {"model": str(model), "data": data, "pixels": "0..1", "growth": {"oips": 1, "starts": 2, "steps": 4}}
    well = up.start("oip-sweep", **sweep)
    assert up.wait_for(well)["name"] == "Completed"
    partial = up.start("oip-sweep", **sweep, budget=1e-6, style="clean")
    assert up.wait_for(partial)["name"] == "Partial"
    wait_until(lambda: len(heard) > 1)
    assert [(call["state"], call["message"]) for call in heard[1:]] == [
        ("Partial", "10 of 10 maps are left; the next run goes on with them")
    ]


def test_its_address_is_in_no_log_and_off_means_off(up: Up, calls: tuple[str, list[dict[str, Any]]]) -> None:
    url, _ = calls
    dreamsweep(up.home, "notify", url)
    assert json.loads(dreamsweep(up.home, "notify", "--json").stdout) == {"on": True}
    assert json.loads(dreamsweep(up.home, "notify", "--off", "--json").stdout) == {"on": False}
    assert up.ask("POST", "/automations/filter", json={"automations": {"name": {"any_": ["dreamsweep notify"]}}}) == []
    for log in (up.home / "prefect").rglob("*.log*"):
        assert "secret-4711" not in log.read_text()


@pytest.mark.parametrize("url", ["hooks.example.com", "ftp://hooks.example.com", "file:///etc/passwd"])
def test_what_is_no_webhook_is_refused(up: Up, url: str) -> None:
    done = dreamsweep(up.home, "notify", url)
    assert done.returncode == 2
    *warning, error = done.stderr.splitlines()
    assert len(warning) == 1  # of what the process list shows
    assert "https://hooks.example.com" in error


def test_the_webhook_is_called_when_a_flow_process_is_killed(
    up: Up, calls: tuple[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    url, heard = calls
    dreamsweep(up.home, "notify", url)
    before = len(heard)
    model = saved(small_cnn(), tmp_path / "killed.keras")
    data = write_pictures(tmp_path / "pictures")
    run = up.start("oip-sweep", model=str(model), data=data, pixels="0..1", growth={"steps": 1_000_000})
    up.wait_for(run, "RUNNING")
    for process in processes_of(up.home):
        if b"prefect.engine" in Path(f"/proc/{process}/cmdline").read_bytes():
            os.kill(process, signal.SIGKILL)
    assert up.wait_for(run)["type"] == "CRASHED"
    wait_until(lambda: len(heard) > before)
    assert [call["state"] for call in heard[before:]] == ["Crashed"]
    dreamsweep(up.home, "notify", "--off")
