"""A sweep by the workers of two hosts, on which nothing of the coordinator's lies, beside one on one host alone."""

import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote

import h5py
import numpy as np
import pytest

from storage.names import FOLDERS
from storage.record import Output
from storage.store import Store
from storage.tensors import NPY
from storage.verify import verify
from tests.fleet.fleet import Fleet
from tests.fleet.hosts import Host
from tests.fleet.pool import SHARD, Pool
from tests.fleet.subject import MAPS, UNITS, Subject
from tests.lib.numpy_reference import HAS_AVX512
from tests.storage.weather import Asked

SHARDS = 8
ALONE = "alone"
ONCE = 40
"""Requests of a run, however many maps it has, but for those of refs and runs and of listings: these are the more, the
more other tests have left in the store."""
A_MAP = 5
"""Requests of the workers: a listing; two blobs and a record are stored; and one blob is read to gather the layer."""
A_SHARD = 24
A_FIRST_SWEEP = 200
"""Requests of a coordinator, however many maps there are: it stores a data set, a network and exemplars."""
LAST_BIT = 0.0 if HAS_AVX512 else 1e-6
"""How far the numbers of a map may differ with the batch that its images were in."""


@pytest.fixture(scope="module")
def subject(cora: Host) -> Subject:
    return Subject(cora, 1)


@pytest.fixture(scope="module")
def pool(fleet: Fleet, ada: Host, bea: Host, cora: Host) -> Iterator[Pool]:
    made = Pool(fleet, "pair", cora)
    made.work(ada, bea)
    yield made
    made.rest()


@dataclass(frozen=True)
class Swept:
    """A sweep: its summary, and all that hosts asked of the bucket meanwhile."""

    summary: dict[str, Any]
    asked: list[Asked]

    @property
    def run(self) -> str:
        """What the store calls it."""
        return str(self.summary["run"])

    def by(self, *hosts: Host) -> list[Asked]:
        """What these hosts asked."""
        return [one for one in self.asked if one.client in {host.address for host in hosts}]

    def asked_by(self, *hosts: Host) -> Counter[tuple[str, str]]:
        """How many requests of each kind these hosts made, by the store's folders, without those of refs and runs."""
        found = Counter((one.kind, _folder_of(one)) for one in self.by(*hosts))
        return Counter({asked: count for asked, count in found.items() if asked[1] not in ("refs", "runs")})


@pytest.fixture(scope="module")
def swept(pool: Pool, subject: Subject) -> Swept:
    """A sweep by both."""
    before = len(pool.fleet.bucket.asked)
    summary = pool.sweep(subject, "--maps-per-shard", len(UNITS) // SHARDS).answer()
    return Swept(summary, pool.fleet.bucket.asked[before:])


@pytest.fixture(scope="module")
def alone(subject: Subject, cora: Host) -> dict[str, Any]:
    """The summary of the same on one host, in a folder of its own."""
    return cora.dreamsweep("sweep", *subject.words, "--json", "--store", cora.folder / ALONE).answer()


def said_of_maps(summary: dict[str, Any]) -> dict[str, Any]:
    """A summary without what differs between two runs: when, where its files are, and the last digits of numbers."""
    summary = json.loads(json.dumps(summary), parse_float=lambda number: float(f"{float(number):.5g}"))
    units = [{name: unit[name] for name in unit if name not in ("png", "npy", "record")} for unit in summary["units"]]
    own = ("run", "seconds", "sheets", "tensors", "gallery", "units")
    return {name: summary[name] for name in summary if name not in own} | {"units": units}


def as_deployed(thing: dict[str, Any]) -> dict[str, Any]:
    """A deployment or a pool without what workers change in it when they look for work."""
    return {name: thing[name] for name in thing if name not in ("updated", "last_polled", "status")}


def _folder_of(asked: Asked) -> str:
    path = unquote(asked.path)
    return next((folder for folder in FOLDERS if f"store/{folder}" in path), path)


def _name_of(asked: Asked) -> str:
    """The digest of the blob, or the key of the record, that was asked for."""
    path = unquote(asked.path)
    return path.rpartition("records/")[2].removesuffix(".json") if "records/" in path else path.rpartition("/")[2]


def digests(store: Store, run: str) -> dict[str, dict[str, str]]:
    """What a sweep has of each unit and layer: the digests of its outputs by their roles, without those of arrays."""
    return {
        name: {one.role: one.digest for one in outputs if not _is_numbers(one)}
        for name, outputs in _outputs(store, run).items()
    }


def see_arrays_alike(store: Store, run: str, others: Store, other_run: str) -> None:
    """See that two sweeps have the same arrays, but for `LAST_BIT`.

    Who else is in the batch of an image, and how many, moves that bit where the processor has no AVX-512: of a curve
    once in ten thousand steps, of an image once in some hundred.
    """
    here, there = _outputs(store, run), _outputs(others, other_run)
    assert set(here) == set(there)
    for name, outputs in here.items():
        for output in outputs:
            if _is_numbers(output):
                other = next(one for one in there[name] if one.role == output.role)
                mine, theirs = (_numbers(*one) for one in ((store, output), (others, other)))
                assert set(mine) == set(theirs)
                for key, array in mine.items():
                    if array.dtype.kind == "f":
                        see = partial(np.testing.assert_allclose, rtol=LAST_BIT, atol=LAST_BIT)
                    else:
                        see = np.testing.assert_array_equal
                    see(array, theirs[key], err_msg=f"{name} {key}")


def _outputs(store: Store, run: str) -> dict[str, tuple[Output, ...]]:
    units = store.run(run).units
    return {name: store.record(units[name].record).outputs for name in units}


def _is_numbers(output: Output) -> bool:
    return output.media_type == NPY or output.role == "tensors"


def _numbers(store: Store, output: Output) -> dict[str, np.ndarray]:
    """The arrays in a file, by their names in it."""
    file = io.BytesIO(store.get(output.digest))
    if output.media_type == NPY:
        return {output.role: np.load(file)}
    with h5py.File(file) as tensors:
        return {name: tensors[name][()] for name in tensors}


def test_two_hosts_make_each_map_once_and_the_sweep_is_that_of_one_host(
    pool: Pool, swept: Swept, alone: dict[str, Any], cora: Host
) -> None:
    summary = swept.summary
    assert (summary["state"], summary["computed"], summary["failures"]) == ("completed", len(UNITS), {})
    maps = pool.made(swept.run)
    assert set(maps) == set(UNITS)
    by = Counter(record.provenance.host for record in maps.values())
    assert set(by) == {"ada", "bea"}
    assert min(by.values()) >= len(UNITS) // 4
    assert len(pool.shards(swept.run)) == SHARDS
    assert said_of_maps(summary) == said_of_maps(alone)
    here, there = pool.fleet.store, Store.open(cora.folder / ALONE)
    assert digests(here, swept.run) == digests(there, alone["run"])
    see_arrays_alike(here, swept.run, there, alone["run"])
    for layer in MAPS:
        assert "sheet" in digests(here, swept.run)[f"layer {layer}"]
    assert verify(pool.fleet.store).clean
    pool.is_at_rest()


def test_the_same_sweep_again_submits_no_shard_and_asks_for_little(pool: Pool, swept: Swept, subject: Subject) -> None:
    tasks = pool.fleet.runs_of_task("oip")
    before = len(pool.fleet.bucket.asked)
    again = pool.sweep(subject, "--maps-per-shard", len(UNITS) // SHARDS).answer()
    asked = Swept(again, pool.fleet.bucket.asked[before:]).asked_by(pool.coordinator)
    assert (again["state"], again["computed"], again["reused"]) == ("completed", 0, len(UNITS))
    assert pool.shards(again["run"]) == []
    assert pool.fleet.runs_of_task("oip") == tasks
    assert sum(count for (kind, _), count in asked.items() if kind != "LIST") <= ONCE, asked


def test_a_map_is_few_requests_of_the_workers_and_of_the_coordinator(
    pool: Pool, swept: Swept, ada: Host, bea: Host
) -> None:
    of_workers, of_coordinator = swept.asked_by(ada, bea), swept.asked_by(pool.coordinator)
    assert of_workers.total() <= A_MAP * len(UNITS) + A_SHARD * (SHARDS + len(MAPS)), of_workers
    maps = pool.made(swept.run).values()
    of_maps = {record.key for record in maps} | {output.digest for record in maps for output in record.outputs}
    asked = Counter((one.kind, _folder_of(one)) for one in swept.by(pool.coordinator) if _name_of(one) in of_maps)
    assert asked == {("GET", "blobs"): len(UNITS)}  # what the gallery shows
    assert (of_coordinator - asked).total() <= A_FIRST_SWEEP, of_coordinator


def test_a_worker_with_an_empty_cache_fetches_no_image_of_the_training_set(
    pool: Pool, swept: Swept, ada: Host, bea: Host
) -> None:
    store = pool.fleet.store
    data = store.record(pool.shards(swept.run)[0]["parameters"]["data_record"])
    images = {one.digest for one in data.outputs if one.role in ("train_imgs", "test_imgs", "dataset")}
    assert len(images) == 3
    asked = swept.by(ada, bea)
    assert [one for one in asked if one.kind == "GET" and "/blobs/" in one.path]
    assert not [one for one in asked if any(digest in one.path for digest in images)]


def test_to_deploy_again_changes_nothing_and_nothing_names_a_place_of_a_host(
    pool: Pool, swept: Swept, ada: Host, bea: Host, cora: Host
) -> None:
    ask = pool.fleet.server.ask
    place = f"/deployments/name/{SHARD}/{pool.name}"
    deployment = ask("GET", place)
    schedule = {"active": False, "schedule": {"cron": "0 3 * * *", "timezone": "UTC"}}
    ask("POST", f"/deployments/{deployment['id']}/schedules", json=[schedule])
    ask("PATCH", f"/deployments/{deployment['id']}", json={"tags": ["mine"], "parameters": {"maps_per_task": 4}})
    places = (place, f"/work_pools/{pool.name}")
    before = [as_deployed(ask("GET", one)) for one in places], ask("POST", "/automations/filter", json={})
    assert {change["done"] for change in pool.deploy()["changes"]} == {"unchanged"}
    after = [as_deployed(ask("GET", one)) for one in places], ask("POST", "/automations/filter", json={})
    assert after == before
    told = [after, *(shard["parameters"] for shard in pool.shards(swept.run))]
    assert not [host for host in (ada, bea, cora) if str(host.folder) in str(told)]
