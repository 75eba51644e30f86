"""The commands `up`, `down` and `schedule` as a user gives them: what they refuse, and a password from end to end."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from flows.web.listening import LOCALHOST
from tests.flows.being_up import Up, dreamsweep, processes_of
from tests.flows.tiny import saved, small_cnn, write_pictures

PASSWORD = {"PREFECT_SERVER_API_AUTH_STRING": "sam:correct-horse-battery"}
SECRET = "correct-horse-battery"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org"])
def test_a_host_that_others_reach_wants_a_password(tmp_path: Path, host: str) -> None:
    done = dreamsweep(tmp_path, "up", "--host", host)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "PREFECT_SERVER_API_AUTH_STRING=user:password" in line
    assert not processes_of(tmp_path)


@pytest.mark.parametrize("option", ["--port", "--pictures-port"])
def test_a_port_that_is_taken_is_named_with_the_option_that_chooses_another(tmp_path: Path, option: str) -> None:
    with socket.create_server((LOCALHOST, 0)) as taken:
        port = taken.getsockname()[1]
        done = dreamsweep(tmp_path, "up", option, port)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert f"{LOCALHOST}:{port}" in last
    assert option in last
    assert not processes_of(tmp_path)


def test_down_says_that_nothing_is_up(tmp_path: Path) -> None:
    done = dreamsweep(tmp_path, "down")
    assert done.returncode == 1
    assert "not up" in done.stderr
    answer = dreamsweep(tmp_path, "down", "--json")
    assert (answer.returncode, json.loads(answer.stdout)) == (1, {"ended": False, "pid": None})


@pytest.mark.parametrize("words", [["--cron", "at one"], ["--cron", "0 1 * * *", "--timezone", "Mars/Olympus"]])
def test_a_schedule_that_is_none_is_refused_in_one_line(tmp_path: Path, words: list[str]) -> None:
    done = dreamsweep(tmp_path, "schedule", *words)
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line]
    assert words[-1] in line


@pytest.mark.parametrize("words", [["--cron", "0 1 * * *"], ["--timezone", "Europe/Berlin"], ["--on"]])
def test_on_and_off_at_once_is_refused(tmp_path: Path, words: list[str]) -> None:
    done = dreamsweep(tmp_path, "schedule", "--off", *words)
    assert done.returncode == 2
    assert "--off" in done.stderr


@pytest.mark.slow
def test_the_schedule_can_be_changed_while_nothing_is_up(tmp_path: Path) -> None:
    changed = dreamsweep(tmp_path, "schedule", "--cron", "15 3 * * *", "--timezone", "Asia/Tokyo", "--json")
    assert changed.returncode == 0, changed.stderr
    answer = json.loads(changed.stdout)
    assert answer["on"]
    assert not answer["up"]
    assert len(answer["next"]) == 3
    assert {moment[10:] for moment in answer["next"]} == {"T03:15:00+09:00"}
    shown = dreamsweep(tmp_path, "schedule", "--next", "5")
    assert "nightly: on, 15 3 * * * (Asia/Tokyo)" in shown.stderr
    (coming,) = [line for line in shown.stderr.splitlines() if line.startswith("next: ")]
    assert coming.count("03:15") == 5
    assert "only while dreamsweep up" in shown.stderr
    off = dreamsweep(tmp_path, "schedule", "--off")
    assert "nightly: off, 15 3 * * * (Asia/Tokyo)" in off.stderr
    moved = json.loads(dreamsweep(tmp_path, "schedule", "--timezone", "Europe/Berlin", "--json").stdout)
    kept = {"cron": "15 3 * * *", "timezone": "Europe/Berlin"}
    assert (moved["on"], moved["schedules"], moved["next"]) == (False, [{"on": False, **kept}], [])
    again = json.loads(dreamsweep(tmp_path, "schedule", "--on", "--json").stdout)
    assert (again["on"], again["schedules"]) == (True, [{"on": True, **kept}])
    several = dreamsweep(tmp_path, "schedule", "--cron", "15 3 * * *", "--cron", "0 21 * * 0,6")
    assert "nightly: on, 15 3 * * * (Europe/Berlin)" in several.stderr
    assert "nightly: on, 0 21 * * 0,6 (Europe/Berlin)" in several.stderr
    assert not processes_of(tmp_path)


class TestWithAPassword:
    """One `up` that others reach, with a password."""

    pytestmark = pytest.mark.slow

    @pytest.fixture(scope="class")
    def home(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A data folder with pictures and a model in it."""
        home = tmp_path_factory.mktemp("home")
        write_pictures(home / "pictures")
        saved(small_cnn(), home / "small.keras")
        return home

    @pytest.fixture(scope="class")
    def up(self, home: Path) -> Iterator[Up]:
        """Listens at every address, so that others could reach it."""
        running = Up(home, "--host", "0.0.0.0", **PASSWORD)
        yield running
        assert running.end() == 0
        assert not processes_of(home)

    def test_it_is_said_that_the_line_is_not_encrypted(self, up: Up) -> None:
        assert any("0.0.0.0: the line is not encrypted" in line for line in up.said)

    def test_nothing_is_answered_without_it(self, up: Up) -> None:
        for auth in (None, ("sam", "wrong")):
            for address in (f"{up.note['api']}/flow_runs/count", up.note["pictures"]):
                method = "POST" if "flow_runs" in address else "GET"
                answer = httpx.request(method, address, auth=auth, trust_env=False, json={})
                assert answer.status_code == 401

    def test_a_run_started_with_it_runs_to_its_end(self, up: Up, home: Path) -> None:
        growth = {"oips": 2, "starts": 4, "steps": 16}
        model, data = str(home / "small.keras"), f"folder:{home / 'pictures'}"
        assert (
            up.wait_for(up.start("oip-sweep", model=model, data=data, growth=growth, pixels="0..1"))["type"]
            == "COMPLETED"
        )

    def test_commands_want_it_too(self, up: Up, home: Path) -> None:
        refused = dreamsweep(home, "schedule")
        assert refused.returncode == 1
        assert "PREFECT_SERVER_API_AUTH_STRING" in refused.stderr.splitlines()[-1]
        assert dreamsweep(home, "schedule", **PASSWORD).returncode == 0

    def test_it_is_written_nowhere(self, up: Up, home: Path) -> None:
        for path in [path for path in home.rglob("*") if path.is_file()]:
            assert SECRET.encode() not in path.read_bytes(), path
        assert not any(SECRET in line for line in up.said)
        for pid in processes_of(home):
            assert SECRET.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
