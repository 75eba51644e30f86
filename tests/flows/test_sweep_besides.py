"""What a sweep makes besides maps: it fails and waits by itself, and is counted as no map."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import tasks.sweep.oips
from flows.results.documents import record_document
from lib.deadline import Deadline
from tests.flows.tiny import MAPS, Bench, saved, small_cnn, write_pictures

pytestmark = pytest.mark.usefixtures("prefect_server")

LAYER = "Conv2D_1"
COUNT = MAPS[LAYER]
BESIDES = {f"{what} of {LAYER}" for what in ("exemplars", "responses", "weights", "negatives", "naturalness")}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A store of its own, with nothing in it yet."""
    model = saved(small_cnn(), tmp_path / "small.keras")
    return Bench(tmp_path / "store", model, write_pictures(tmp_path / "pictures"))


def besides(bench: Bench, run: str) -> dict[str, str]:
    """What the run has for neither maps nor models, and how it came by it."""
    return {unit: result.how for unit, result in bench.store.run(run).units.items() if " of " in unit}


def test_a_sweep_makes_records_besides_maps_and_makes_none_twice(bench: Bench) -> None:
    first = bench.sweep(layers=[LAYER])
    assert (first["computed"], first["reused"], first["waiting"]) == (COUNT, 0, [])
    assert besides(bench, first["run"]) == dict.fromkeys(BESIDES, "computed")
    again = bench.sweep(layers=[LAYER])
    assert (again["computed"], again["reused"]) == (0, COUNT)
    assert besides(bench, again["run"]) == dict.fromkeys(BESIDES, "reused")
    some = bench.sweep(layers=[f"{LAYER}/2"])
    # what is measured of the pictures is of just those that the run has
    assert besides(bench, some["run"]) == dict.fromkeys(BESIDES, "reused") | {f"naturalness of {LAYER}": "computed"}
    for summary in (first, again, some):
        for unit in summary["units"]:
            assert list(unit["measures"]) == ["kept_shift", "kept_turn", "kept_blur", "fine_detail"]
            assert 0 < unit["measures"]["kept_blur"]["value"] < 1
            document = record_document(bench.store, bench.store.record(unit["record"]))
            assert document["measures"] == unit["measures"]


def test_without_a_data_set_there_is_nothing_that_is_of_its_images(bench: Bench) -> None:
    state = bench.sweep(layers=[f"{LAYER}/0"], data=None)
    assert set(besides(bench, state["run"])) == {
        f"{what} of {LAYER}" for what in ("weights", "naturalness", "negatives")
    }
    assert "data" not in state["units"][0]["measures"]["fine_detail"]


def test_of_a_layer_in_which_a_map_failed_the_pictures_of_the_others_are_measured(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = tasks.sweep.oips.search_unit

    def but_one(unit: Any, *arguments: Any, **named: Any) -> Any:
        if unit.index == 1:
            raise ValueError("not this one")
        return search(unit, *arguments, **named)

    monkeypatch.setattr(tasks.sweep.oips, "search_unit", but_one)
    assert bench.state(layers=[LAYER]).is_failed()
    units = bench.summary(bench.latest)["units"]
    assert [unit["unit"] for unit in units if unit.get("measures")] == [f"{LAYER}/{index}" for index in (0, 2, 3)]
    monkeypatch.undo()
    assert all(unit["measures"] for unit in bench.sweep(layers=[LAYER])["units"])


@pytest.mark.parametrize(
    ("work", "name"),
    [
        ("tasks.sweep.negatives.grow_negatives", f"negatives of {LAYER}"),
        ("tasks.sweep.naturalness.kept_shares", f"naturalness of {LAYER}"),
        ("tasks.sweep.weights.nearest_by_weights", "weights"),
    ],
)
def test_what_fails_besides_maps_fails_neither_maps_nor_layers(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, work: str, name: str
) -> None:
    monkeypatch.setattr(work, lambda *_, **__: 1 / 0)
    state = bench.state(layers=[LAYER])
    assert (state.is_failed(), state.message) == (True, f"failed: {name}")
    summary = bench.summary(bench.latest)
    assert (summary["state"], summary["computed"]) == ("failed", COUNT)
    assert summary["verdicts"][LAYER]["responded"] == COUNT
    assert set(summary["failures"]) == {name}
    assert "division by zero" in summary["failures"][name]
    assert set(summary["sheets"]) == {LAYER}
    monkeypatch.undo()
    again = bench.sweep(layers=[LAYER])
    assert (again["state"], again["computed"], again["reused"]) == ("completed", 0, COUNT)


def test_what_the_time_is_over_for_waits_for_the_next_run(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    import flows.sweep

    take_stock = flows.sweep._take_stock

    def at_the_end(context: Any, *arguments: Any) -> int:
        context.session.deadline = Deadline(datetime.now(UTC))
        return take_stock(context, *arguments)

    monkeypatch.setattr(flows.sweep, "_take_stock", at_the_end)
    state = bench.state(layers=[LAYER])
    left = f"naturalness of {LAYER}, negatives of {LAYER}"
    assert (state.name, state.message) == ("Partial", f"{left} are left; the next run goes on with them")
    summary = bench.summary(bench.latest)
    assert (summary["state"], summary["computed"], summary["left"]) == ("partial", COUNT, 0)
    assert summary["waiting"] == [f"naturalness of {LAYER}", f"negatives of {LAYER}"]
    monkeypatch.undo()
    again = bench.sweep(layers=[LAYER])
    assert (again["state"], again["computed"], again["waiting"]) == ("completed", 0, [])
    monkeypatch.setattr(flows.sweep, "_take_stock", at_the_end)
    there = bench.sweep(layers=[LAYER])  # what is there is the run's, however late it is
    assert (there["state"], there["waiting"]) == ("completed", [])
    assert besides(bench, there["run"]) == dict.fromkeys(BESIDES, "reused")
