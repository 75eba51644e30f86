"""A `dreamsweep up` of its own for tests: a process with a data folder, first on ports that are free, then on those."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from flows.serving.links import make_links
from flows.serving.server_settings import CLIENT_PASSWORD
from flows.web.access import PASSWORD, authorization, server_password
from storage.names import run_path
from storage.store import Store
from tests.migrated import put_database

FINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


def environment(home: Path, **more: str) -> dict[str, str]:
    """That of a user whose data folder is `home`, and nothing of this process's server."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PREFECT_", "DREAMSWEEP_")) or name == "PREFECT_API_SSL_CERT_FILE"  # tests/conftest.py
    }
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept | {"DREAMSWEEP_HOME": str(home), "COLUMNS": "200"} | more


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def free_ports(home: Path, given: Sequence[object] = ()) -> list[str]:
    """Options for an `up` that is not to meet those of other tests; none where the data folder remembers its ports."""
    if (home / "prefect" / "addresses.json").exists():
        return []
    wanted = [option for option in ("--port", "--pictures-port") if option not in given]
    return [word for option in wanted for word in (option, str(free_port()))]


def dreamsweep(home: Path, *arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    ports = free_ports(home, arguments) if arguments[0] == "up" else []
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *map(str, arguments), *ports],
        env=environment(home, **more),
        capture_output=True,
        text=True,
        timeout=150,
    )


def wait_until(what: Callable[[], Any], seconds: float = 60) -> Any:
    """What `what` returns as soon as it is true."""
    give_up = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < give_up, f"not within {seconds} s"
        time.sleep(0.2)
    return found


def ask(address: str, method: str, **more: Any) -> Any:
    """What a server's API answers."""
    while True:
        answer = httpx.request(method, address, trust_env=False, verify=False, timeout=60, **more)
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:  # SQLite is busy: Prefect's clients ask again
            break
        time.sleep(0.5)
    answer.raise_for_status()
    return answer.json() if answer.content else None


class Up:
    """A running `dreamsweep up`: `note` is what it says of itself, `said` its lines."""

    def __init__(self, home: Path, *arguments: object, before: Sequence[str] = (), **more: str) -> None:
        self.home = home
        if "PREFECT_API_URL" not in more:
            put_database(home)
        self.said: list[str] = []
        self._given = more.get(PASSWORD) or more.get(CLIENT_PASSWORD)
        self.process = subprocess.Popen(
            [
                *before,
                sys.executable,
                "-m",
                "flows.cli",
                "up",
                "--json",
                *map(str, arguments),
                *free_ports(home, arguments),
            ],
            env=environment(home, **more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # what a shell starts in the background ignores Ctrl-C, and so would its children
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        threading.Thread(target=self._listen, daemon=True).start()
        self.note: dict[str, Any] = self._first_word()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line.rstrip())

    def _first_word(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        lines: list[str] = []
        for line in self.process.stdout:
            lines.append(line)
            if line == "}\n":
                return dict(json.loads("".join(lines)))
        raise AssertionError(f"it ended with {self.process.wait()}: {self.said}")

    @property
    def headers(self) -> dict[str, str]:
        """What requests to the servers have to say."""
        return {"Authorization": authorization(self._given or server_password(self.home / "prefect"))}

    def link(self) -> str:
        """A link that lets a browser in, as `dreamsweep link` prints one."""
        return make_links(self.home / "prefect")[0]

    def get(self, address: str, **more: Any) -> httpx.Response:
        """A page or a picture, asked for with the password."""
        return httpx.get(address, headers=self.headers, trust_env=False, verify=False, timeout=30, **more)

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """What the API answers."""
        return ask(f"{self.note['api']}{path}", method, headers=self.headers, **more)

    def deployment(self, flow: str) -> dict[str, Any]:
        """A deployment as the API has it."""
        return dict(self.ask("GET", f"/deployments/name/{flow}/dreamsweep"))

    def start(self, flow: str, **parameters: Any) -> str:
        """Start a run as the UI does, and return its id."""
        made = self.ask(
            "POST",
            f"/deployments/{self.deployment(flow)['id']}/create_flow_run",
            json={"parameters": parameters, "state": {"type": "SCHEDULED"}},
        )
        return str(made["id"])

    def schedule(self, flow: str, parameters: Mapping[str, Any], *due: datetime) -> list[str]:
        """Have the server make one or two runs of a schedule, as its scheduler does; returns their ids, the first one
        first. `due` are whole seconds, UTC."""
        deployment = self.deployment(flow)["id"]
        every = round((due[-1] - due[0]).total_seconds()) or 1
        rule = f"DTSTART:{due[0]:%Y%m%dT%H%M%S}\nRRULE:FREQ=SECONDLY;INTERVAL={every};COUNT={len(due)}"
        asked = [{"active": True, "schedule": {"rrule": rule, "timezone": "UTC"}, "parameters": parameters}]
        self.ask("POST", f"/deployments/{deployment}/schedules", json=asked)
        within = {"start_time": str(due[0] - timedelta(seconds=1)), "end_time": str(due[-1] + timedelta(seconds=1))}
        self.ask("POST", f"/deployments/{deployment}/schedule", json=within | {"min_runs": len(due)})
        found = self.ask("POST", "/flow_runs/filter", json={"deployments": {"id": {"any_": [deployment]}}})
        moments = {datetime.fromisoformat(run["expected_start_time"]): run for run in found if run["auto_scheduled"]}
        return [str(run["id"]) for moment, run in sorted(moments.items()) if moment in due]

    def state(self, flow_run: str) -> dict[str, Any]:
        """The state of a flow run."""
        return dict(self.ask("GET", f"/flow_runs/{flow_run}")["state"])

    def wait_for(self, flow_run: str, *states: str, seconds: float = 120) -> dict[str, Any]:
        """The state of a flow run once it is of one of these types; without any, once it has ended."""

        def there() -> dict[str, Any] | None:
            state = self.state(flow_run)
            return state if state["type"] in (states or FINAL) else None

        return dict(wait_until(there, seconds))

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, wait, and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(120)


def let_days_pass(home: Path, days: int) -> None:
    """Put back what Prefect's database and the store's runs say of time."""
    earlier = f"strftime('%Y-%m-%d %H:%M:%f', {{}}, '-{days} days')"
    with closing(sqlite3.connect(home / "prefect" / "prefect.db", timeout=60)) as database, database:
        for table, column in (("flow_run", "end_time"), ("events", "occurred"), ("event_resources", "occurred")):
            database.execute(f"UPDATE {table} SET {column} = {earlier.format(column)}")
    store = Store.open(home / "store")
    for run in store.runs():
        if run.closed is not None:
            opened, closed = (
                (datetime.fromisoformat(moment) - timedelta(days=days)).isoformat()
                for moment in (run.opened, run.closed)
            )
            store.files.write(run_path(run.id), replace(run, opened=opened, closed=closed).to_bytes())


def processes_of(home: Path) -> list[int]:
    """The ids of all processes in whose environment or arguments the data folder is: what `up` has started."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            if str(home).encode() in words and (process / "stat").read_text().split()[2] != "Z":
                found.append(int(process.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]
