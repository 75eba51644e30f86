"""Several machines: hosts, a Prefect server on PostgreSQL, and a store on S3 that they share."""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from flows.fleet.settings import FLEET_SERVER_SETTINGS
from flows.web.access import authorization
from storage.store import Store
from tests.docs.blocks import CHECKOUT
from tests.faults.house import SITE, Faults
from tests.fleet.bucket import BUCKET, Bucket
from tests.fleet.hosts import Host, Network
from tests.fleet.postgres import Postgres
from tests.fleet.processes import Process
from tests.flows.being_up import FINAL, ask, free_port, wait_until

PASSWORD = "admin:of the fleet"


class Server:
    """Prefect's own server, of which `url` is the API; it may be killed, and started again."""

    def __init__(self, folder: Path, address: str, database: Postgres) -> None:
        self._folder, self._address, self._port = folder, address, free_port()
        self.url = f"http://{address}:{self._port}/api"
        self._settings = dict(FLEET_SERVER_SETTINGS) | {
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_SERVER_API_AUTH_STRING": PASSWORD,
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": database.url,
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

    @property
    def ended(self) -> bool:
        """Whether it has been killed."""
        return self.process.ended

    def kill(self) -> None:
        """SIGKILL it."""
        self.process.kill()


class Fleet:
    """Hosts by their names, and what they share; the store of all is at `place`, and `faults` go wrong on all hosts."""

    def __init__(self, folder: Path, network: Network, database: Postgres, server: Server, bucket: Bucket) -> None:
        self.folder, self._network = folder, network
        self.database, self.server, self.bucket = database, server, bucket
        self.hosts: dict[str, Host] = {}
        self._left: set[str] = set()
        self.faults = Faults(folder / "faults")
        self.faults.folder.mkdir()
        self.faults.mend()
        self.faults.forget()
        self.place = f"s3://{BUCKET}/store"

    def host(self, name: str) -> Host:
        """The host of this name, which is started where there is none."""
        if name not in self.hosts:
            settings = {
                "PREFECT_API_URL": self.server.url,
                "PREFECT_API_AUTH_STRING": PASSWORD,
                "DREAMSWEEP_STORE": self.place,
                "DREAMSWEEP_TEST_FAULTS": str(self.faults.folder),
                "PYTHONPATH": f"{SITE}:{CHECKOUT}",
            }
            hosts = self.folder / "hosts"
            self.hosts[name] = Host(name, self._network, hosts, settings | self.bucket.environment)
        return self.hosts[name]

    def close(self) -> None:
        """Kill all hosts."""
        for host in self.hosts.values():
            if host.is_up:
                host.kill()

    def mend(self) -> None:
        """Have everything be there, whatever a test has broken."""
        self.faults.mend()
        if self.database.ended:
            self.database.start()
        if self.server.ended:
            self.server.start()
        if self.bucket.ended:
            self.bucket.start()
        for host in self.hosts.values():
            host.mend() if host.is_up else host.boot()
        self._left = self._all_unfinished()

    @property
    def store(self) -> Store:
        """The store as it is now."""
        return Store.open(self.place)

    @contextmanager
    def counting(self, host: Host) -> Iterator[Counter[str]]:
        """How many requests of each kind the host made of the bucket while inside, known when left."""
        before = len(self.bucket.asked)
        found: Counter[str] = Counter()
        yield found
        found.update(asked.kind for asked in self.bucket.asked[before:] if asked.client == host.address)

    def runs_by_state(self, table: str) -> Counter[str]:
        """How many rows `flow_run` or `task_run` has of each type of state."""
        found = self.database.rows(f"SELECT state_type, count(*) FROM {table} GROUP BY 1")
        return Counter({state: int(count) for state, count in found})

    def unfinished(self) -> set[str]:
        """The flow and task runs that have not ended, as PostgreSQL has them, and the runs that are open in the store;
        without those that an earlier test has left so."""
        return self._all_unfinished() - self._left

    def _all_unfinished(self) -> set[str]:
        found = {f"{run.flow} {run.id}" for run in self.store.runs() if run.state == "open"}
        for table in ("flow_run", "task_run"):
            asked = f"SELECT name, state_type, id FROM {table} WHERE state_type NOT IN {FINAL}"
            found |= {" ".join([table, *row]) for row in self.database.rows(asked)}
        return found

    def runs_of_task(self, task: str) -> int:
        """How many runs of a task there have been."""
        return int(self.database.rows(f"SELECT count(*) FROM task_run WHERE task_key LIKE '{task}-%'")[0][0])
