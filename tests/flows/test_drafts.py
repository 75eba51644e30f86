"""Sweeps in passes: drafts of all units first, then better pictures of those that need them most."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import httpx
import numpy as np
import pytest

from lib.deadline import OutOfTime
from lib.oips.settings import GrowthSettings
from storage import verify
from tasks.sweep.kinds.oip import NOT_SHOWN
from tests.flows.tiny import Bench, let_time_be_over, saved, with_weights, write_pictures

pytestmark = pytest.mark.usefixtures("prefect_server")

CLI = Callable[..., tuple[int, str, str]]
HOURS = 600.0  # minutes
GROWTH = GrowthSettings(starts=2, steps=16, seed=3)  # a draft has one restart
UNITS = [f"{layer}/{index}" for layer in ("first", "second") for index in range(3)]
Grown = list[tuple[str, str]]
"""Unit and quality of each search, in order."""


def two_layers() -> Any:
    import keras
    from keras import layers as kl

    entry = keras.Input((24, 24, 3))
    maps = kl.Conv2D(3, 3, activation="relu", name="first")(entry)
    maps = kl.Conv2D(3, 3, activation="relu", name="second")(maps)
    return with_weights(keras.Model(entry, kl.Dense(3, activation="softmax")(kl.Flatten()(maps)), name="coloured"))


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Bench:
    """A store with a colour network and its data set, of which nothing was swept."""
    from flows.forms.parameters import RegisterParameters
    from flows.register import register

    folder = tmp_path_factory.mktemp("drafts")
    file, data = (
        saved(two_layers(), folder / "coloured.keras"),
        write_pictures(folder / "pictures", side=24, channels=3),
    )
    register(RegisterParameters(store=str(folder / "store"), file=file, data=data, data_dir=None, pixels="0..1"))
    return Bench(folder / "store", "model/latest", None)


@pytest.fixture
def bench(registered: Bench, tmp_path: Path) -> Bench:
    """The same in a store of its own."""
    return Bench(Path(shutil.copytree(registered.root, tmp_path / "store")), registered.model, registered.data)


@pytest.fixture
def grown(monkeypatch: pytest.MonkeyPatch) -> Grown:
    """What is searched for, one unit after the other."""
    import tasks.sweep.oips

    monkeypatch.setattr("flows.sweeping.layer_maps.MAPS_AT_ONCE", 1)
    search_unit = tasks.sweep.oips.search_unit
    found: Grown = []

    def search(unit: Any, growth: Any, *arguments: Any, **named: Any) -> Any:
        found.append((str(unit), growth.quality))
        return search_unit(unit, growth, *arguments, **named)

    monkeypatch.setattr(tasks.sweep.oips, "search_unit", search)
    return found


@pytest.fixture
def over_after(monkeypatch: pytest.MonkeyPatch, grown: Grown) -> Callable[[int], None]:
    """Let the time be over, once, while the search of this number, from 1, goes on."""
    import tasks.sweep.oips

    search_unit = tasks.sweep.oips.search_unit

    def install(number: int) -> None:
        waiting = [number]

        def search(*arguments: Any, **named: Any) -> Any:
            if waiting == [len(grown) + 1]:
                waiting.clear()
                let_time_be_over()
            return search_unit(*arguments, **named)

        monkeypatch.setattr(tasks.sweep.oips, "search_unit", search)

    return install


def sweep(bench: Bench, **changes: Any) -> dict[str, Any]:
    return bench.sweep(**{"growth": GROWTH, **changes})


def state(bench: Bench, **changes: Any) -> Any:
    return bench.state(**{"growth": GROWTH, **changes})


def qualities(summary: dict[str, Any]) -> dict[str, str]:
    return {unit["unit"]: unit.get("quality") for unit in summary["units"]}


def test_every_unit_has_a_draft_before_any_is_refined_and_at_the_end_all_are(bench: Bench, grown: Grown) -> None:
    summary = sweep(bench)
    assert [quality for _, quality in grown] == ["draft"] * 6 + ["standard"] * 6
    assert sorted({unit for unit, quality in grown if quality == "draft"}) == UNITS
    assert (summary["state"], summary["left"], summary["waiting"]) == ("completed", 0, [])
    assert bench.store.run(bench.latest).units["first/0"].kind == "oip"
    del grown[:]
    again = sweep(bench)
    assert (again["computed"], again["reused"], grown) == (0, 6, [])
    assert qualities(again) == qualities(summary)


def test_a_sweep_for_drafts_ends_with_them_and_a_sweep_for_better_ones_goes_on_from_there(
    bench: Bench, grown: Grown
) -> None:
    drafts = sweep(bench, quality="draft")
    assert set(qualities(drafts).values()) == {"draft"}
    assert drafts["state"] == "completed"
    del grown[:]
    sweep(bench)
    assert [quality for _, quality in grown] == ["standard"] * 6
    del grown[:]
    again = sweep(bench, quality="draft")
    assert (again["computed"], again["reused"], again["waiting"], grown) == (0, 6, [], [])
    assert set(qualities(again).values()) == {"standard"}, "a draft takes the place of nothing better"
    settings = GrowthSettings(steps=16, seed=3)  # its best has four restarts, its standard one, as a draft has
    best = sweep(bench, quality="best", layers=["first"], growth=settings)
    assert [quality for _, quality in grown] == ["standard"] * 3 + ["best"] * 3
    assert set(qualities(best)) == {"first/0", "first/1", "first/2"}


def test_whoever_has_better_pictures_gets_no_drafts(bench: Bench, grown: Grown) -> None:
    sweep(bench, layers=["first"])
    del grown[:]
    sweep(bench)
    assert grown == [(unit, "draft") for unit in UNITS[3:]] + [(unit, "standard") for unit in UNITS[3:]]


def test_at_the_deadline_drafts_stand_where_time_was_too_short_and_the_next_night_goes_on(
    bench: Bench, grown: Grown, over_after: Callable[[int], None]
) -> None:
    over_after(8)
    ended = state(bench, budget=HOURS)
    assert ended.name == "Partial"
    assert ended.message == "better pictures of 4 maps are left; the next run goes on with them"
    summary = ended.result()
    assert (summary["left"], summary["computed"], len(grown)) == (0, 6, 8)
    assert set(summary["sheets"]) == {"first", "second"}, "a whole gallery, of drafts where there is nothing better"
    refined = [unit for unit, quality in grown if quality == "standard"]
    assert {unit for unit, quality in qualities(summary).items() if quality == "draft"} >= set(UNITS) - set(refined)
    del grown[:]
    again = sweep(bench, budget=HOURS)
    assert sorted(grown) == sorted((unit, "standard") for unit in UNITS if unit not in refined)
    assert again["state"] == "completed"
    assert verify.verify(bench.store).clean


def test_at_a_deadline_among_the_drafts_what_is_left_is_left(
    bench: Bench, grown: Grown, over_after: Callable[[int], None]
) -> None:
    over_after(4)
    ended = state(bench, budget=HOURS)
    assert ended.message == "2 of 6 maps, better pictures of 4 maps are left; the next run goes on with them"
    del grown[:]
    sweep(bench, budget=HOURS)
    assert [quality for _, quality in grown] == ["draft"] * 2 + ["standard"] * 6


def test_long_after_the_deadline_what_is_under_way_is_given_up_and_left(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as late:
        late.setattr("tasks.sweep.context.LATEST_SECONDS", -60 * HOURS)
        ended = state(bench, budget=HOURS)
    assert (ended.name, ended.message) == ("Partial", "6 of 6 maps are left; the next run goes on with them")
    assert sweep(bench)["computed"] == 6


def test_what_there_is_no_time_for_is_left_and_not_failed_though_another_map_fails(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Units are turned away before the deadline, and no others of the layer are begun in vain."""
    import tasks.sweep.oips

    search_unit, begun = tasks.sweep.oips.search_unit, []

    def search(unit: Any, growth: Any, *arguments: Any, **named: Any) -> Any:
        begun.append(str(unit))
        if str(unit) == "first/0":
            raise ArithmeticError("first/0 responds with infinities or NaN")
        if str(unit) == "first/1":
            raise OutOfTime("the search takes 900 s, and 60 s are left")
        return search_unit(unit, growth, *arguments, **named)

    monkeypatch.setattr("flows.sweeping.layer_maps.MAPS_AT_ONCE", 1)
    monkeypatch.setattr(tasks.sweep.oips, "search_unit", search)
    ended = state(bench, budget=HOURS, quality="draft", layers=["first"])
    assert begun == ["first/0", "first/1"]
    run = bench.store.run(bench.latest)
    assert list(run.failures) == ["first/0"]
    assert ended.is_failed()


def test_before_a_deadline_what_takes_long_waits_until_all_others_are_refined(
    bench: Bench, grown: Grown, over_after: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    import tasks.sweep.oips

    over_after(13)  # six drafts, six refinements of which two are put off, and the first of these two
    long, search_unit, ended = ("first/0", "second/1"), tasks.sweep.oips.search_unit, []

    def search(unit: Any, growth: Any, *arguments: Any, turn: Any, **named: Any) -> Any:
        found = search_unit(unit, growth, *arguments, turn=turn, **named)
        if str(unit) in long and growth.quality == "standard":
            with turn:
                pass
        ended.append((str(unit), growth.quality))
        return found

    monkeypatch.setattr(tasks.sweep.oips, "search_unit", search)
    first = state(bench, budget=HOURS)
    assert first.message == "better pictures of 1 map are left; the next run goes on with them"
    assert sorted(unit for unit, _ in ended[6:10]) == [unit for unit in UNITS if unit not in long]
    assert [unit for unit, _ in ended[10:]] == [long[0]]
    assert not bench.store.run(bench.latest).failures
    del ended[:]
    assert sweep(bench, budget=HOURS)["state"] == "completed"
    assert ended == [(long[1], "standard")]


def test_a_map_that_fails_takes_none_with_it_whose_search_is_put_off(
    bench: Bench, grown: Grown, over_after: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    import tasks.sweep.oips

    over_after(7)  # three drafts, three refinements, and the one that was put off
    search_unit = tasks.sweep.oips.search_unit

    def search(unit: Any, growth: Any, *arguments: Any, turn: Any, **named: Any) -> Any:
        found = search_unit(unit, growth, *arguments, turn=turn, **named)
        if (str(unit), growth.quality) == ("first/1", "standard"):
            raise ArithmeticError("first/1 responds with infinities or NaN")
        if (str(unit), growth.quality) == ("first/0", "standard"):
            with turn:
                raise OutOfTime("it is not at its end")
        return found

    monkeypatch.setattr(tasks.sweep.oips, "search_unit", search)
    assert state(bench, budget=HOURS, layers=["first"]).is_failed()
    run = bench.store.run(bench.latest)
    assert list(run.failures) == ["first/1"]
    assert bench.store.record(run.units["first/0"].record).parameters["quality"] == "draft"


def test_before_a_deadline_what_needs_it_most_is_refined_first(
    bench: Bench, grown: Grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.sweep.shown import need_of

    monkeypatch.setattr("flows.sweeping.sweep_order.MAPS_AT_ONCE", 1)
    drafts = sweep(bench, quality="draft")
    needs = {one["unit"]: need_of(bench.store.record(one["record"]), "natural") for one in drafts["units"]}
    del grown[:]
    sweep(bench, budget=HOURS)
    order = [unit for unit, _ in grown]
    rounds = [order[: 6 // 4 + 1], order[6 // 4 + 1 :]]
    assert max(needs[unit] for unit in rounds[0]) <= max(needs[unit] for unit in rounds[1])
    assert needs[order[0]] == min(needs[unit] for unit in order[:2])


def test_a_refinement_that_is_worse_replaces_nothing_and_is_made_once(
    bench: Bench, grown: Grown, cli: CLI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tasks.sweep.oips
    from flows.web.access import Access, authorization
    from flows.web.listening import LOCALHOST, address_of, listen, port_of
    from flows.web.picture_server import PictureServer, picture_app

    search_unit = tasks.sweep.oips.search_unit

    def worse(unit: Any, growth: Any, *arguments: Any, **named: Any) -> Any:
        search, _, ratio = search_unit(unit, growth, *arguments, **named)
        if growth.quality != "standard":
            return search, "responded", ratio
        weaker = [
            dataclasses.replace(oip, response=oip.response / 10, curve=[value / 10 for value in oip.curve])
            for oip in search.oips
        ]
        return dataclasses.replace(search, oips=tuple(weaker)), "responded", ratio

    monkeypatch.setattr(tasks.sweep.oips, "search_unit", worse)
    summary = sweep(bench)
    assert set(qualities(summary).values()) == {"draft"}
    assert (summary["state"], summary["waiting"], summary["computed"]) == ("completed", [], 6)
    run = bench.store.run(bench.latest)
    assert run.units["first/1 (standard)"].kind == NOT_SHOWN
    assert bench.store.record(run.units["first/1"].record).parameters["quality"] == "draft"
    assert cli("export", run.id, "--store", str(bench.root), "--out", str(tmp_path / "out"))[0] == 0
    exported = json.loads((tmp_path / "out/records/first/first-001.json").read_text())
    assert exported["key"] == run.units["first/1"].record
    listening, access = listen(LOCALHOST, None, 0), Access(tmp_path / "prefect")
    app = picture_app(str(bench.root), LOCALHOST, tmp_path / "gallery", access)
    address, says = address_of(LOCALHOST, port_of(listening)), {"Authorization": authorization(access.password)}
    with PictureServer(app, listening):
        page = httpx.get(f"{address}/gallery/runs/{run.id}/index.html", headers=says, trust_env=False)
    assert (page.status_code, "(standard)" in page.text) == (200, False)
    del grown[:]
    again = sweep(bench, budget=HOURS)
    assert (again["computed"], again["reused"], grown) == (0, 6, [])
    assert set(qualities(again).values()) == {"draft"}


def test_a_unit_whose_refinement_fails_has_failed_and_the_next_run_makes_it_alone(
    bench: Bench, grown: Grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tasks.sweep.oips

    search_unit = tasks.sweep.oips.search_unit

    def faulty(unit: Any, growth: Any, *arguments: Any, **named: Any) -> Any:
        if (str(unit), growth.quality) == ("second/1", "standard"):
            raise ValueError("no luck")
        return search_unit(unit, growth, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(tasks.sweep.oips, "search_unit", faulty)
        ended = state(bench)
    assert ended.is_failed()
    assert ended.message == "1 of 6 maps failed: second/1"
    del grown[:]
    sweep(bench)
    assert grown == [("second/1", "standard")]


def test_a_draft_is_called_so_in_python_and_in_the_gallery(bench: Bench, cli: CLI, tmp_path: Path) -> None:
    import dreamsweep

    sweep(bench, quality="draft")
    assert dreamsweep.find_unit(dreamsweep.open_store(str(bench.root)), "first/0").quality == "draft"
    assert cli("gallery", "--store", str(bench.root), "--out", str(tmp_path / "gallery"))[0] == 0
    (page,) = (tmp_path / "gallery").rglob("first/0/index.html")
    assert "A draft: one cheap search." in page.read_text()
    assert json.loads(page.with_name("unit.json").read_text())["quality"] == "draft"


def test_colour_images_are_stored_in_halves_and_their_responses_are_of_what_is_stored(bench: Bench) -> None:
    import keras

    summary = sweep(bench)
    model = two_layers()
    for unit in summary["units"]:
        layer, _, index = unit["unit"].partition("/")
        images = bench.store.array(bench.store.record(unit["record"]).output("oips").digest)
        assert images.dtype == np.float16
        seen = keras.Model(model.inputs, model.get_layer(layer).output)(np.asarray(images, np.float32)).numpy()
        responses = seen[..., int(index)].astype(np.float64).mean(axis=(1, 2))
        np.testing.assert_allclose([oip["response"] for oip in unit["oips"]], responses, rtol=1e-5, atol=1e-6)
    with h5py.File(summary["tensors"]["first"]) as file:
        assert file["oips"].dtype == np.float16


def test_small_grey_networks_are_swept_in_one_pass(tmp_path: Path, grown: Grown) -> None:
    from tests.flows.tiny import small_cnn

    grey = Bench(
        tmp_path / "store", saved(small_cnn(), tmp_path / "small.keras"), write_pictures(tmp_path / "pictures")
    )
    grey.sweep(layers=["Conv2D_1"])
    assert {quality for _, quality in grown} == {"standard"}
