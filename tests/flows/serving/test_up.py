"""`dreamsweep up` on a real server: what it serves, what it starts again, and how it ends."""

import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from flows.serving.server import LocalServer, ServerAddress, ServerError
from flows.web.access import server_password
from storage.store import Store
from tests.flows.being_up import Up, dreamsweep, environment, processes_of, wait_until
from tests.flows.starvation import Starvation
from tests.flows.tiny import UNITS, saved, small_cnn, write_pictures

pytestmark = pytest.mark.slow

ENDLESS = {"epochs": 100_000, "batch": 4}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with pictures and a model in it."""
    home = tmp_path_factory.mktemp("home")
    write_pictures(home / "pictures")
    write_pictures(home / "digits", side=28)  # as large as the network that is trained
    saved(small_cnn(), home / "small.keras")
    return home


@pytest.fixture
def up(home: Path, ups: list[Up]) -> Up:
    """The one that is up, or a new one where a test has ended it. It is started with `nohup`, as by many users."""
    if not ups or ups[-1].process.poll() is not None:
        ups.append(Up(home, before=["nohup"], TF_CPP_MIN_LOG_LEVEL="0"))  # TensorFlow's C++ code says all that it can
    return ups[-1]


def small_sweep(home: Path) -> dict[str, Any]:
    """What the sweep of the small model wants to know."""
    growth = {"oips": 2, "starts": 4, "steps": 16, "seed": 3}
    return {
        "model": str(home / "small.keras"),
        "data": f"folder:{home / 'pictures'}",
        "growth": growth,
        "pixels": "0..1",
    }


def assert_runs_are_run(up: Up) -> None:
    """A run gets as far as its first check."""
    assert "none.keras" in up.wait_for(up.start("oip-sweep", model="none.keras"))["message"]


def endless_training(home: Path) -> dict[str, Any]:
    """A training that has not ended when the test has."""
    return {"data": f"folder:{home / 'digits'}", "settings": ENDLESS}


def serving_of(home: Path) -> int:
    """The process that runs flows."""
    words = f"flows.serving.runner\0{home}".encode()
    return next(pid for pid in processes_of(home) if words in Path(f"/proc/{pid}/cmdline").read_bytes())


def flow_process(home: Path, flow_run: str) -> int:
    """The process of a flow run."""
    words = f"PREFECT__FLOW_RUN_ID={flow_run}".encode()
    return next(pid for pid in processes_of(home) if words in Path(f"/proc/{pid}/environ").read_bytes())


def states(home: Path) -> set[str]:
    """The states in which flow runs and task runs are, from the database."""
    with sqlite3.connect(home / "prefect" / "prefect.db") as database:
        rows = database.execute("select state_name from flow_run union select state_name from task_run").fetchall()
    return {str(row[0]) for row in rows}


def state_of(home: Path, flow_run: str) -> str:
    """The state of a flow run, from the database."""
    with sqlite3.connect(home / "prefect" / "prefect.db") as database:
        return str(database.execute("select state_name from flow_run where id = ?", [flow_run]).fetchone()[0])


def test_it_says_where_the_ui_the_pictures_and_the_log_are(up: Up, home: Path) -> None:
    ui = up.get(f"{up.note['ui']}/ui-settings").json()
    assert ui["api_url"] == "/api"  # at whatever address it is opened
    assert set(ui["available_uis"]) == {"v1", "v2"}
    assert up.get(up.note["ui"], follow_redirects=True).is_success
    assert "dreamsweep" in up.get(up.note["pictures"]).text
    log = Path(up.note["log"])
    assert log == home / "prefect" / "up.log"
    for word in (up.note["ui"], up.note["pictures"], str(log)):
        assert any(word in line for line in up.said)
        assert word in log.read_text()


def test_only_this_machine_is_listened_to(up: Up) -> None:
    listening = {line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines() if line.split()[3] == "0A"}
    for name in ("ui", "pictures"):
        port = f"{int(up.note[name].rpartition(':')[2]):04X}"
        assert {address for address in listening if address.endswith(f":{port}")} == {f"0100007F:{port}"}


def test_pages_of_other_sites_reach_nothing(up: Up) -> None:
    for address in (f"{up.note['api']}/health", up.note["pictures"]):
        for headers in ({"Origin": "https://elsewhere.example"}, {"Host": "elsewhere.example"}):
            assert httpx.get(address, headers=headers, trust_env=False).status_code == 403


def test_without_the_password_it_is_said_that_the_server_is_there_and_nothing_else(up: Up) -> None:
    ui, api, pictures = up.note["ui"], up.note["api"], up.note["pictures"]
    for path in ("health", "ready"):
        assert httpx.get(f"{api}/{path}", trust_env=False).is_success
    closed = [f"{api}/admin/settings", f"{api}/flow_runs/count", f"{api}/csrf-token", f"{api}/docs", f"{api}/version"]
    closed += [
        ui,
        f"{ui}/v2/",
        f"{ui}/ui-settings",
        f"{ui}/openapi.json",
        f"{ui}/docs",
        pictures,
        f"{pictures}/gallery/",
    ]
    for address in closed:
        for method in ("GET", "POST"):
            assert httpx.request(method, address, json={}, trust_env=False).status_code == 401, address


@pytest.mark.parametrize("path", ["events/in", "events/out", "logs/out", "task_runs/subscriptions/scheduled"])
def test_websockets_want_the_password_too(up: Up, home: Path, path: str) -> None:
    address = f"{up.note['api'].replace('http', 'ws', 1)}/{path}"
    for token in ("wrong", None, server_password(home / "prefect")):
        with connect(address, subprotocols=[Subprotocol("prefect")], proxy=None) as websocket:
            websocket.send(json.dumps({"type": "auth", "token": token}))
            if token and token != "wrong":
                assert json.loads(websocket.recv(timeout=30)) == {"type": "auth_success"}
                continue
            with pytest.raises(ConnectionClosed):
                websocket.recv(timeout=30)
    with pytest.raises((InvalidStatus, ConnectionClosed)), connect(address, proxy=None) as websocket:
        websocket.recv(timeout=30)


def test_prefects_commands_and_links_work_and_half_a_request_is_dropped_meanwhile(up: Up, home: Path) -> None:
    with contextlib.ExitStack() as stack:
        halves = []
        for name in ("ui", "pictures"):
            port = int(up.note[name].rpartition(":")[2])
            halves.append(stack.enter_context(socket.create_connection(("127.0.0.1", port))))
            halves[-1].sendall(b"POST /api/flow_runs/count HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Le")
        listed = dreamsweep(home, "prefect", "deployment", "ls")
        assert (listed.returncode, listed.stderr) == (0, "")
        assert "nightly/dreamsweep" in listed.stdout
        assert dreamsweep(home, "prefect", "flow-run", "ls", "--no-such-option").returncode != 0
        said = json.loads(dreamsweep(home, "link", "--password", "--json").stdout)
        assert f"{said['user']}:{said['password']}" == server_password(home / "prefect")
        (link,) = said["links"]
        with httpx.Client(trust_env=False, headers={"Accept": "text/html"}) as browser:
            assert browser.get(up.note["ui"]).status_code == 401
            assert browser.get(link).status_code == 303
            assert browser.get(up.note["ui"], follow_redirects=True).is_success
            assert "dreamsweep" in browser.get(up.note["pictures"]).text  # there may be no store yet
        assert httpx.get(link, trust_env=False).status_code == 401
        for half in halves:
            half.settimeout(60)
            assert half.recv(100) == b""


def test_nothing_is_told_to_anybody(up: Up) -> None:
    settings = up.ask("GET", "/admin/settings")["server"]
    assert settings["analytics_enabled"] is False
    assert settings["ui"]["show_promotional_content"] is False


def test_the_servers_services_run_in_it(up: Up) -> None:
    services = up.ask("GET", "/admin/settings")["server"]["services"]
    for name in ("scheduler", "triggers", "late_runs", "task_run_recorder", "event_persister"):
        assert services[name]["enabled"], name


def test_who_wants_the_server_elsewhere_is_told_where_it_is(
    up: Up, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    server = LocalServer(home, address=ServerAddress(host="127.0.0.1", port=1))
    server.start()
    try:
        with pytest.raises(ServerError, match=f"{up.note['ui']}.*wait until that run has ended"):
            server.ready()
    finally:
        server.stop()


def test_a_second_up_says_that_one_is_running_since_when_and_where(up: Up, home: Path) -> None:
    second = dreamsweep(home, "up")
    assert second.returncode == 1
    for word in (str(up.note["pid"]), up.note["started"], up.note["ui"], "dreamsweep down"):
        assert word in second.stderr


def test_a_run_that_is_started_through_the_api_runs_to_its_end(up: Up, home: Path) -> None:
    flow_run = up.start("oip-sweep", **small_sweep(home))
    assert up.wait_for(flow_run)["name"] == "Completed"
    listed = up.get(f"{up.note['pictures']}/gallery/runs/").text
    run = listed.partition("<tbody>")[2].partition('href="')[2].partition("/")[0]
    page = up.get(f"{up.note['pictures']}/runs/{run}/", follow_redirects=True)
    addresses = {str(page.url.join(found)) for found in re.findall(r'<a href="([^"]*)">\s*<(?:img|span)', page.text)}
    for unit in UNITS:
        (address,) = [address for address in addresses if address.endswith(f"/{unit}/index.html")]
        assert up.get(address).is_success
    sheet = up.get(f"{up.note['pictures']}/runs/{run}/Conv2D_2.png")
    assert sheet.headers["content-type"] == "image/png"
    assert sheet.content.startswith(b"\x89PNG")


def test_a_run_that_has_ended_stays_as_it_ended_when_up_ends_before_its_process(up: Up, home: Path) -> None:
    flow_run = up.start("oip-sweep", **small_sweep(home))
    process = wait_until(lambda: up.state(flow_run)["type"] == "RUNNING" and flow_process(home, flow_run))
    assert up.wait_for(flow_run)["type"] == "COMPLETED"
    with contextlib.suppress(ProcessLookupError):  # on a slow machine it has ended by now
        os.kill(process, signal.SIGSTOP)
    up.process.send_signal(signal.SIGTERM)
    time.sleep(1)
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGCONT)
    assert up.end() == 0
    assert state_of(home, flow_run) == "Completed"


def test_flow_runs_speak_in_one_log_and_libraries_in_another(up: Up, home: Path) -> None:
    name = up.ask("GET", f"/flow_runs/{(flow_run := up.start('oip-sweep', **small_sweep(home)))}")["name"]
    assert up.wait_for(flow_run)["name"] == "Completed"
    bad = up.wait_for(up.start("oip-sweep", model="none.keras"))["message"]
    wait_until(lambda: "exited with unexpected exception" in (home / "prefect" / "runs.log").read_text())
    runs, libraries = ((home / "prefect" / log).read_text() for log in ("runs.log", "libraries.log"))
    assert f"Flow run '{name}'" in runs
    assert "Finished in state Completed" in runs
    assert bad in runs
    assert "Traceback" not in runs
    assert "cpu_feature_guard" in libraries
    assert "cpu_feature_guard" not in runs
    assert name not in libraries


def test_prefects_command_line_and_python_start_a_run_with_its_fields(up: Up, home: Path) -> None:
    fields = ("-p", "budget=5", "-p", "model=model/none")
    done = dreamsweep(home, "prefect", "deployment", "run", "nightly/dreamsweep", *fields)
    assert done.returncode == 0, done.stderr
    script = (
        "from prefect.deployments import run_deployment\n"
        "for asked in ({'budget': 5, 'model': 'model/none'}, {'parameters': {'budget': 5, 'model': 'model/none'}}):\n"
        "    run_deployment('nightly/dreamsweep', parameters=asked, timeout=0)\n"
    )
    server = {"PREFECT_API_URL": up.note["api"], "PREFECT_API_AUTH_STRING": server_password(home / "prefect")}
    subprocess.run([sys.executable, "-c", script], env=environment(home, **server), check=True)
    question = {"flows": {"name": {"any_": ["nightly"]}}, "sort": "EXPECTED_START_TIME_ASC"}
    found = up.ask("POST", "/flow_runs/filter", json=question)
    flat = {"budget": 5, "model": "model/none"}
    assert [run["parameters"] for run in found] == [flat, flat, {"parameters": flat}]  # as they were given
    for run in found:
        state = up.wait_for(run["id"])
        assert (state["type"], "model/none" in state["message"]) == ("FAILED", True), state


def test_a_run_in_a_store_that_is_not_served_fails_with_that_reason(up: Up, home: Path) -> None:
    state = up.wait_for(up.start("oip-sweep", store=str(home / "other"), **small_sweep(home)))
    assert state["type"] == "FAILED"
    assert f"store is {home / 'other'}, and what runs flows here was started for {home / 'store'}" in state["message"]
    assert not (home / "other").exists()


def test_what_the_form_cannot_take_is_refused_by_the_api(up: Up, home: Path) -> None:
    with pytest.raises(httpx.HTTPStatusError, match=r"409|422"):
        up.start("oip-sweep", **small_sweep(home) | {"batch": 0})


def test_a_path_outside_of_what_is_allowed_fails_the_run_at_once(up: Up) -> None:
    state = up.wait_for(up.start("oip-sweep", model="/etc/secrets.keras"))
    assert state["type"] == "FAILED"
    assert "/etc/secrets.keras" in state["message"]


def test_the_server_is_started_again_at_its_address_when_it_is_killed(up: Up, home: Path) -> None:
    words = f"flows.serving.server_process\0{home}".encode()
    keeper = next(pid for pid in processes_of(home) if words in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(keeper, signal.SIGKILL)
    wait_until(lambda: any("has been started again" in line for line in up.said))
    assert_runs_are_run(up)


def test_what_runs_flows_is_started_again_when_it_is_killed(up: Up, home: Path) -> None:
    os.kill(serving_of(home), signal.SIGKILL)
    wait_until(lambda: any("starting it again" in line for line in up.said))
    assert_runs_are_run(up)


def test_a_flow_run_that_is_killed_is_crashed_within_seconds(up: Up, home: Path) -> None:
    flow_run = up.start("train", **endless_training(home))
    up.wait_for(flow_run, "RUNNING")
    os.kill(flow_process(home, flow_run), signal.SIGKILL)
    assert up.wait_for(flow_run, seconds=5)["type"] == "CRASHED"


def trainings(home: Path) -> list[str]:
    """How the trainings ended that the store knows, the first one first."""
    return [run.state for run in Store.open(str(home / "store")).runs() if run.flow == "train"]


def test_cancel_in_the_ui_ends_a_run_within_seconds_and_it_is_interrupted_in_the_store(up: Up, home: Path) -> None:
    before = len(trainings(home))
    flow_run = up.start("train", **endless_training(home))
    up.wait_for(flow_run, "RUNNING")
    process = flow_process(home, flow_run)
    wait_until(lambda: len(trainings(home)) > before)
    with Starvation() as starvation:
        told = time.monotonic()
        up.ask("POST", f"/flow_runs/{flow_run}/set_state", json={"state": {"type": "CANCELLING"}})
        wait_until(lambda: not Path(f"/proc/{process}").exists(), seconds=60)
        seconds = time.monotonic() - told
    print(f"ended {seconds:.1f} s after Cancel; everything took {starvation.factor:.1f} times as long as alone")
    assert seconds < 5 * starvation.factor
    up.wait_for(flow_run, "CANCELLED")
    assert trainings(home)[-1] == "interrupted"


def test_it_outlives_its_terminal_under_nohup_and_down_ends_it_with_the_runs_that_are_going_on(
    up: Up, home: Path
) -> None:
    up.process.send_signal(signal.SIGHUP)
    before = len(trainings(home))
    flow_run = up.start("train", **endless_training(home))
    up.wait_for(flow_run, "RUNNING")
    done = dreamsweep(home, "down", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"ended": True, "pid": up.note["pid"]}
    assert up.end() == 0
    assert not processes_of(home)
    assert state_of(home, flow_run) == "Cancelled"
    assert not {"Running", "Pending"} & states(home)
    assert set(trainings(home)[before:]) <= {"interrupted"}  # none, where it had not opened its run yet


def test_ctrl_c_ends_it_and_a_second_one_does_not_break_it(up: Up, home: Path) -> None:
    flow_run = up.start("train", **endless_training(home))
    up.wait_for(flow_run, "RUNNING")
    os.killpg(up.process.pid, signal.SIGINT)  # as a terminal does
    wait_until(lambda: any(line.startswith("ending") for line in up.said))
    os.killpg(up.process.pid, signal.SIGINT)
    assert up.process.wait(90) == 0
    assert not processes_of(home)
    assert state_of(home, flow_run) == "Cancelled"
    assert not {"Running", "Pending"} & states(home)
    assert not any("Traceback" in line for line in up.said)


def test_a_run_whose_up_was_killed_goes_on_to_its_end_and_then_nothing_is_left(up: Up, home: Path) -> None:
    flow_run = up.start("oip-sweep", **small_sweep(home))
    up.wait_for(flow_run, "RUNNING", "PENDING")
    assert up.end(signal.SIGKILL) == -signal.SIGKILL
    wait_until(lambda: not processes_of(home), seconds=90)
    assert state_of(home, flow_run) == "Completed"


def test_the_session_of_a_browser_outlives_up_and_nothing_secret_is_in_a_log_or_on_a_command_line(
    up: Up, ups: list[Up], home: Path
) -> None:
    (session,) = httpx.get(up.link(), trust_env=False).cookies.jar
    assert up.end() == 0
    up = Up(home)
    ups.append(up)
    cookies = {session.name: str(session.value)}
    with httpx.Client(cookies=cookies, timeout=60, trust_env=False, follow_redirects=True) as browser:
        for address in (f"{up.note['api']}/admin/version", up.note["pictures"]):
            assert httpx.get(address, timeout=60, trust_env=False).status_code == 401
            # of pictures there may be no store yet
            assert browser.get(address).status_code in (200, 404)
    secret = server_password(home / "prefect").partition(":")[2].encode()
    for path in (home / "prefect").rglob("*.log*"):
        assert secret not in path.read_bytes(), path
        assert b"token=" not in path.read_bytes(), path
    assert any("/?token=" in line for line in up.said)
    for pid in processes_of(home):
        assert secret not in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_the_server_that_prefect_api_url_names_is_used_and_left_running(tmp_path: Path, prefect_server: str) -> None:
    given = {"PREFECT_API_URL": prefect_server}
    refused = dreamsweep(tmp_path, "up", **given)
    assert refused.returncode == 2
    assert "set PREFECT_API_AUTH_STRING=user:password" in refused.stderr.splitlines()[-1]
    up = Up(tmp_path, "--keep-nights", 30, **given, PREFECT_API_AUTH_STRING=os.environ["PREFECT_API_AUTH_STRING"])
    assert up.note["api"] == prefect_server
    assert up.wait_for(up.start("oip-sweep", model="none.keras"))["type"] == "FAILED"
    assert up.end() == 0
    assert any("goes by settings of its own" in line for line in up.said)
    assert not (tmp_path / "prefect" / "prefect.db").exists()
    assert httpx.get(f"{prefect_server}/health", trust_env=False).is_success


def test_a_server_that_does_not_answer_is_named(tmp_path: Path) -> None:
    done = dreamsweep(tmp_path, "up", PREFECT_API_URL="http://127.0.0.1:9/api")
    assert done.returncode == 2
    assert "PREFECT_API_URL=http://127.0.0.1:9/api" in done.stderr.splitlines()[-1]
    assert not processes_of(tmp_path)
