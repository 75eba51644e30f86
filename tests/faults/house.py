"""A `dreamsweep up` with faults in it, what is swept there, and what is left when it was killed."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import filters
from prefect.client.schemas.objects import FlowRun, TaskRun
from prefect.states import AwaitingRetry

from flows.web.access import server_password
from storage import garbage
from storage.store import Record, Store
from tests.flows.tiny import GROWTH, UNITS
from tests.migrated import put_database

ENDS = ("Completed", "Partial", "Failed", "Crashed", "Cancelled")
SITE = Path(__file__).with_name("site")
DREAMSWEEP = Path(sys.executable).with_name("dreamsweep")


def wait_until(what: Callable[[], object], seconds: float = 180, why: Callable[[], object] = lambda: "") -> None:
    """Raises AssertionError where it is not so in time."""
    give_up = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < give_up, f"not within {seconds:.0f} s: {why()}"
        time.sleep(0.1)


@dataclass
class Faults:
    """What goes wrong, and what happened (see `site/sitecustomize.py`)."""

    folder: Path

    def set(self, **faults: dict[str, Any]) -> None:
        """From now on, this goes wrong and nothing else; names of units have `__` for the slash."""
        new = self.folder / "new"
        new.write_text(json.dumps({name.replace("__", "/"): fault for name, fault in faults.items()}))
        new.replace(self.folder / "faults.json")

    def mend(self) -> None:
        """Nothing goes wrong any more."""
        self.set()

    def forget(self) -> None:
        """Nothing has happened."""
        (self.folder / "log").write_text("")

    def happened(self, what: str) -> list[int]:
        """The processes in which this happened, as `Conv2D_2/3 raises`."""
        lines = (self.folder / "log").read_text().splitlines()
        return [int(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{what} ")]

    def wait_for(self, what: str) -> int:
        """The process in which it happened last."""
        wait_until(lambda: self.happened(what), why=(self.folder / "log").read_text)
        return self.happened(what)[-1]


@dataclass
class House:
    """One data folder, the `up` of which may be killed and started again; the store of each test is its own."""

    folder: Path
    faults: Faults
    model: Path
    data: str
    port: int = field(default_factory=lambda: _free_port())
    pictures_port: int = field(default_factory=lambda: _free_port())
    process: subprocess.Popen[bytes] | None = None

    @property
    def home(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    @property
    def url(self) -> str:
        """Of the API."""
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def served(self) -> Path:
        """The store that `up` is started for: a link to that of a test."""
        return self.folder / "served"

    def be_up(self) -> None:
        """Start it, unless it is up."""
        if self.process is not None and self.process.poll() is None:
            return
        if not self.served.is_symlink():
            self._serve(self.folder / "nothing yet")
        put_database(self.home)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        environment |= {
            "DREAMSWEEP_HOME": str(self.home),
            "DREAMSWEEP_TEST_FAULTS": str(self.faults.folder),
            "PYTHONPATH": os.pathsep.join(filter(None, [str(SITE), os.environ.get("PYTHONPATH")])),
        }
        ports = ["--port", str(self.port), "--pictures-port", str(self.pictures_port)]
        with (self.folder / "up.err").open("ab") as errors:
            self.process = subprocess.Popen(
                [DREAMSWEEP, "up", "--json", *ports, "--store", str(self.served), "--allow", str(self.folder)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        assert self.process.stdout is not None
        said = b""
        while not said.rstrip().endswith(b"}"):
            line = self.process.stdout.readline()
            assert line, f"up did not start: {(self.folder / 'up.err').read_text()[-2000:]}"
            said += line

    def _serve(self, store: Path) -> None:
        store.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.served.unlink(missing_ok=True)
        self.served.symlink_to(store)

    def end(self) -> None:
        """End it as a user does, and see that it ends."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(120)
            assert self.process.stdout is not None
            self.process.stdout.close()

    def kill(self, *what: str) -> None:
        """SIGKILL at once: `up`, `server`, `serving` (what runs flows), `flow`."""
        assert self.process is not None
        everyone, ours = processes(), descendants(self.process.pid)
        victims = {
            "up": [self.process.pid],
            # an `up` that was killed may have left it
            "server": [
                pid
                for pid, words in everyone.items()
                if "flows.serving.server_process" in words and str(self.home) in words
            ],
            "serving": [pid for pid in ours if "flows.serving.runner" in everyone.get(pid, "")],
            "flow": [pid for pid in ours if "prefect.engine" in everyone.get(pid, "")],
        }
        for name in what:
            assert len(victims[name]) == 1, (name, [everyone.get(pid) for pid in ours])
        for name in what:
            os.kill(victims[name][0], signal.SIGKILL)
        if "up" in what:
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()

    def client(self) -> SyncPrefectClient:
        """Of the server."""
        return SyncPrefectClient(self.url, auth_string=server_password(self.home / "prefect"))

    def cli(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of dreamsweep's."""
        return subprocess.run([DREAMSWEEP, *arguments], capture_output=True, text=True, timeout=120, check=False)

    @contextmanager
    def sweep(self, store: Path, **changes: Any) -> "Iterator[Sweep]":
        """A sweep of the tiny model, begun through its deployment, as from the UI."""
        self._serve(store)
        self.be_up()
        self.faults.forget()
        parameters = {
            "model": str(self.model),
            "data": self.data,
            "pixels": "0..1",
            "growth": asdict(GROWTH),
        }
        with self.client() as client:
            deployment = client.read_deployment_by_name("oip-sweep/dreamsweep").id
            run = client.create_flow_run_from_deployment(deployment, parameters=parameters | changes)
        try:
            yield Sweep(self, store, run.id)
        finally:
            self.faults.mend()
            self.be_up()  # what comes next finds it so


@dataclass
class Sweep:
    """One flow run, and the store it works in."""

    house: House
    place: Path
    id: UUID
    before: dict[str, str] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        """As it is now."""
        return Store.open(self.place)

    def oips(self) -> dict[str, list[Record]]:
        """The executions of each unit that were committed."""
        found: dict[str, list[Record]] = {}
        for record in self.store.records():
            if record.task == "oip":
                found.setdefault(str(record.parameters["unit"]), []).append(record)
        return found

    def state(self) -> str:
        """The name of the flow run's state; empty where the server is away."""
        try:
            with self.house.client() as client:
                return client.read_flow_run(self.id).state_name or ""
        except Exception:
            return ""

    def message(self) -> str:
        """Of the flow run's state."""
        with self.house.client() as client:
            state = client.read_flow_run(self.id).state
        return (state and state.message) or ""

    def ends(self, *names: str, seconds: float = 240) -> str:
        """Wait until it has ended; gives the state, one of these."""
        state = ""

        def ended() -> bool:
            nonlocal state
            state = self.state()
            return state in ENDS

        wait_until(ended, seconds, lambda: (state, self.house.folder))
        assert state in names, (state, self.message(), self.house.folder)
        return state

    def waits_for_many(self, count: int) -> None:
        """Until so many maps are committed."""
        wait_until(lambda: len(self.oips()) >= count)

    def retry(self) -> None:
        """What a click on Retry in the UI does."""
        self.before = {unit: records[0].key for unit, records in self.oips().items()}
        with self.house.client() as client:
            client.set_flow_run_state(self.id, AwaitingRetry())

    def finishes(self) -> None:
        """Retry it, and see that everything is as if nothing had happened."""
        self.retry()
        self.ends("Completed")
        self.is_whole()
        self.holds_nothing()

    def is_whole(self) -> None:
        """Every map was committed once, in this attempt or in an earlier one, and the store is clean."""
        oips = self.oips()
        assert {unit: len(records) for unit, records in oips.items()} == dict.fromkeys(UNITS, 1)
        assert {unit: oips[unit][0].key for unit in self.before} == self.before
        verified = self.house.cli("verify", "--store", str(self.place))
        assert verified.returncode == 0, verified.stdout + verified.stderr
        latest = self.store.run(self.store.ref("sweep/latest").removeprefix("run:"))
        how = Counter(result.how for unit, result in latest.units.items() if unit in UNITS)
        assert (latest.state, how["reused"]) == ("completed", len(self.before))

    def holds_nothing(self) -> None:
        """No flow or task is said to be running, no run is open, no file says that something lives."""
        living = self.house.home / "prefect" / "living"
        wait_until(lambda: not self.unfinished(), why=self.unfinished)
        wait_until(lambda: not list(living.glob("*")), why=lambda: [file.read_text() for file in living.glob("*")])
        assert [run.state for run in self.store.runs() if run.state == "open"] == []
        # A collection gets all locks, and takes what killed writers left; nothing else.
        done = garbage.collect(garbage.plan(self.store, timedelta(0)))
        assert done.records == ()
        assert list((self.place / "tmp").iterdir()) == []
        assert self.house.cli("verify", "--store", str(self.place)).returncode == 0

    def unfinished(self) -> list[str]:
        """The flow and task runs of this sweep that have not ended, as the server tells."""
        with self.house.client() as client:
            runs = _family(client, client.read_flow_run(self.id))
            ids = filters.FlowRunFilterId(any_=[run.id for run in runs])
            tasks = client.read_task_runs(flow_run_filter=filters.FlowRunFilter(id=ids))
        everything: list[FlowRun | TaskRun] = [*runs, *tasks]
        return [_told(run) for run in everything if not (run.state and run.state.is_final())]


def _told(run: FlowRun | TaskRun) -> str:
    """Which run it is, and since when it is in its state."""
    since = f"since {run.state.timestamp.isoformat()}" if run.state else "without a state of its own"
    return f"{run.name} ({run.id}, begun {run.run_count} times): {run.state_name} {since}"


def _family(client: SyncPrefectClient, flow_run: FlowRun) -> list[FlowRun]:
    parent = filters.FlowRunFilterParentFlowRunId(any_=[flow_run.id])
    children = client.read_flow_runs(flow_run_filter=filters.FlowRunFilter(parent_flow_run_id=parent))
    return [flow_run, *(found for child in children for found in _family(client, child))]


def processes() -> dict[int, str]:
    """Every process here, and its command line."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has gone
            found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return found


def descendants(process: int) -> set[int]:
    """The processes that a process started, and those that they did."""
    parents: dict[int, int] = {}
    for pid in processes():
        with suppress(OSError):
            parents[pid] = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    found = {process}
    while new := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= new
    return found - {process}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


class Disk:
    """A store's disk that can be full: a small file system of its own where this machine allows it."""

    def __init__(self, folder: Path, faults: Faults) -> None:
        self.folder = folder
        self._faults = faults
        folder.mkdir()
        mount = shutil.which("mount")
        self.real = (
            bool(mount)
            and not subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)], capture_output=True, check=False
            ).returncode
        )

    def fill(self) -> None:
        """Let nothing more be written; what waits goes on then, and nothing else goes wrong."""
        if not self.real:
            self._faults.set(disk={"do": "fill"})
            return
        with (self.folder / "ballast").open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        self._faults.mend()

    def empty(self) -> None:
        """Make room."""
        (self.folder / "ballast").unlink(missing_ok=True)
        self._faults.mend()

    def close(self) -> None:
        """Unmount it."""
        if self.real:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True)
