"""`gc` without any grace, beside everything: a sweep under way, writers that are killed, `verify` and `reindex`."""

import os
import secrets
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks import kills
from storage import garbage
from storage.store import Store
from tests.faults.house import House
from tests.storage.at_once import AtOnce

SECONDS = float(os.environ.get("DREAMSWEEP_AT_ONCE_SECONDS", "8"))
"""For each of three kinds of store."""


def test_a_sweep_beside_collections_without_grace_ends_as_if_there_were_none(house: House, store: Path) -> None:
    collected: list[garbage.Plan] = []
    ended = threading.Event()

    def collect() -> None:
        place = Store.open(store)
        while not ended.is_set():
            collected.append(garbage.collect(garbage.plan(place, timedelta(0))))
            time.sleep(0.05)

    thread = threading.Thread(target=collect)
    with house.sweep(store) as sweep:
        thread.start()
        try:
            sweep.ends("Completed")
        finally:
            ended.set()
            thread.join()
        sweep.is_whole()
        sweep.holds_nothing()
    assert collected
    assert [done.records for done in collected if done.records] == []


@pytest.mark.parametrize("place", ["folder", "s3"])
def test_writers_that_are_killed_beside_collections_lose_nothing(place: str, tmp_path: Path) -> None:
    if place == "folder":
        found = kills.run(str(tmp_path / "store"), tmp_path, kills=25, seed=1)
    else:
        with kills.s3_server() as root:
            found = kills.run(root, tmp_path, kills=8, seed=1)
    assert found["lost"] == 0


GC = "import sys; from flows.cli import main; sys.exit(main(['gc', '--yes', '--store', sys.argv[1]]))"
A_YEAR_ON = "import time; now = time.time; time.time = lambda: now() + 31_536_000; "
# The kernel's clocks part by a year, as they do where the time is set; that takes root, and Linux 5.6.
APART = ["unshare", "--time", "--boottime", "31536000"]
APART_HERE = subprocess.run([*APART, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("jump", ["of a process", *(["of the machine"] if APART_HERE else [])])
def test_a_clock_that_jumps_a_year_lets_nothing_be_collected(jump: str, tmp_path: Path) -> None:
    place = Store.open(tmp_path / "store")
    place.open_run("sweep", {}).close("completed", {})
    place.put(b"nobody's, and young")
    command = [sys.executable, "-c", (A_YEAR_ON if jump == "of a process" else "") + GC, str(tmp_path / "store")]
    if jump == "of the machine":
        command = [*APART, *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "nothing was collected: the clock of this machine" in done.stderr
    assert len(place.files.listing("blobs")) == 1
    assert not place.files.listing("trash")


@pytest.mark.parametrize("place", ["folder", "memory", "s3"])
def test_for_a_while_nothing_is_lost_where_everybody_is_at_work(place: str, tmp_path: Path) -> None:
    def go(root: str) -> None:
        at_once = AtOnce(root)
        at_once.go(SECONDS)
        at_once.check()
        assert at_once.kept

    if place == "s3":
        with kills.s3_server() as root:
            go(root)
    else:
        go(str(tmp_path / "store") if place == "folder" else f"memory://{secrets.token_hex(8)}/store")
