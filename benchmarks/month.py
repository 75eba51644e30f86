"""A month of nights that nobody looks after: which messages came, which pictures are there, and what grew by how much.

    python -m benchmarks month [--nights 30] [--keep-nights 10] [--earlier CHECKOUT] [--folder FOLDER]

A real `dreamsweep up` with a data folder of its own runs the flow `nightly` by its schedule, each night when the one
before has ended. A small network is swept, dreams into one more photograph each night, and is analysed. Things go wrong
as `EVENTS` says: a killed process, a power cut, a network that is not there, an upgrade of dreamsweep in the middle of
a night (from `CHECKOUT`, with the same environment), a full disk, a webhook that refuses, a picture that cannot be
read. What Prefect's database and the store's runs say of time is put back by a day after each night, and `up` is
started again every fifth night, as by updates of the machine: so `--keep-nights` has something to forget.

Prints one JSON object, with the bytes of database, store, logs and gallery after each night, and fails where a message
did not come once, or one came that should not, where a dream or a map is missing, or where the store is not clean.
As root the data folder is on a disk of its own that can be full; else nothing is full on that night, and that is said.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.flows.being_up import FINAL, Up, dreamsweep, let_days_pass, processes_of, wait_until
from tests.flows.serving.listening import Webhook, webhook
from tests.flows.tiny import UNITS, saved, small_cnn, write_photograph, write_pictures

EVENTS = {
    3: "the flow run's process is killed",
    6: "the machine loses its power in the night, and is off in the next one",
    9: "the network's file is not there",
    11: "dreamsweep is upgraded in the middle of the night",
    12: "the disk is full",
    16: "the webhook refuses all messages until the night after",
    20: "a picture cannot be read",
    25: "the process that runs flows is killed",
}
RESTART_EVERY = 5
DISK = "900m"
LEFT = 200_000
"""Bytes that are free on a disk that is called full."""
PATIENCE = 300.0
LOOKS = 5.0
"""Seconds in which a message that is sent twice would have been."""


def main(arguments: Sequence[str]) -> None:
    """Print one JSON object; exit with 1 where something that was promised did not hold."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks month", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--keep-nights", type=int, default=10)
    parser.add_argument("--earlier", type=Path, help="a checkout of the version that is upgraded")
    parser.add_argument("--folder", type=Path, help="an empty folder, which stays; by default it is removed")
    args = parser.parse_args(arguments)
    with (
        nullcontext(args.folder) if args.folder else tempfile.TemporaryDirectory() as folder,
        disk(Path(folder) / "home") as mounted,
        webhook() as hook,
    ):
        month = Month(Path(folder), hook, mounted, args)
        try:
            month.pass_by()
        finally:
            month.end()
        found = month.conclude()
    print(json.dumps(found, indent=1), flush=True)
    if found["wrong"]:
        raise SystemExit(1)


@contextmanager
def disk(folder: Path) -> Iterator[bool]:
    """A folder on a disk of its own while inside, where this machine allows it."""
    folder.mkdir(parents=True, exist_ok=True)
    asked = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    mounted = bool(shutil.which("mount")) and subprocess.run(asked, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


class Month:
    """The nights, one after the other, and what came of each."""

    def __init__(self, folder: Path, hook: Webhook, mounted: bool, args: argparse.Namespace) -> None:
        self.home, self.hook, self.mounted, self.args = folder / "home", hook, mounted, args
        self.nights: list[dict[str, Any]] = []
        self.expected: dict[str, str] = {}
        """The state that is told of each flow run."""
        self.wrong: list[str] = []
        self.code = args.earlier
        self.up: Up | None = None
        self.pictures = 0
        self.model = saved(small_cnn(), folder / "small.keras")
        write_pictures(folder / "pictures")
        self.asked = {
            "model": str(self.model),
            "data": f"folder:{folder / 'pictures'}",
            "pixels": "0..1",
            "growth": {"oips": 1, "starts": 4, "steps": 16},
        }
        done = dreamsweep(self.home, "notify", hook.url, "--on", "all", "--json")
        assert done.returncode == 0, done.stderr

    def pass_by(self) -> None:
        """All nights."""
        for number in range(1, self.args.nights + 1):
            if self.up is None:
                self.be_up()
            begun = time.monotonic()
            self.add_pictures(1)
            event = EVENTS.get(number)
            flow_runs = getattr(self, f"night_{number}")() if event else [self.quiet_night()]
            self.note(number, event, flow_runs, time.monotonic() - begun)
            let_days_pass(self.home, 1)
            if number % RESTART_EVERY == 0:
                self.end()

    def be_up(self) -> None:
        """Start `dreamsweep up`, of the version of today."""
        more = {"PYTHONPATH": str(self.code)} if self.code else {}
        self.up = Up(self.home, "--allow", self.home.parent, "--keep-nights", self.args.keep_nights, **more)

    def end(self) -> None:
        """End `dreamsweep up`, where it is up."""
        if self.up is not None:
            self.up.end()
        self.up = None

    def add_pictures(self, many: int) -> None:
        """Somebody has put photographs into the folder."""
        for _ in range(many):
            self.pictures += 1
            write_photograph(self.originals / f"{self.pictures:03d}.png", self.pictures)

    @property
    def originals(self) -> Path:
        """Where nights look for photographs."""
        return self.home / "originals"

    # What happens in a night.

    def quiet_night(self) -> str:
        """A night in which nothing happens."""
        (night,) = self.schedule(in_seconds(3))
        self.ends(night, "Completed")
        return night

    def night_3(self) -> list[str]:
        """Kill the process of the flow run."""
        self.add_pictures(5)
        (night,) = self.schedule(in_seconds(3))
        self.at_work(night)
        kill(self.processes(f"PREFECT__FLOW_RUN_ID={night}"))
        self.ends(night, "Crashed")
        return [night]

    def night_6(self) -> list[str]:
        """Kill everything, and start it again when the next night's time has passed."""
        self.add_pictures(5)
        first = in_seconds(3)
        cut, missed = self.schedule(first, first + timedelta(seconds=40))
        self.at_work(cut)
        kill(processes_of(self.home))
        assert self.up is not None
        self.up.process.wait()
        wait_until(lambda: not processes_of(self.home))
        wait_until(lambda: datetime.now(UTC) > first + timedelta(seconds=45))
        self.be_up()
        self.ends(cut, "Crashed")
        self.ends(missed, "Completed")
        return [cut, missed]

    def night_9(self) -> list[str]:
        """Move the network away."""
        aside = self.model.rename(self.model.with_suffix(".aside"))
        (night,) = self.schedule(in_seconds(3))
        self.ends(night, "Failed")
        aside.rename(self.model)
        return [night]

    def night_11(self) -> list[str]:
        """End `up` in the middle of a night, and start another version of it."""
        self.add_pictures(5)
        (night,) = self.schedule(in_seconds(3))
        self.at_work(night)
        self.end()
        self.code = None
        self.be_up()
        self.ends(night, "Crashed", "Cancelled")
        return [night]

    def night_12(self) -> list[str]:
        """Fill the disk before the night, and make room after it."""
        if not self.mounted:
            return [self.quiet_night()]
        self.add_pictures(3)
        (night,) = self.schedule(in_seconds(3))
        ballast = self.home / "ballast"
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(self.home).free - LEFT)
        over = time.monotonic() + PATIENCE / 3
        while time.monotonic() < over and self.state(night)["type"] not in FINAL:
            time.sleep(1)
        ballast.unlink()
        self.ends(night, "Failed", "Crashed")
        return [night]

    def night_16(self) -> list[str]:
        """Refuse messages, until the next night is over."""
        self.hook.refusing = True
        (night,) = self.schedule(in_seconds(3))
        self.ends(night, "Completed", told=False)
        wait_until(lambda: self.hook.refused)
        self.hook.refusing = False
        return [night]

    def night_20(self) -> list[str]:
        """A picture that is none."""
        (self.originals / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
        night = self.quiet_night()
        (message,) = self.hook.of(night)
        if "torn.png" not in message["message"]:
            self.wrong.append(f"night 20 does not name the picture: {message['message']}")
        return [night]

    def night_25(self) -> list[str]:
        """Kill the process that runs flows, while one runs."""
        self.add_pictures(5)
        (night,) = self.schedule(in_seconds(3))
        self.at_work(night)
        kill(self.processes("flows.serving.runner"))
        self.ends(night, "Completed", "Crashed")
        return [night]

    # What that takes.

    def schedule(self, *due: datetime) -> list[str]:
        """Have nights be due at these moments; returns their ids, the first one first."""
        assert self.up is not None
        return self.up.schedule("nightly", self.asked, *due)

    def at_work(self, night: str) -> None:
        """Wait until the flow run has opened a run in the store."""

        def there() -> bool:
            runs = self.home / "store" / "runs"
            now = set(runs.glob("*")) if runs.is_dir() else set()
            return bool(now - before) and self.state(night)["type"] == "RUNNING"

        before = set((self.home / "store" / "runs").glob("*"))
        wait_until(there, PATIENCE)

    def state(self, flow_run: str) -> dict[str, Any]:
        """The state of a flow run; none where the server does not answer."""
        assert self.up is not None
        try:
            return self.up.state(flow_run)
        except Exception as error:  # a full disk
            return {"type": "", "name": "", "message": str(error)}

    def ends(self, night: str, *names: str, told: bool = True) -> None:
        """Wait until a flow run has ended, by one of these names."""

        def there() -> str | None:
            state = self.state(night)
            return state["name"] if state["type"] in FINAL else None

        name = wait_until(there, PATIENCE)
        if name not in names:
            self.wrong.append(f"{night} ended as {name}: {self.state(night)['message']}")
        self.expected[night] = name
        if told:
            wait_until(lambda: self.hook.of(night))

    def processes(self, words: str) -> list[int]:
        """Those with these words in their command or environment."""
        found = []
        for process in processes_of(self.home):
            place = Path(f"/proc/{process}")
            if words.encode() in (place / "environ").read_bytes() + (place / "cmdline").read_bytes():
                found.append(process)
        return found

    def note(self, number: int, event: str | None, flow_runs: list[str], seconds: float) -> None:
        """What a night came to, and how much there is after it."""
        states = [self.expected[run] for run in flow_runs]
        night = {"night": number, "event": event, "states": states, "seconds": round(seconds), **self.sizes()}
        self.nights.append(night)
        print(json.dumps(night), file=sys.stderr, flush=True)

    def sizes(self) -> dict[str, int]:
        """Bytes by part."""
        prefect = self.home / "prefect"
        return {
            "database": sum(path.stat().st_size for path in prefect.glob("prefect.db*")),
            "logs": sum(path.stat().st_size for path in prefect.glob("*.log*")),
            "runs in the store": size_of(self.home / "store" / "runs"),
            "trash": size_of(self.home / "store" / "trash"),
            "store": size_of(self.home / "store"),
            "gallery": size_of(self.home / "gallery"),
            "everything": size_of(self.home),
        }

    def conclude(self) -> dict[str, Any]:
        """What there is in the end; `wrong` names what did not hold."""
        time.sleep(LOOKS)
        told = Counter((message["flow_run"], message["state"]) for message in self.hook.heard)
        for flow_run, state in self.expected.items():
            if told.pop((flow_run, state), 0) != 1:
                self.wrong.append(f"{flow_run}, {state}, was not told once")
        self.wrong += [f"{run} was told as {state}, {many} times" for (run, state), many in told.items()]
        later = [message for message in self.hook.heard if "torn.png" in message["message"]]
        if len(later) > 1:
            self.wrong.append(f"the picture was named {len(later)} times")
        dreams = {path.stem for path in (self.home / "dreams").rglob("*.png")}
        missing = [number for number in range(1, self.pictures + 1) if not any(f"{number:03d}" in at for at in dreams)]
        self.wrong += [f"no dream of photograph {number}" for number in missing]
        self.wrong += self.look_at_the_store()
        return {"nights": self.nights, "messages": len(self.hook.heard), "dreams": len(dreams), "wrong": self.wrong}

    def look_at_the_store(self) -> list[str]:
        """What is wrong there."""
        verified = json.loads(dreamsweep(self.home, "verify", "--json").stdout)
        shown = json.loads(dreamsweep(self.home, "show", "sweep/latest", "--json").stdout)
        wrong = [] if verified["clean"] else [f"the store is not clean: {verified['losses']}"]
        units = shown.get("units", {})
        return wrong + [f"{unit} has no picture" for unit in UNITS if unit not in units]


def in_seconds(seconds: float) -> datetime:
    """A moment soon, in whole seconds, UTC."""
    return datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)


def kill(processes: list[int]) -> None:
    """SIGKILL."""
    for process in processes:
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue


def size_of(folder: Path) -> int:
    """Bytes of all files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
