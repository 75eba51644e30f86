"""Sweeps from end to end, on Prefect's server: what is computed, what is reused, and what a failing map does."""

import dataclasses
import gc
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import h5py
import httpx
import numpy as np
import pytest
from PIL import Image

from flows.forms.places import DATA_FOLDER
from flows.serving.server_settings import api_headers
from lib.draw.contact_sheet import contact_sheet
from storage import garbage, verify
from tasks.session.progress import listen
from tasks.session.session import Session
from tasks.sweep.context import SweepContext
from tests.flows.tiny import GROWTH, MAPS, UNITS, Bench, saved, small_cnn, write_pictures

pytestmark = pytest.mark.usefixtures("prefect_server")

NOTHING_ELSE = {"unreached": 0, "silent": 0, "dead": 0, "failed": 0, "left": 0}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Bench:
    """A store with the tiny model, registered with its data set, and one sweep of all its maps."""
    folder = tmp_path_factory.mktemp("sweep")
    made = Bench(folder / "store", saved(small_cnn(), folder / "small.keras"), write_pictures(folder / "pictures"))
    return Bench(made.root, "model/latest", None, made.sweep()["run"])


@pytest.fixture
def copy(bench: Bench, tmp_path: Path) -> Bench:
    """The same in a store of its own, to be damaged."""
    import shutil

    return Bench(Path(shutil.copytree(bench.root, tmp_path / "store")), bench.model, bench.data, bench.first)


@pytest.fixture
def three_faults(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Three maps fail while their OIPs are grown, whatever else goes on; gives their names."""
    import tasks.sweep.oips

    failing = ["Conv2D_1/2", "Conv2D_2/0", "Conv2D_2/5"]
    search_unit = tasks.sweep.oips.search_unit

    def faulty(unit: Any, *arguments: Any, **named: Any) -> Any:
        if str(unit) in failing:
            raise OSError(f"the disk under {unit} is on fire")
        return search_unit(unit, *arguments, **named)

    monkeypatch.setattr(tasks.sweep.oips, "search_unit", faulty)
    yield failing
    monkeypatch.setattr(tasks.sweep.oips, "search_unit", search_unit)


def test_a_sweep_tells_what_it_waits_for_and_how_much_of_it_was_there(copy: Bench) -> None:
    def told() -> list[tuple[Any, ...]]:
        heard: list[tuple[Any, ...]] = []
        with listen(lambda *said: heard.append(said)):
            copy.sweep(layers=["Conv2D_1/0-1"], growth=dataclasses.replace(GROWTH, seed=77))
        return heard

    first = told()
    for what in ("loading model/", "tracing Conv2D_1"):
        (begun, over) = [said[1:3] for said in first if said[0].startswith(what)][:2]
        assert (begun, over) == ((0, 1), (1, 1))
    assert [said[1:] for said in first if said[0] == "Conv2D_1"][-1] == (2, 2, "", "maps", 0)
    again = told()
    assert [said[1:] for said in again if said[0] == "Conv2D_1"][-1] == (2, 2, "", "maps", 2)
    assert not [said for said in again if said[0].startswith("tracing")]


def task_states(url: str, flow_run: str | None, count: int) -> dict[str, str]:
    """The names of the states of all task runs of a flow run, by the task run's name, when there are `count`."""
    question = {"flow_runs": {"id": {"any_": [flow_run]}}, "limit": 200}
    give_up = time.monotonic() + 30  # the recorder writes them down some time later
    while True:
        runs = (
            httpx.post(f"{url}/task_runs/filter", json=question, headers=api_headers(), trust_env=False)
            .raise_for_status()
            .json()
        )
        ended = {run["name"]: run["state_name"] for run in runs if run["end_time"]}
        if len(ended) >= count or time.monotonic() > give_up:
            return ended
        time.sleep(0.2)


def layer_runs(url: str, parent: str | None) -> dict[str, dict[str, Any]]:
    """The flow runs of the layers of a sweep, by name."""
    question = {"flow_runs": {"parent_flow_run_id": {"any_": [parent]}}}
    runs = (
        httpx.post(f"{url}/flow_runs/filter", json=question, headers=api_headers(), trust_env=False)
        .raise_for_status()
        .json()
    )
    return {run["name"]: run for run in runs}


@pytest.fixture
def sweep_runs(prefect_server: str) -> Any:
    """Ask the server for the layers' flow runs of the sweep that was run last."""

    def ask() -> dict[str, dict[str, Any]]:
        question = {"flows": {"name": {"any_": ["oip-sweep"]}}, "sort": "START_TIME_DESC", "limit": 1}
        (newest,) = (
            httpx.post(f"{prefect_server}/flow_runs/filter", json=question, headers=api_headers(), trust_env=False)
            .raise_for_status()
            .json()
        )
        return layer_runs(prefect_server, newest["id"])

    return ask


def files(summary: dict[str, Any]) -> dict[str, bytes]:
    """The bytes of every picture and array of a sweep, by unit and kind."""
    return {
        f"{unit['unit']} {kind}": Path(unit[kind]).read_bytes()
        for unit in summary["units"]
        for kind in ("png", "npy")
        if kind in unit
    }


def test_a_layer_is_a_flow_run_and_a_map_a_task_run_in_prefect(
    copy: Bench, prefect_server: str, sweep_runs: Any
) -> None:
    summary = copy.sweep(growth=dataclasses.replace(GROWTH, seed=11))
    assert (summary["computed"], summary["reused"]) == (10, 0)
    layers = sweep_runs()
    assert set(layers) == set(MAPS)
    for layer, count in MAPS.items():
        assert layers[layer]["state_type"] == "COMPLETED"
        states = task_states(prefect_server, layers[layer]["id"], count + 1)
        assert states == {f"{layer}/{index}": "Completed" for index in range(count)} | {layer: "Completed"}
    assert copy.sweep(growth=dataclasses.replace(GROWTH, seed=11))["computed"] == 0
    layers = sweep_runs()
    for layer, count in MAPS.items():
        states = task_states(prefect_server, layers[layer]["id"], count + 1)
        assert states == {f"{layer}/{index}": "Reused" for index in range(count)} | {layer: "Reused"}


def test_the_same_sweep_again_computes_nothing_and_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    first = bench.summary()
    records = {record.key for record in bench.store.records()}
    for work in (
        "tasks.sweep.oips.search_unit",
        "tasks.sweep.image_parts.find_exemplars",
        "tasks.sweep.layers.contact_sheet",
    ):
        monkeypatch.setattr(work, lambda *_, **__: pytest.fail("something was computed again"))
    again = bench.sweep()
    assert (again["computed"], again["reused"]) == (0, 10)
    assert {record.key for record in bench.store.records()} == records
    assert again["run"] != first["run"]
    assert again == first | {name: again[name] for name in ("run", "seconds", "computed", "reused")}


def test_while_the_gallery_is_made_what_a_sweep_knew_is_gone_and_its_flow_is_known_to_live(
    copy: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is known of a large network's maps takes hundreds of megabytes, and so does what the gallery knows of them;
    and a process may be killed while it makes that."""
    kept: list[list[str]] = []
    living: list[Path] = []
    folder = DATA_FOLDER / "prefect" / "living"
    before = {*folder.glob("*.json")}

    def look(_: str) -> None:
        kept.append([kind.__name__ for kind in map(type, gc.get_objects()) if kind in (SweepContext, Session)])
        living.extend({*folder.glob("*.json")} - before)

    monkeypatch.setattr("flows.sweep.refresh_gallery", look)
    gc.collect()
    gc.disable()  # to look for garbage first, of which TensorFlow leaves much, would take a second
    try:
        assert copy.sweep(growth=dataclasses.replace(GROWTH, seed=11))["computed"] == 10
    finally:
        gc.enable()
    assert kept == [[]]
    assert len(living) == 1


def test_a_sweep_tells_all_of_its_units_in_the_networks_order(bench: Bench) -> None:
    summary = bench.summary()
    assert summary["verdicts"] == {layer: {"responded": count, **NOTHING_ELSE} for layer, count in MAPS.items()}
    assert [unit["unit"] for unit in summary["units"]] == UNITS
    assert set(summary["sheets"]) == set(summary["tensors"]) == set(MAPS)
    for unit in summary["units"]:
        assert 1 <= len(unit["oips"]) <= GROWTH.oips
        assert {"response", "pre_activation", "seed", "length_scales", "start"} <= set(unit["oips"][0])
        assert unit["response"] == unit["oips"][0]["response"] >= unit["oips"][-1]["response"]
        assert len(unit["exemplars"]) == len(set(unit["exemplars"])) == 9
        Image.open(unit["png"]).verify()


def test_only_the_maps_whose_blobs_were_deleted_are_computed_again(copy: Bench) -> None:
    before = files(copy.summary())
    gone = ["Conv2D_1/0", "Conv2D_2/3", "Conv2D_2/4"]
    for unit, role in zip(gone, ("oips", "picture", "oips"), strict=True):
        copy.blob(copy.record(unit).output(role).digest).unlink()
    again = copy.sweep()
    assert (again["computed"], again["reused"]) == (3, 7)
    run = copy.store.run(again["run"])
    assert [unit for unit in UNITS if run.units[unit].how == "computed"] == gone
    assert files(again) == before
    assert copy.sweep()["computed"] == 0


def test_three_maps_that_fail_stop_no_other_and_only_they_are_computed_again(
    copy: Bench, three_faults: list[str], monkeypatch: pytest.MonkeyPatch, prefect_server: str, sweep_runs: Any
) -> None:
    import tasks.sweep.layers

    cells: list[Any] = []
    monkeypatch.setattr(
        tasks.sweep.layers, "contact_sheet", lambda drawn, **named: cells.extend(drawn) or contact_sheet(drawn, **named)
    )
    growth = dataclasses.replace(GROWTH, seed=12)
    with pytest.raises(Exception, match="3 of 10 maps failed: Conv2D_1/2, Conv2D_2/0, Conv2D_2/5"):
        copy.sweep(growth=growth)

    summary = copy.summary(copy.latest)
    assert (summary["state"], summary["computed"], summary["reused"]) == ("failed", 7, 0)
    assert [unit["unit"] for unit in summary["units"] if unit["verdict"] == "failed"] == three_faults
    assert [counts["failed"] for counts in summary["verdicts"].values()] == [1, 2]
    assert set(summary["failures"]) == set(three_faults)
    assert all(f"the disk under {unit} is on fire" in message for unit, message in summary["failures"].items())

    layers = sweep_runs()
    assert {name: run["state_type"] for name, run in layers.items()} == dict.fromkeys(MAPS, "FAILED")
    states = task_states(prefect_server, layers["Conv2D_2"]["id"], 7)
    assert states == {
        **{f"Conv2D_2/{index}": "Failed" if index in (0, 5) else "Completed" for index in range(6)},
        "Conv2D_2": "Completed",
    }

    assert [cell.verdict for cell in cells] == ["failed" if unit in three_faults else "responded" for unit in UNITS]
    for layer, count in MAPS.items():
        Image.open(summary["sheets"][layer]).verify()
        with h5py.File(summary["tensors"][layer]) as file:
            failed = [f"{layer}/{index}" in three_faults for index in range(count)]
            np.testing.assert_array_equal(file["mask"], ~np.array(failed))
            np.testing.assert_array_equal(np.asarray(file["verdict"]) == b"failed", failed)
            assert np.isnan(file["oips"][np.array(failed)]).all()
            assert not np.isnan(file["oips"][~np.array(failed)][:, 0]).any()

    units = list(three_faults)
    three_faults.clear()  # the fault is mended
    again = copy.sweep(growth=growth)
    assert (again["state"], again["computed"], again["reused"]) == ("completed", 3, 7)
    run = copy.store.run(again["run"])
    assert [unit for unit in UNITS if run.units[unit].how == "computed"] == units
    with h5py.File(again["tensors"]["Conv2D_2"]) as file:
        assert np.asarray(file["mask"]).all()


def test_a_layer_that_cannot_be_gathered_fails_the_sweep_and_leaves_its_maps(
    copy: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.sweep.layers.contact_sheet", lambda *_, **__: 1 / 0)
    growth = dataclasses.replace(GROWTH, seed=13)
    with pytest.raises(Exception, match="Conv2D_1"):
        copy.sweep(growth=growth, layers=["Conv2D_1"])
    monkeypatch.undo()
    again = copy.sweep(growth=growth, layers=["Conv2D_1"])
    assert (again["state"], again["computed"], again["reused"]) == ("completed", 0, 4)


def test_the_same_seed_gives_the_same_bytes_in_a_fresh_store_and_another_seed_does_not(
    bench: Bench, tmp_path: Path
) -> None:
    first = files(bench.summary())
    fresh = Bench(tmp_path / "store", saved(small_cnn(), tmp_path / "small.keras"), None)
    data = bench.summary()["data"]
    again = fresh.sweep(data=data)
    assert again["computed"] == 10
    assert files(again) == first
    other = files(fresh.sweep(data=data, layers=["Conv2D_1/0"], growth=dataclasses.replace(GROWTH, seed=4)))
    assert set(other.values()).isdisjoint(first.values())


def test_a_subset_of_the_layers_or_units_reuses_what_the_whole_has_computed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for work in ("tasks.sweep.oips.search_unit", "tasks.sweep.image_parts.find_exemplars"):
        monkeypatch.setattr(work, lambda *_, **__: pytest.fail("something was computed again"))
    for layers, units in (
        (["Conv2D_2"], UNITS[4:]),
        (["*_1/1-2", "Conv2D_2/5"], ["Conv2D_1/1", "Conv2D_1/2", "Conv2D_2/5"]),
    ):
        some = bench.sweep(layers=layers, large_tensors=True, batch=7)
        assert [unit["unit"] for unit in some["units"]] == units
        assert (some["computed"], some["reused"]) == (0, len(units))


def test_garbage_collection_keeps_what_a_newer_sweep_only_reused(copy: Bench) -> None:
    again = copy.sweep()
    assert again["reused"] == 10
    store = copy.store
    store.delete_run(copy.first)
    before = files(again)
    garbage.collect(garbage.plan(store, timedelta(0)))
    report = verify.verify(copy.store)
    assert (report.clean, report.orphans, report.unindexed) == (True, 0, 0)
    assert files(copy.summary(again["run"])) == before
    assert copy.sweep()["computed"] == 0


def test_results_of_changed_code_are_reused_by_the_same_changes_only(
    copy: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sweep(changes: str | None) -> tuple[int, int]:
        code = {"commit": "c" * 40, "changes": changes, "sources": "d" * 64}
        monkeypatch.setattr("tasks.session.session.code_version", lambda: code)
        summary = copy.sweep(layers=["Conv2D_1/0-1"], growth=dataclasses.replace(GROWTH, seed=14))
        return summary["computed"], summary["reused"]

    assert sweep(None) == (2, 0)
    assert sweep("1" * 64) == (2, 0)
    assert sweep("2" * 64) == (2, 0)
    assert sweep("1" * 64) == (0, 2)
    assert sweep(None) == (0, 2)
