"""A fleet in one machine, for tests: a server with a password, and what commands and workers on it do."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.serving.server_settings import CLIENT_PASSWORD
from flows.web.access import authorization
from storage.store import Store
from tests.docs.blocks import CHECKOUT
from tests.flows.being_up import ask, environment, wait_until
from tests.flows.fleet.stand_in import NAME, PLACE

AUTH = "fleet:a password"
REAL = ("-m", "flows.cli")
"""`dreamsweep`, as words for Python."""
_SWAP = (
    "import sys; from flows.cli import main; from flows.fleet.shards import SHARD_FLOWS; "
    f"SHARD_FLOWS.clear(); SHARD_FLOWS[{NAME!r}] = {PLACE!r}; sys.exit(main())"
)
COMMAND = ("-c", _SWAP)
"""The same with the stand-in for shards."""


@dataclass(frozen=True)
class FleetServer:
    """The address of its API."""

    url: str

    def settings(self, home: Path) -> dict[str, str]:
        """The environment of somebody with this data folder, and a store in it, who uses this server."""
        more = {"PREFECT_API_URL": self.url, CLIENT_PASSWORD: AUTH, "PYTHONPATH": str(CHECKOUT)}
        return environment(home, DREAMSWEEP_STORE=str(home / "store"), **more)

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """What the API answers."""
        return ask(f"{self.url}{path}", method, headers={"Authorization": authorization(AUTH)}, **more)

    def deploy(self, home: Path, pool: str, command: Sequence[str] = COMMAND) -> None:
        """`dreamsweep deploy`."""
        done = subprocess.run(
            [sys.executable, *command, "deploy", "--pool", pool],
            env=self.settings(home),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr

    def submit(self, pool: str, *, run: str, layer: str = "quick", units: str = "0-3") -> str:
        """Submit a shard, as a coordinator does, and return its id."""
        deployment = self.ask("GET", f"/deployments/name/{NAME}/{pool}")
        asked = {"parameters": {"run": run, "layer": layer, "units": units}, "state": {"type": "SCHEDULED"}}
        return str(self.ask("POST", f"/deployments/{deployment['id']}/create_flow_run", json=asked)["id"])

    def flow_run(self, id: str) -> dict[str, Any]:
        """A flow run as the API has it."""
        return dict(self.ask("GET", f"/flow_runs/{id}"))

    def wait_for(self, id: str, *names: str, seconds: float = 120) -> dict[str, Any]:
        """A flow run once its state has one of these names."""

        def there() -> dict[str, Any] | None:
            found = self.flow_run(id)
            return found if found["state"]["name"] in names else None

        return dict(wait_until(there, seconds))


@dataclass
class Worker:
    """A `dreamsweep worker` with a data folder of its own; `said` are its lines."""

    server: FleetServer
    home: Path
    pool: str
    arguments: Sequence[str] = ()
    more: Mapping[str, str | None] = field(default_factory=dict)
    """Variables of its environment, and those that are to be missing."""
    command: Sequence[str] = COMMAND
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.home.mkdir(exist_ok=True)
        Store.open(self.home / "store")
        settings = self.server.settings(self.home)
        self.process = subprocess.Popen(
            [sys.executable, *self.command, "worker", "--pool", self.pool, *self.arguments],
            env={name: value for name, value in (settings | dict(self.more)).items() if value is not None},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_ignore_as_a_shell_does,
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line.rstrip())

    def says(self, words: str, seconds: float = 90) -> None:
        """Wait until it has said this."""
        wait_until(lambda: any(words in line for line in self.said) or self._ended(), seconds)
        assert any(words in line for line in self.said), self.said

    def _ended(self) -> bool:
        return self.process.poll() is not None

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, wait, and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(120)

    def began(self) -> list[list[str]]:
        """What its shards have noted: the run, the store, and the process of each."""
        file = self.home / "began"
        return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def _ignore_as_a_shell_does() -> None:
    """What a script starts by & ignores Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def document(out: str) -> Any:
    """The JSON that a command has printed."""
    return json.loads(out)
