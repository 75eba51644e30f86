"""A sweep and dreams by a worker on a real server, which makes real shards: the same as in one process."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.running.labels import MADE
from storage.store import Store
from tests.flows.fleet.fleet_server import REAL, FleetServer, Worker
from tests.flows.tiny import MAPS, UNITS, saved, small_cnn, write_photograph, write_pictures

pytestmark = pytest.mark.slow
POOL = "real"
AFTER = [f"{what} {layer}" for what in ("layer", "naturalness of", "negatives of") for layer in MAPS]
"""What comes after the maps of each layer, as runs call it."""


class House:
    """A data folder whose user has a network, a data set and photographs."""

    def __init__(self, server: FleetServer, home: Path, subject: Path) -> None:
        self.server, self.home = server, home
        home.mkdir()
        self._given = ("--model", subject / "small.keras", "--pixels", "0..1")
        self._sweep = ("sweep", *self._given, "--data", f"folder:{subject / 'pictures'}", "--steps", 16, "--starts", 4)
        self._dream = ("dream", subject / "photographs", *self._given, "--steps", 2, "--octaves", 1, "--passes", 2)

    def run(self, *words: object, code: int = 0) -> Any:
        """What a command says as JSON."""
        done = subprocess.run(
            [sys.executable, *REAL, *map(str, words), "--json"],
            env=self.server.settings(self.home),
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    def sweep(self, *more: object) -> dict[str, str]:
        """Sweep; the digest of each unit's OIPs."""
        return self._made(self.run(*self._sweep, *more), "oips")

    def dream(self, *more: object) -> dict[str, str]:
        """Dream, though one picture cannot be read; the digest of each dream."""
        return self._made(self.run(*self._dream, "--out", self.home / "dreams", *more, code=1), "picture")

    def all_digests(self) -> dict[str, list[str]]:
        """The digests of all that the latest sweep has, by what it calls it."""
        store = Store.open(self.home / "store")
        latest = store.run(store.ref("sweep/latest").removeprefix("run:"))
        return {
            title: [output.digest for output in store.record(result.record).outputs if output.role != "dataset"]
            for title, result in latest.units.items()
        }

    def hows(self) -> set[str]:
        """How the latest sweep came to what shards make."""
        store = Store.open(self.home / "store")
        latest = store.run(store.ref("sweep/latest").removeprefix("run:"))
        return {latest.units[title].how for title in [*UNITS, *AFTER]}

    def _made(self, summary: dict[str, Any], role: str) -> dict[str, str]:
        store = Store.open(self.home / "store")
        found = store.run(summary["run"]).units
        records = {title: store.record(result.record) for title, result in found.items()}
        wanted = {"oip", "dream"}
        return {title: record.output(role).digest for title, record in records.items() if record.task in wanted}


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is swept and dreamed into: of the photographs, one is no picture."""
    folder = tmp_path_factory.mktemp("subject")
    saved(small_cnn(), folder / "small.keras")
    write_pictures(folder / "pictures")
    for number in range(3):
        write_photograph(folder / "photographs" / f"{number}.png", number, channels=1)
    (folder / "photographs" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    return folder


@pytest.fixture(scope="module")
def fleet(fleet_server: FleetServer, tmp_path_factory: pytest.TempPathFactory, subject: Path) -> Iterator[House]:
    """A house whose pool has a worker, on the same machine."""
    house = House(fleet_server, tmp_path_factory.mktemp("fleet") / "home", subject)
    fleet_server.deploy(house.home, POOL, REAL)
    worker = Worker(fleet_server, house.home, POOL, command=REAL)
    worker.says("takes 1 shard at a time")
    yield house
    assert worker.end(signal.SIGTERM) == 0


@pytest.fixture(scope="module")
def alone(fleet_server: FleetServer, tmp_path_factory: pytest.TempPathFactory, subject: Path) -> House:
    """A house that makes all in one process."""
    return House(fleet_server, tmp_path_factory.mktemp("alone") / "home", subject)


def shards(server: FleetServer, flow: str) -> list[str]:
    """The names of the states of a flow's shards, each of which says what it made."""
    asked = {"flows": {"name": {"any_": [flow]}}, "deployments": {"name": {"any_": [POOL]}}}
    found = server.ask("POST", "/flow_runs/filter", json=asked)
    assert all(MADE in one["labels"] for one in found)
    return [one["state"]["name"] for one in found]


def test_a_sweep_by_a_worker_has_what_one_process_makes_and_a_second_one_has_no_shard(
    fleet: House, alone: House
) -> None:
    in_parts = "--images-per-part", 8, "--batch", 2  # of 21 images
    made = fleet.sweep("--pool", POOL, "--maps-per-shard", 3, *in_parts)
    assert sorted(made) == UNITS
    assert shards(fleet.server, "oip-shard") == ["Completed"] * 4
    assert shards(fleet.server, "layer-shard") == ["Completed"] * len(MAPS)  # of 4 and 6 maps, with 3 a shard
    assert shards(fleet.server, "image-shard") == ["Completed"] * 3
    assert made == alone.sweep("--batch", 2)
    assert fleet.all_digests() == alone.all_digests()
    assert fleet.hows() == {"computed"}
    assert fleet.sweep("--pool", POOL, *in_parts) == made
    assert fleet.hows() == {"reused"}
    made_by = "image-shard", "oip-shard", "layer-shard"
    assert [len(shards(fleet.server, flow)) for flow in made_by] == [3, 4, len(MAPS)]


def test_dreams_by_a_worker_are_those_of_one_process_and_what_is_no_picture_fails_alone(
    fleet: House, alone: House
) -> None:
    made = fleet.dream("--pool", POOL, "--pictures-per-shard", 2)
    assert len(made) == 6
    assert shards(fleet.server, "dream-shard") == ["Completed"] * 2
    assert made == alone.dream()
    assert fleet.dream("--pool", POOL) == made
    assert len(shards(fleet.server, "dream-shard")) == 2
