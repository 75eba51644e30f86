"""What an older version of the code leaves, made by it: `python -m tests.compatibility.make_store CHECKOUT FOLDER`.

CHECKOUT is a clean checkout of the commit below, FOLDER one to work in. Written, beside this file:

- `data.tar.xz`: a data folder with a store, a gallery and all that was read, as `old_runs` makes them;
- `prefect.db.xz`: the database of its `dreamsweep up`, with deployments, a schedule, and runs that completed,
  failed and were killed; the machine went down while the last of them was under way;
- `made.json`: for each run of `old_runs`, what it is called in the store, and the task and recipe of all that it made;
  and the defaults of every flow's parameters.
"""

import json
import lzma
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.flows.being_up import Up, dreamsweep, environment, processes_of, wait_until

COMMIT = "d371d4eb9b828097676fb68d50556051879ff3c8"
HERE = Path(__file__).parent
DATA, DATABASE, MADE = HERE / "data.tar.xz", HERE / "prefect.db.xz", HERE / "made.json"
CRON, TIMEZONE = "0 3 1 * *", "Europe/Berlin"  # the first of a month: so no test meets it
ELSEWHERE, NOWHERE = "elsewhere", "/home/elsewhere/dreamsweep/data"
"""The host and the data folder that are named in what is committed."""
KEPT = ("prefect/living", "store", "gallery", "shapes", "small", "pictures", "small.keras", "guide.png", "mask.png")
LATE = "late.keras"
"""The model of the run that failed: it is not there yet."""
COMPLETES, FAILS, CUT_OFF = "a sweep that completes", "a sweep that fails", "a sweep that is cut off"
NOT_KEPT = ("log", "events", "event_resources", "flow_run_input", "artifact", "artifact_collection")


def main(checkout: Path, folder: Path) -> None:
    """Make everything anew, in a folder that is empty, or go on where `old_runs` has come to its end in it.

    Ends with a message where the checkout is another, or a task left nothing.
    """
    head = _git(checkout, "rev-parse", "HEAD")
    if head != COMMIT or _git(checkout, "status", "--porcelain"):
        sys.exit(f"{checkout} is no clean checkout of {COMMIT}")
    home, site = (folder / "data").resolve(), (folder / "site").resolve()
    home.mkdir(exist_ok=True)
    site.mkdir(exist_ok=True)
    (site / "sitecustomize.py").write_text(f"import socket\n\nsocket.gethostname = lambda: {ELSEWHERE!r}\n")
    old = {"PYTHONPATH": f"{site}{os.pathsep}{checkout.resolve()}", "PYTHONSAFEPATH": "1"}
    found = folder.resolve() / "made.json"
    more = {"PREFECT_LOGGING_TO_API_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "2"}
    runner = [sys.executable, str(HERE / "old_runs.py"), str(found)]
    if not found.exists():
        subprocess.run(runner, cwd=home, env=environment(home, **old, **more), check=True)
    made = json.loads(found.read_text())
    _check_that_all_is_there(checkout, made["runs"])
    for file in home.glob("prefect/prefect.db*"):
        file.unlink()
    _be_up(home, made["runs"], old)
    _keep(home, made, unwanted=(str(home), str(checkout.resolve()), socket.gethostname()))
    for path in (DATA, DATABASE, MADE):
        print(f"{path.name}: {path.stat().st_size:,} bytes")


def _git(checkout: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(checkout), *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


def _check_that_all_is_there(checkout: Path, made: dict[str, Any]) -> None:
    """Every task that stores records has left one."""
    sources = "".join(path.read_text() for path in sorted(checkout.glob("tasks/**/*.py")))
    wanted = set(re.findall(r'(?:Recipe\(\s*(?:task=)?|^TASK = )"(\w+)"', sources, re.MULTILINE))
    there = {task for run in made.values() for task, _ in run["made"].values()}
    if there != wanted:
        sys.exit(f"tasks that left nothing: {sorted(wanted - there)}; unknown ones: {sorted(there - wanted)}")


def _be_up(home: Path, made: dict[str, Any], old: dict[str, str]) -> None:
    """Be up with the old code: a schedule, runs that complete, fail, are killed, and one with which all else dies."""
    model = made["a model of one's own"]["model"]
    up = Up(home, **old)
    try:
        done = dreamsweep(home, "schedule", "--cron", CRON, "--timezone", TIMEZONE, **old)
        assert done.returncode == 0, done.stderr
        plain, small = {"store": "store", "model": model}, {"layers": ["Conv2D_1/0"]}
        sweep = start(up, "oip-sweep", COMPLETES, plain)
        dream = start(up, "dream", "a dream that completes", {**plain, "pictures": ["pictures"], "out": "dreams"})
        failing = start(up, "oip-sweep", FAILS, {**plain, "model": LATE})
        assert [up.wait_for(run)["type"] for run in (sweep, dream)] == ["COMPLETED"] * 2
        assert up.wait_for(failing)["type"] == "FAILED"
        killed = start(up, "oip-sweep", "a sweep that is killed", {**plain, **small, "growth": {"seed": 5}})
        up.wait_for(killed, "RUNNING")
        os.kill(_process_of(home, killed), signal.SIGKILL)
        assert up.wait_for(killed)["type"] == "CRASHED"
        cut_off = start(up, "oip-sweep", CUT_OFF, {**plain, **small, "growth": {"seed": 6}})
        life = home / "prefect" / "living" / f"{cut_off}.json"
        wait_until(lambda: life.exists() and json.loads(life.read_bytes() or b"{}").get("run"))
    finally:  # as when the machine goes down
        for pid in processes_of(home):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not processes_of(home))


def start(up: Up, flow: str, name: str, parameters: dict[str, Any]) -> str:
    """Start a run of a deployment under a name, and return its id."""
    wanted = {"name": name, "parameters": {"parameters": parameters}, "state": {"type": "SCHEDULED"}}
    return str(up.ask("POST", f"/deployments/{up.deployment(flow)['id']}/create_flow_run", json=wanted)["id"])


def _process_of(home: Path, flow_run: str) -> int:
    words = f"PREFECT__FLOW_RUN_ID={flow_run}".encode()
    return next(pid for pid in processes_of(home) if words in Path(f"/proc/{pid}/environ").read_bytes())


def _keep(home: Path, made: dict[str, Any], *, unwanted: Sequence[str]) -> None:
    """Write what is to be committed. Fails where an unwanted word is in it."""
    database = _database(home)
    for data in (database, *(path.read_bytes() for name in KEPT for path in _files(home / name))):
        for word in unwanted:
            # a name of few letters is in some picture by chance
            assert len(word) < 6 or word.encode() not in data, f"{word} is in what would be committed"
    DATABASE.write_bytes(lzma.compress(database, preset=9 | lzma.PRESET_EXTREME))
    with tarfile.open(DATA, "w:xz", preset=9 | lzma.PRESET_EXTREME) as archive:
        for name in KEPT:
            archive.add(home / name, name, filter=_of_nobody)
    MADE.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n")


def _database(home: Path) -> bytes:
    """Prefect's database without what is large or of this machine, and without runs that a schedule made ahead.

    Those would be overdue when a test is up with them, and the last of them would be run.
    """
    path = home / "prefect" / "prefect.db"
    # whoever was killed may hold it for a moment yet
    with sqlite3.connect(path, isolation_level=None, timeout=60) as database:
        database.execute("pragma journal_mode = delete")
        tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
        for name in set(NOT_KEPT) & set(tables):
            database.execute(f"delete from {name}")
        database.execute("delete from flow_run where state_type = 'SCHEDULED'")
        database.execute("delete from flow_run_state where flow_run_id not in (select id from flow_run)")
        for name in tables:
            for column in [row[1] for row in database.execute(f"pragma table_info({name})")]:
                change = f'update "{name}" set "{column}" = replace("{column}", ?, ?) where instr("{column}", ?)'
                database.execute(change, (str(home), NOWHERE, str(home)))
        database.execute("vacuum")
    database.close()
    return path.read_bytes()


def _files(path: Path) -> list[Path]:
    return [found for found in (path, *path.rglob("*")) if found.is_file()]


def _of_nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
