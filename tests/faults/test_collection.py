"""`gc` without any grace, beside everything: a sweep under way, writers that are killed, `verify` and `reindex`."""

import os
import secrets
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

SECONDS = float(os.environ.get("DREAMSWEEP_AT_ONCE_SECONDS", "20"))
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
        found = kills.run(str(tmp_path / "store"), tmp_path, kills=40, seed=1)
    else:
        with kills.s3_server() as root:
            found = kills.run(root, tmp_path, kills=20, seed=1)
    assert found["lost"] == 0


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
