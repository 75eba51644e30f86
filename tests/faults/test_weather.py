"""Stores that fail for a while, or for good, while a sweep is at work: it waits, or says in one line why not."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from s3fs import S3FileSystem

from storage.store import Store
from storage.verify import verify
from tests.faults.house import Disk, Faults
from tests.flows.tiny import UNITS, saved, small_cnn, write_pictures
from tests.storage.s3_on_disk import S3OnDisk, s3_environment
from tests.storage.weather import Weather, bad_weather

AWAY_SECONDS = float(os.environ.get("DREAMSWEEP_TEST_AWAY", "14"))
"""So long the server is away: 60, or 120, where somebody has the time."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model and pictures."""
    folder = tmp_path_factory.mktemp("weather")
    saved(small_cnn(), folder / "small.keras")
    write_pictures(folder / "pictures")
    return folder


@pytest.fixture(scope="module")
def buckets(site: Path) -> Path:
    """A folder, each folder of which is a bucket."""
    (site / "s3" / "sweeps").mkdir(parents=True)
    return site / "s3"


@pytest.fixture(scope="module")
def weather(buckets: Path) -> Iterator[Weather]:
    """What the weather is between here and an S3 server on that folder."""
    with S3OnDisk(buckets) as server, bad_weather(server.url) as found, pytest.MonkeyPatch.context() as patch:
        for name, value in s3_environment(found.url).items():
            patch.setenv(name, value)
        S3FileSystem.clear_instance_cache()  # one that knows another server may be there
        yield found


class Child:
    """A command of dreamsweep's in a process of its own, with a home of its own."""

    def __init__(self, site: Path, home: str, *words: str) -> None:
        self._err = (site / f"{home}.err").open("w+")
        environment = os.environ | {"DREAMSWEEP_HOME": str(site / home), "XDG_CACHE_HOME": str(site / home / "cache")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._err,
            text=True,
        )

    @property
    def said(self) -> str:
        """On standard error, up to now."""
        return Path(self._err.name).read_text()

    def answer(self, code: int = 0) -> dict[str, Any]:
        """What it prints, if it exits with this code."""
        out, _ = self._process.communicate(timeout=600)
        assert self._process.returncode == code, self.said
        return dict(json.loads(out)) if out.strip() else {}

    @property
    def ended(self) -> bool:
        """Whether it has."""
        return self._process.poll() is not None


def sweep(site: Path, home: str, store: str | Path, *more: str) -> Child:
    """Sweep the tiny model."""
    given = ["--model", str(site / "small.keras"), "--data", f"folder:{site / 'pictures'}", "--pixels", "0..1"]
    settings = ["--steps", "16", "--starts", "4", "--store", str(store), "--json"]
    return Child(site, home, "sweep", *given, *settings, *more)


def flip(path: Path) -> None:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_server_that_is_away_in_the_middle_of_a_sweep_is_waited_for_and_what_is_damaged_there_is_made_again(
    site: Path, buckets: Path, weather: Weather
) -> None:
    place, folder = "s3://sweeps/store", buckets / "sweeps" / "store"
    child = sweep(site, "first", place)
    while not (len(list(folder.glob("records/*/*"))) >= 7 or child.ended):
        time.sleep(0.05)
    weather.turns("503", seconds=AWAY_SECONDS)
    summary = child.answer()
    weather.clears()
    assert (summary["state"], summary["computed"]) == ("completed", len(UNITS))
    assert f"waiting for the store {place}, which cannot be used at the moment" in child.said
    assert f"the store {place} can be used again" in child.said
    assert "Traceback" not in child.said
    store = Store.open(place)
    assert verify(store).clean
    damaged = ("Conv2D_1/0", "oips"), ("Conv2D_2/4", "picture"), ("layer Conv2D_2", "sheet")
    units = store.run(summary["run"]).units
    for unit, role in damaged:
        digest = store.record(units[unit].record).output(role).digest
        flip(folder / "blobs" / digest[:2] / digest)
    assert len(verify(store).corrupt) == len(damaged)
    child = sweep(site, "second", place)  # of which nothing is in the cache
    again = child.answer()
    made = {unit for unit, result in store.run(again["run"]).units.items() if result.how == "computed"}
    assert (again["state"], made) == ("completed", {unit for unit, _ in damaged})
    assert verify(store).clean


def test_a_server_that_stays_away_ends_a_sweep_when_it_may_stall_no_longer_and_a_rerun_goes_on(
    site: Path, buckets: Path, weather: Weather
) -> None:
    place, folder = "s3://sweeps/away", buckets / "sweeps" / "away"
    child = sweep(site, "away", place, "--stalled-after", "0.4")
    while not (len(list(folder.glob("records/*/*"))) >= 7 or child.ended):
        time.sleep(0.05)
    weather.turns("reset")
    child.answer(2)
    weather.clears()
    assert f"waiting for the store {place}, which cannot be used at the moment" in child.said
    assert "24 s at most" in child.said
    assert "s of waiting): check its address, the credentials and the network" in child.said
    (run,) = Store.open(place).runs()
    before = set(folder.glob("records/*/*"))
    assert before
    again = Child(site, "away", "rerun", run.id, "--store", place, "--json").answer()
    assert (again["state"], again["computed"] + again["reused"]) == ("completed", len(UNITS))
    records = set(folder.glob("records/*/*"))
    assert before < records
    assert len({record.parent for record in records}) == len(records)  # nothing was made twice
    assert verify(Store.open(place)).clean


def test_a_store_that_is_read_only_or_has_gone_is_said_in_one_line_and_is_still_read(
    site: Path, tmp_path: Path
) -> None:
    disk = Disk(tmp_path / "disk", Faults(tmp_path / "faults"))
    if not disk.real:
        pytest.skip("only root can mount a disk that is read-only")
    place = disk.folder / "store"
    try:
        assert sweep(site, "whole", place).answer()["computed"] == len(UNITS)
        subprocess.run(["mount", "-o", "remount,ro", str(disk.folder)], check=True)
        refused = sweep(site, "refused", place)
        refused.answer(2)
        assert refused.said == (
            f"dreamsweep: the store {place} is read-only: make it writable, or name another store with --store\n"
        )
        for words in (["runs"], ["verify"], ["show", "sweep/latest"], ["models"]):
            Child(site, "reader", *words, "--store", str(place), "--json").answer()
    finally:
        disk.close()
    gone = Child(site, "gone", "verify", "--store", str(place))
    gone.answer(2)
    assert gone.said == f"dreamsweep: there is no store at {place}: name one with --store or DREAMSWEEP_STORE\n"
