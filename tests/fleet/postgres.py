"""PostgreSQL in a folder of its own, for Prefect's server: Debian's package, run by the account that comes with it."""

import csv
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.fleet.processes import Process
from tests.flows.being_up import wait_until

ACCOUNT = "postgres"
_BRIEFLY = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}


def _program(name: str) -> str:
    """Debian keeps those of each version in a folder of their own."""
    here = [*map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), shutil.which(name)]
    if not here[0]:
        pytest.skip(f"there is no {name}: apt-get install postgresql")
    return here[0]


class Postgres:
    """`url` is the address of its database for SQLAlchemy; it may be killed, and started again."""

    def __init__(self) -> None:
        # pytest's own folders let no other account in, and the path of a socket may have 107 characters
        self._folder = Path(tempfile.mkdtemp(prefix="fleet-postgres-", dir="/tmp"))
        shutil.chown(self._folder, ACCOUNT)
        self._data = self._folder / "data"
        self.url = f"postgresql+asyncpg://{ACCOUNT}@/prefect?host={self._folder}"
        made = ["--pgdata", str(self._data), "--username", ACCOUNT, "--auth", "trust", "--encoding", "UTF8"]
        self._run(_program("initdb"), *made, "--no-sync")
        self.start()
        self._run("createdb", "--host", str(self._folder), "--username", ACCOUNT, "prefect")

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd="/", env=_BRIEFLY, capture_output=True, text=True, check=False, user=ACCOUNT, extra_groups=()
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self) -> None:
        """Serve, until it is killed."""
        # processes are killed here, machines are not: what was written is there, fsync or not
        settings = ("-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200")
        self._process = Process(
            [_program("postgres"), "-D", self._data, "-k", self._folder, *settings],
            self._folder / "log",
            _BRIEFLY,
            cwd="/",
            user=ACCOUNT,
            extra_groups=(),
        )
        ready = [_program("pg_isready"), "--quiet", "--host", str(self._folder), "--dbname", "postgres"]
        wait_until(lambda: subprocess.run(ready, check=False).returncode == 0)

    def rows(self, question: str) -> list[list[str]]:
        """What SQL finds."""
        words = (
            "--host",
            str(self._folder),
            "--username",
            ACCOUNT,
            "--dbname",
            "prefect",
            "--no-psqlrc",
            "--csv",
            "-t",
        )
        return list(csv.reader(self._run("psql", *words, "--command", question).splitlines()))

    @property
    def ended(self) -> bool:
        """Whether it has been killed."""
        return self._process.ended

    def kill(self) -> None:
        """SIGKILL it and all its connections."""
        self._process.kill()

    def close(self) -> None:
        """Kill it, and remove what it holds."""
        self.kill()
        shutil.rmtree(self._folder)
