"""Several machines: hosts, a Prefect server on PostgreSQL, and a store on S3 that they share."""

import os
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from flows.serving.server import SERVER_SETTINGS
from flows.web.access import authorization
from storage.store import Store
from tests.fleet.bucket import BUCKET, Bucket
from tests.fleet.hosts import Host, Network
from tests.fleet.postgres import Postgres
from tests.fleet.processes import Process
from tests.flows.being_up import ask, free_port, wait_until

PASSWORD = "admin:of the fleet"


class Server:
    """Prefect's own server, of which `url` is the API; it may be killed, and started again."""

    def __init__(self, folder: Path, address: str, database: Postgres) -> None:
        self._folder, self._address, self._port = folder, address, free_port()
        self.url = f"http://{address}:{self._port}/api"
        self._settings = SERVER_SETTINGS | {
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_SERVER_API_AUTH_STRING": PASSWORD,
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": database.url,
            "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
            "PREFECT_SERVER_DATABASE_SQLALCHEMY_POOL_SIZE": "20",
            "PREFECT_SERVER_DATABASE_SQLALCHEMY_MAX_OVERFLOW": "40",
            "PREFECT_SERVER_UI_ENABLED": "false",
        }
        self.start()

    def start(self) -> None:
        """Serve, until it is killed."""
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", self._address, "--port", self._port]
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self.process = Process(command, self._folder / "server", kept | self._settings, cwd=self._folder)
        wait_until(self.answers, 180)

    def answers(self) -> bool:
        """Whether it does. Raises AssertionError where it has ended."""
        assert not self.process.ended, self.process.said
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/health", trust_env=False, timeout=5).is_success
        return False

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """What the API answers."""
        return ask(f"{self.url}{path}", method, headers={"Authorization": authorization(PASSWORD)}, **more)

    def kill(self) -> None:
        """SIGKILL it."""
        self.process.kill()


class Fleet:
    """Hosts by their names, and what they share."""

    def __init__(self, folder: Path, network: Network, database: Postgres, server: Server, bucket: Bucket) -> None:
        self.folder, self._network = folder, network
        self.database, self.server, self.bucket = database, server, bucket
        self.hosts: dict[str, Host] = {}
        self._name = ""

    @property
    def place(self) -> str:
        """Of the store that all use."""
        return f"s3://{BUCKET}/{self._name}"

    def use(self, name: str) -> None:
        """From now on all hosts use the store of this name."""
        self._name = name
        for host in self.hosts.values():
            host.settings["DREAMSWEEP_STORE"] = self.place

    def host(self, name: str) -> Host:
        """The host of this name, which is started where there is none."""
        if name not in self.hosts:
            settings = {
                "PREFECT_API_URL": self.server.url,
                "PREFECT_API_AUTH_STRING": PASSWORD,
                "DREAMSWEEP_STORE": self.place,
            }
            hosts = self.folder / "hosts"
            self.hosts[name] = Host(name, self._network, hosts, settings | self.bucket.environment)
        return self.hosts[name]

    @property
    def store(self) -> Store:
        """The store as it is now."""
        return Store.open(self.place)

    def asked(self, host: Host, within: str = "") -> Counter[str]:
        """How many requests of each kind a host has made of the store, of those of paths that begin so in it."""
        return self.bucket.counts(host.address, f"{self._name}/{within}")

    def runs_by_state(self, table: str) -> Counter[str]:
        """How many rows `flow_run` or `task_run` has of each type of state."""
        found = self.database.rows(f"SELECT state_type, count(*) FROM {table} GROUP BY 1")
        return Counter({state: int(count) for state, count in found})
