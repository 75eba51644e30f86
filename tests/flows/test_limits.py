"""Sweeps with a deadline, in groups, and through failures that time may mend: what is done, and what is left."""

import dataclasses
import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest

from lib.draw.contact_sheet import contact_sheet
from storage.errors import StoreUnusable
from tests.flows.tiny import GROWTH, MAPS, UNITS, Bench, let_time_be_over, saved, small_cnn, write_pictures

pytestmark = pytest.mark.usefixtures("prefect_server")

HOURS = 600.0  # minutes
Before = Callable[[str, int], None]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Bench:
    """A store with the tiny model, registered with its data set, of which nothing was swept."""
    from flows.forms.parameters import RegisterParameters
    from flows.register import register

    folder = tmp_path_factory.mktemp("limits")
    file, data = saved(small_cnn(), folder / "small.keras"), write_pictures(folder / "pictures")
    register(RegisterParameters(store=str(folder / "store"), file=file, data=data, data_dir=None, pixels="0..1"))
    return Bench(folder / "store", "model/latest", None)


@pytest.fixture
def copy(bench: Bench, tmp_path: Path) -> Bench:
    """The same in a store of its own."""
    import shutil

    return Bench(Path(shutil.copytree(bench.root, tmp_path / "store")), bench.model, bench.data, bench.first)


@pytest.fixture
def before_each(monkeypatch: pytest.MonkeyPatch) -> Callable[[Before], list[str]]:
    """Have something called before each map is grown, with its name and how many were before it; gives the names."""
    import tasks.sweep.oips

    search_unit = tasks.sweep.oips.search_unit

    def install(before: Before) -> list[str]:
        names: list[str] = []

        def search(unit: Any, *arguments: Any, **named: Any) -> Any:
            names.append(str(unit))
            before(str(unit), len(names) - 1)
            return search_unit(unit, *arguments, **named)

        monkeypatch.setattr(tasks.sweep.oips, "search_unit", search)
        return names

    return install


@pytest.fixture
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.sweeping.layer_maps.MAPS_AT_ONCE", 1)


def over_with(last: int) -> Before:
    """The time is over while the map of this number (from 0) is grown."""

    def before(unit: str, number: int) -> None:
        if number == last:
            let_time_be_over()

    return before


@pytest.mark.usefixtures("one_at_a_time")
def test_at_its_deadline_a_sweep_ends_partial_and_the_next_does_exactly_the_rest(
    copy: Bench, before_each: Callable[[Before], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import tasks.sweep.layers

    cells: list[Any] = []
    monkeypatch.setattr(
        tasks.sweep.layers, "contact_sheet", lambda drawn, **named: cells.extend(drawn) or contact_sheet(drawn, **named)
    )
    grown = before_each(over_with(5))
    state = copy.state(budget=HOURS)
    assert (state.type.value, state.name) == ("COMPLETED", "Partial")
    assert state.message == "4 of 10 maps are left; the next run goes on with them"
    assert grown == UNITS[:6]  # the one that was in the making was finished

    summary = state.result()
    assert (summary["state"], summary["computed"], summary["left"]) == ("partial", 6, 4)
    assert summary == copy.summary(copy.latest)
    assert [unit["verdict"] for unit in summary["units"]] == ["responded"] * 6 + ["left"] * 4
    assert [cell.verdict for cell in cells] == ["responded"] * 6 + ["left"] * 4
    with h5py.File(summary["tensors"]["Conv2D_2"]) as file:
        assert list(file["verdict"]) == [b"responded"] * 2 + [b"left"] * 4
        assert list(file["mask"]) == [True] * 2 + [False] * 4

    del grown[:]
    again = copy.sweep(budget=HOURS)
    assert (again["state"], again["computed"], again["reused"], again["left"]) == ("completed", 4, 6, 0)
    assert grown == UNITS[6:]


@pytest.mark.usefixtures("one_at_a_time")
def test_of_several_maps_of_a_task_run_none_is_begun_after_the_deadline(
    copy: Bench, before_each: Callable[[Before], list[str]]
) -> None:
    grown = before_each(over_with(1))
    state = copy.state(budget=HOURS, maps_per_task=4)
    assert state.message == "8 of 10 maps are left; the next run goes on with them"
    assert grown == UNITS[:2]


@pytest.mark.usefixtures("one_at_a_time")
def test_after_its_deadline_a_sweep_has_what_was_there_and_begins_nothing(
    copy: Bench, before_each: Callable[[Before], list[str]]
) -> None:
    copy.sweep(layers=["Conv2D_2/3-4"])
    grown = before_each(over_with(-1))
    state = copy.state(budget=1e-6)
    assert state.name == "Partial"
    summary = state.result()
    assert (summary["computed"], summary["reused"], summary["left"], grown) == (0, 2, 8, [])
    assert set(summary["sheets"]) == {"Conv2D_2"}


@pytest.mark.usefixtures("one_at_a_time")
def test_before_a_deadline_units_never_made_come_before_those_of_an_older_model(
    copy: Bench, before_each: Callable[[Before], list[str]], tmp_path: Path
) -> None:
    copy.sweep(layers=["Conv2D_1", "Conv2D_2/0"])
    # trained anew: another identity under the same name
    newer = Bench(copy.root, saved(small_cnn(seed=1), tmp_path / "small.keras"), write_pictures(tmp_path / "pictures"))
    grown = before_each(over_with(-1))
    assert newer.sweep(budget=HOURS)["computed"] == 10
    assert grown == UNITS[5:] + UNITS[:5]
    del grown[:]
    other = Bench(copy.root, saved(small_cnn(seed=2), tmp_path / "other.keras"), newer.data)
    assert other.sweep(budget=HOURS)["computed"] == 10
    assert grown == UNITS  # of another name: nothing of it was ever made


def test_several_maps_share_a_task_run_and_each_is_stored_and_fails_by_itself(
    copy: Bench, before_each: Callable[[Before], list[str]], prefect_server: str
) -> None:
    def fail(unit: str, _: int) -> None:
        if unit == "Conv2D_2/1" and failing:
            raise ValueError("no luck")

    failing = [True]
    before_each(fail)
    names = task_names(prefect_server, copy.state(maps_per_task=4, layers=["Conv2D_2"]))
    assert names == {"Conv2D_2/0-3 (4)", "Conv2D_2/4-5 (2)", "Conv2D_2"}
    summary = copy.summary(copy.latest)
    assert (summary["computed"], summary["failures"]) == (5, {"Conv2D_2/1": "ValueError: no luck"})
    failing.clear()
    again = copy.sweep(maps_per_task=1, layers=["Conv2D_2"])
    assert (again["computed"], again["reused"]) == (1, 5)


def test_what_time_may_mend_is_tried_again_and_what_it_may_not_is_not(
    copy: Bench, before_each: Callable[[Before], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.sweeping import layer_maps

    soon = layer_maps.make_oips.with_options(retry_delay_seconds=[0.05, 0.05])
    monkeypatch.setattr(layer_maps, "make_oips", soon)

    def fail(unit: str, _: int) -> None:
        if unit == "Conv2D_1/1" and grown.count(unit) <= 2:
            raise ConnectionResetError("the network is away")
        if unit == "Conv2D_1/2":
            raise MemoryError
        if unit == "Conv2D_1/3":
            raise ValueError("wrong")

    grown = before_each(fail)
    assert copy.state(layers=["Conv2D_1"]).message == "2 of 4 maps failed: Conv2D_1/2, Conv2D_1/3"
    assert [grown.count(unit) for unit in UNITS[:4]] == [1, 3, 3, 1]
    run = copy.store.run(copy.latest)
    assert run.units["Conv2D_1/1"].how == "computed"


@pytest.mark.usefixtures("one_at_a_time")
def test_a_full_store_ends_the_sweep_at_once_with_its_message_first(
    copy: Bench, before_each: Callable[[Before], list[str]]
) -> None:
    def fail(unit: str, number: int) -> None:
        if number == 1:
            raise StoreUnusable("the store is full: free some space") from OSError(errno.ENOSPC, os.strerror(28))

    grown = before_each(fail)
    state = copy.state()
    assert (state.type.value, state.message) == ("FAILED", "the store is full: free some space")
    assert grown == UNITS[:2]
    assert copy.store.runs()[-1].state == "failed"
    before_each(over_with(-1))
    again = copy.sweep()
    assert (again["computed"], again["reused"]) == (9, 1)


def test_the_artifacts_in_prefects_ui_show_every_layer_and_link_to_its_pictures_and_its_page(
    copy: Bench, prefect_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx

    from flows.forms.places import gallery_of
    from flows.results.reports import sweep_lines
    from flows.serving.server_settings import api_headers

    monkeypatch.setenv("DREAMSWEEP_STORE", str(copy.root))
    monkeypatch.setenv("DREAMSWEEP_PUBLIC_URL", "https://host.example/dreams")
    summary = copy.sweep(growth=dataclasses.replace(GROWTH, seed=21))
    question = {"artifacts": {"type": {"any_": ["markdown"]}}, "limit": 20, "sort": "CREATED_DESC"}
    found = (
        httpx.post(f"{prefect_server}/artifacts/filter", json=question, headers=api_headers(), trust_env=False)
        .raise_for_status()
        .json()
    )
    texts = {item["key"]: item["data"] for item in found if str(item["data"]).find(summary["run"]) >= 0}
    assert set(texts) == {"sweep", "layer-conv2d-1", "layer-conv2d-2"}
    for layer, count in MAPS.items():
        for key in ("sweep", f"layer-{layer.lower().replace('_', '-')}"):
            assert f"(https://host.example/dreams/pictures/runs/{summary['run']}/{layer}.png)" in texts[key]
            assert f"| {count} | 0 | 0 | 0 | 0 | 0 |" in texts[key]
    folder = gallery_of(str(copy.root))
    assert folder is not None
    links = re.findall(r"\]\(https://host.example/dreams/pictures/gallery/([^)]*)\)", texts["sweep"])
    assert all((folder / address).is_file() for address in links)
    network = summary["model"].removeprefix("model/")
    pages = {f"{network}/index.html", *(f"{network}/{layer}/index.html" for layer in MAPS)}
    assert {*links} == {"index.html", f"runs/{summary['run']}/index.html", *pages}
    assert texts["sweep"].count("data:image/webp;base64,") == len(MAPS)
    assert all(len(text) < 200_000 for text in texts.values())
    monkeypatch.delenv("DREAMSWEEP_PUBLIC_URL")  # now nobody knows where pictures are
    assert "](http" not in "".join(sweep_lines(copy.store, summary))  # type: ignore[arg-type]


def task_names(url: str, sweep: Any) -> set[str]:
    """The names of the task runs of the layers of a sweep that ended in this state."""
    import time

    import httpx

    from flows.serving.server_settings import api_headers

    def ask(what: str, question: dict[str, Any]) -> list[dict[str, Any]]:
        answer = httpx.post(
            f"{url}/{what}/filter", json=question | {"limit": 200}, headers=api_headers(), trust_env=False
        )
        return list(answer.raise_for_status().json())

    parent = str(sweep.state_details.flow_run_id)
    layers = [run["id"] for run in ask("flow_runs", {"flow_runs": {"parent_flow_run_id": {"any_": [parent]}}})]
    give_up = time.monotonic() + 30  # the recorder writes them down some time later
    names: set[str] = set()
    while len(names) < 3 and time.monotonic() < give_up:
        names = {run["name"] for run in ask("task_runs", {"flow_runs": {"id": {"any_": layers}}}) if run["end_time"]}
        time.sleep(0.2)
    return names
