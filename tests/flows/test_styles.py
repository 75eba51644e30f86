"""A colour network that was swept before "natural" was there: what is kept of it, and what is made now."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from storage.runs import Run
from storage.store import Record, Store
from tasks.sweep.style_of import style_of
from tests.flows.tiny import Bench, saved, with_weights

pytestmark = pytest.mark.usefixtures("prefect_server")

CLI = Callable[..., tuple[int, str, str]]
EARLIER: dict[str, Any] = {
    "style": "strong",
    "growth": {
        "constraint": "standardised",
        "objective": "response",
        "oips": 2,
        "starts": 4,
        "steps": 8,
        "step_size": 1.0,
        "smoothing": 0.0,
        "jitter": 0,
        "length_scales": [[1.0], [2.0], [1.0, 3.0], [2.0, 5.0], [1.0, 3.0, 7.0], [4.0]],
        "shared_starts": False,
        "seed": 0,
    },
}
"""As forms of version 0.1.0 had it recorded, with every default filled in."""
SINCE = {"pixels", "fit", "hold", "output", "judge"}
"""Parameters of a sweep that there were not yet; nor were there margins."""
UNITS = [f"colours/{index}" for index in range(3)]
FAILED = UNITS[1]


def colours() -> Any:
    import keras
    from keras import layers as kl

    entry = keras.Input((24, 24, 3))
    maps = kl.Conv2D(len(UNITS), 5, activation="relu", name="colours")(entry)
    return with_weights(keras.Model(entry, kl.Dense(2)(kl.Flatten()(maps)), name="coloured"))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Bench:
    """A store with a sweep of before, in which one map failed, and nothing fails any more."""
    import tasks.sweep.oips

    search_unit = tasks.sweep.oips.search_unit

    def faulty(unit: Any, *arguments: Any, **named: Any) -> Any:
        if str(unit) == FAILED:
            raise ValueError("no luck")
        return search_unit(unit, *arguments, **named)

    open_run = Store.open_run

    def of_before(store: Store, flow: str, parameters: dict[str, Any], **_: Any) -> Run:
        return open_run(store, flow, {name: parameters[name] for name in parameters.keys() - SINCE})

    folder = tmp_path_factory.mktemp("styles")
    made = Bench(folder / "store", saved(colours(), folder / "coloured.keras"), None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks.sweep.oips, "search_unit", faulty)
        patch.setattr(Store, "open_run", of_before)
        patch.setattr("flows.sweeping.sweep_context.usual_margin", lambda *_, **__: False)
        assert made.state(**EARLIER).is_failed()
    return Bench(made.root, "model/latest", None, made.latest)


@pytest.fixture(scope="module")
def now(bench: Bench) -> str:
    """The run of a sweep of the same network with all defaults, which came after."""
    summary = bench.sweep(growth={})
    assert (summary["computed"], summary["reused"]) == (3, 0)
    return str(summary["run"])


def records(bench: Bench, run: str) -> list[Record]:
    made = bench.store.run(run).units
    return [bench.store.record(made[unit].record) for unit in UNITS if unit in made]


def styles(bench: Bench, run: str) -> set[str]:
    return {style_of(one.parameters, one.output("oips").attributes) for one in records(bench, run)}


def night(bench: Bench, **saved_in_the_deployment: Any) -> str:
    """The sweep of a night that starts with what a deployment has saved."""
    from flows.forms.parameters import NightlyParameters
    from flows.nightly import nightly

    asked = {"model": "model/latest", "data": None, "data_dir": None, "analysis": None}
    parameters = NightlyParameters(store=str(bench.root), **asked, **saved_in_the_deployment)
    assert nightly(parameters, return_state=True).is_completed()
    return bench.latest


def test_a_network_in_colour_is_swept_in_natural_now_and_all_of_it_anew(bench: Bench, now: str) -> None:
    for record in records(bench, now):
        assert (record.parameters["style"], record.parameters["constraint"]) == ("natural", "box")
    assert {unit["style"] for unit in bench.summary(now)["units"]} == styles(bench, now)
    assert len(records(bench, bench.first)) == 2


def test_a_failed_map_of_the_sweep_before_is_made_in_the_style_of_that_sweep(
    bench: Bench, now: str, cli: CLI, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("flows.cli.at_work.at_work", lambda place: nullcontext())
    code, out, err = cli("rerun", bench.first, "--store", bench.root, "--out", tmp_path, "--json")
    assert code == 0, err
    again = json.loads(out)
    assert (again["computed"], again["reused"]) == (1, 2)
    assert styles(bench, again["run"]) == {"strong"}
    found = [dict(record.parameters) for record in records(bench, again["run"])]
    assert sorted(parameters.pop("unit") for parameters in found) == UNITS
    assert found[0] == found[1] == found[2]
    assert found[0].items() >= EARLIER["growth"].items()
    assert "style" not in found[0]


def test_a_night_keeps_the_style_that_is_saved_and_without_one_takes_the_networks(bench: Bench, now: str) -> None:
    kept = records(bench, night(bench, **EARLIER))
    assert {record.key for record in kept} > {record.key for record in records(bench, bench.first)}
    assert [one.key for one in records(bench, night(bench))] == [one.key for one in records(bench, now)]


def test_the_sweep_before_stays_in_the_gallery_with_its_style(bench: Bench, now: str, tmp_path: Path) -> None:
    from tests.tasks.gallery.made import Made

    assert bench.sweep(growth={})["reused"] == 3  # what was swept last is shown first
    gallery = Made(bench.store, tmp_path / "gallery")
    (page,) = gallery.out.glob("coloured-*/colours/0/index.html")
    text = gallery.text(page.relative_to(gallery.out).as_posix())
    shown, other = text.split("Other results")
    told = json.loads(page.with_name("unit.json").read_text())["style"]
    assert f"style {told}" in shown
    assert "strong standardised" in other
