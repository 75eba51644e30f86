"""Processes that write at once, and are killed while they do."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.store import Store
from storage.verify import verify


class Writers:
    """The process of `writers.py` and the writers that it forks."""

    def __init__(self, root: Path, log: Path) -> None:
        self.log = log
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("writers.py")), str(root), str(log)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, seed: int, count: int) -> int:
        """Start a writer; return its process id."""
        self._process.stdin.write(f"{seed} {count}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def lines(self) -> list[str]:
        """What the writers have entered in their log."""
        return self.log.read_text().splitlines() if self.log.exists() else []

    def close(self) -> None:
        """End the process that forks them."""
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)


@pytest.fixture
def writers(tmp_path: Path) -> Iterator[Writers]:
    found = Writers(tmp_path / "store", tmp_path / "log")
    yield found
    found.close()


@pytest.mark.heavy
def test_a_hundred_kills_tear_nothing(tmp_path: Path, writers: Writers) -> None:
    store = Store.open(tmp_path / "store")
    chance = random.Random(0)
    alive = [writers.start(seed, 0) for seed in range(4)]
    while not writers.lines():
        time.sleep(0.05)
    for kill in range(100):
        time.sleep(chance.uniform(0, 0.3))
        victim = chance.randrange(4)
        os.kill(alive[victim], signal.SIGKILL)
        alive[victim] = writers.start(4 + kill, 0)
    for process in alive:
        os.kill(process, signal.SIGKILL)

    lines = writers.lines()
    assert not [line for line in lines if line.startswith("FAILED")]
    assert len(lines) > 100
    report = verify(store)
    assert report.corrupt == []
    assert report.missing == []
    records = {record.key: record for record in store.records()}
    assert set(lines) <= set(records), "a commit that had returned was lost"
    for record in records.values():
        for output in record.outputs:
            assert len(store.get(output.digest)) == output.size
    assert all(store.run(run.id).state == "open" for run in store.runs())
    assert store.refs()

    # A kill may fall between a record and its entry in the index, and only there.
    assert report.unindexed <= 104
    assert store.reindex() == len(records)
    contents = store.index.contents()
    store.index.close()
    for left in (tmp_path / "store").glob("index.sqlite*"):
        left.unlink()
    store.reindex()
    assert store.index.contents() == contents
    assert verify(store).unindexed == 0


@pytest.mark.heavy
def test_eight_processes_write_at_once_and_no_write_fails(tmp_path: Path, writers: Writers) -> None:
    # They also open the store, and make its folders and its index, at once.
    for seed in range(8):
        writers.start(seed, 30)
    deadline = time.monotonic() + 120
    while sum(line.startswith(("DONE", "FAILED")) for line in writers.lines()) < 8:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    lines = writers.lines()
    assert not [line for line in lines if line.startswith("FAILED")]
    store = Store.open(tmp_path / "store", create=False)
    report = verify(store)
    assert report.clean
    assert report.unindexed == 0
    assert len(list(store.records())) == 8 * 30
    contents = store.index.contents()
    store.reindex()
    assert store.index.contents() == contents
