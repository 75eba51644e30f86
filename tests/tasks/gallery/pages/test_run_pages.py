"""Pages of runs, as files of a gallery."""

import re
from pathlib import Path
from typing import Any

import pytest

from lib.gallery.addresses import RUNS, layer_page, network_page, run_page, unit_page
from storage.record import NewOutput
from storage.store import Store
from tests.tasks.gallery.made import Made
from tests.tasks.gallery.swept_store import ODD, SLUG, SweptStore, swept_store
from tests.tasks.gallery.synthetic import MODEL, Synthetic
from tests.tasks.gallery.synthetic_dreams import PLACE, dream


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("swept")
    return Made(swept_store(folder / "store").store, folder / "gallery")


def links(gallery: Made, page: str) -> set[str]:
    """Where the links of a page lead, as addresses of the gallery."""
    here = (gallery.out / page).parent
    found = re.findall(r'<a href="([^"#]+)"', gallery.html(page).split("<main", 1)[1])
    return {str((here / link).resolve().relative_to(gallery.out)) for link in found}


def run_of(gallery: Made, flow: str, state: str = "completed") -> str:
    """The id of the latest run of a flow that ended in a state."""
    return [run.id for run in gallery.store.runs() if (run.flow, run.state) == (flow, state)][-1]


def test_every_link_and_picture_of_every_run_is_there(gallery: Made) -> None:
    assert len(gallery.pages("runs")) == 1 + len(gallery.store.runs())
    assert gallery.broken("runs") == []


def test_a_sweeps_cards_lead_to_its_units_layers_and_network(swept: Made) -> None:
    page = run_page(run_of(swept, "oip-sweep", "failed"))
    units = {unit_page(SLUG, "Conv2D_1", index) for index in (0, 1, 2, 4)} | {
        unit_page(SLUG, ODD, index) for index in (0, 1, 2)
    }
    layers = {layer_page(SLUG, "Conv2D_1"), layer_page(SLUG, ODD)}
    assert links(swept, page) == {RUNS, network_page(SLUG), *units, *layers}
    text = swept.text(page)
    assert "responded 1 unreached 1 dead 1 failed 1" in text
    assert "failed 4 ValueError: <script>alert(1)</script>" in text
    assert f"dreamsweep rerun {run_of(swept, 'oip-sweep', 'failed')}" in text
    assert "<script>alert" not in swept.html(page)


def test_the_card_of_a_unit_shows_what_this_run_made_of_it(swept: Made) -> None:
    first, second = (run_page(run_of(swept, "oip-sweep", state)) for state in ("completed", "failed"))
    pictures = [re.findall(r'<img class="pixels" src="([^"]*)"', swept.html(page)) for page in (first, second)]
    assert [len(found) for found in pictures] == [5, 3]  # the second made 0 and 1 anew, with another seed, and ODD/0
    assert not {*pictures[0]} & {*pictures[1]}


def test_tables_of_sweeps_lists_of_dreams_and_pairs_lead_to_runs(gallery: Made, swept: Made) -> None:
    for page in ("index.html", network_page(SLUG)):
        assert {run_page(run_of(swept, "oip-sweep", state)) for state in ("completed", "failed")} <= links(swept, page)
    assert run_page(run_of(swept, "dream")) in links(swept, "dreams/index.html")
    pair = next(page for page in gallery.pages("compare") if page != "compare/index.html")
    assert len([link for link in links(gallery, pair) if link.startswith("runs/")]) == 2


def test_the_cards_of_a_dreams_run_lead_to_each_dream_and_show_no_original(gallery: Made) -> None:
    runs = [run for run in gallery.store.runs() if run.flow == "dream"]
    for run in runs:
        page = run_page(run.id)
        dreams = {link for link in links(gallery, page) if link.startswith("dreams/")}
        assert dreams
        assert dreams <= {*gallery.pages("dreams")}
        assert gallery.html(page).count('<li class="cell">') == sum(one.kind == "dream" for one in run.units.values())
        assert PLACE not in gallery.html(page)


def test_the_cards_of_an_analysis_lead_to_its_results(gallery: Made) -> None:
    made = Synthetic(Store.open(gallery.store.root))
    record = next(record for record in made.store.records() if record.task == "predictions")
    run = made.store.open_run("analyse", {})
    run.add("predictions of test", record, "reused")
    run.close("completed", {"model": "model/one"})
    fresh = Made(made.store, gallery.out.parent / "analysed")
    assert any(link.startswith("analysis/") for link in links(fresh, run_page(run.id)))
    assert "predictions of test" in fresh.text(run_page(run.id))
    assert fresh.broken("runs") == []


def test_a_run_that_goes_on_is_listed_and_has_no_page_yet(tmp_path: Path) -> None:
    store = SweptStore(tmp_path / "store")
    run = store.store.open_run("oip-sweep", {})
    store.grow("Conv2D_1", 0, run)
    gallery = Made(store.store, tmp_path / "gallery")
    assert gallery.pages("runs") == [RUNS]
    assert "oip-sweep open" in gallery.text(RUNS)
    run.close("completed", {"layers": [["Conv2D_1", [0]]]})
    gallery.again()
    assert run_page(run.id) in links(gallery, RUNS)
    assert gallery.broken("") == []


def test_units_of_a_sweep_in_which_all_failed_lead_to_their_pages_where_these_are(tmp_path: Path) -> None:
    store = SweptStore(tmp_path / "store")
    known, unknown = (store.store.open_run("oip-sweep", {}) for _ in range(2))
    for run, summary in ((known, {"model": f"model/{SLUG}"}), (unknown, {})):
        store.commit(
            "exemplars", {"layer": ODD}, [], recipe_inputs={"model": MODEL}, run=run, title=f"exemplars of {ODD}"
        )
        run.fail(f"{ODD}/{len(summary)}", "ValueError: no luck", "oip")
        run.close("failed", summary)
    gallery = Made(store.store, tmp_path / "gallery")
    assert unit_page(SLUG, ODD, 1) in links(gallery, run_page(known.id))
    assert links(gallery, run_page(unknown.id)) == {RUNS, network_page(SLUG), layer_page(SLUG, ODD)}
    assert gallery.broken("") == []


def test_an_empty_store_says_what_makes_the_first_run(tmp_path: Path) -> None:
    assert "dreamsweep sweep --train" in Made(Store.open(tmp_path / "store"), tmp_path / "gallery").text(RUNS)


def test_a_training_shows_its_plot(tmp_path: Path) -> None:
    made = Synthetic(Store.open(tmp_path / "store"))
    run = made.store.open_run("train", {})
    outputs = [
        NewOutput("model", b"one", "model", "application/x-keras", identity=MODEL),
        NewOutput("history_plot", b"a plot", "plot", "image/png"),
    ]
    record = made.commit("model", {}, outputs, run=run)
    made.store.set_ref("model/one", f"record:{record.key}")
    run.close("completed", {"model": "model/one"})
    gallery = Made(made.store, tmp_path / "gallery")
    page = run_page(run.id)
    (plot,) = re.findall(r'<img src="([^"]*)"', gallery.html(page))
    assert ((gallery.out / page).parent / plot).read_bytes() == b"a plot"
    assert network_page("one-55555555") in links(gallery, page)


def test_what_is_left_is_a_number_or_in_words(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    for flow, left in (("train", "1 of 2 epochs are trained"), ("dream", 1200)):
        store.open_run(flow, {}).close("partial", {"left": left})
    gallery = Made(store, tmp_path / "gallery")
    told = [gallery.text(run_page(run.id)) for run in store.runs()]
    assert "1 of 2 epochs are trained" in told[0]
    assert "1,200 left" in told[1]


def test_only_the_latest_runs_have_pages_and_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.gallery.reading.catalogue.RUNS_SHOWN", 2)
    store = SweptStore(tmp_path / "store")
    runs = [store.swept({"Conv2D_1": [0]}, seed=seed).id for seed in range(3)]
    gallery = Made(store.store, tmp_path / "gallery")
    assert {*gallery.pages("runs")} == {RUNS, *map(run_page, runs[1:])}
    assert "And 1 earlier run: dreamsweep runs lists them all" in gallery.text(RUNS)
    assert runs[0] in gallery.text("index.html")
    assert gallery.broken("") == []


def test_of_a_large_sweep_each_layer_has_a_few_cards_and_those_that_failed_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.gallery.pages.run_view.MOST", 4)
    monkeypatch.setattr("tasks.gallery.pages.run_view.FEW", 2)
    store = SweptStore(tmp_path / "store")
    run = store.swept({"Conv2D_1": range(4), ODD: [0, 1]}, failures={"Conv2D_1/4": "ValueError: no luck"})
    gallery = Made(store.store, tmp_path / "gallery")
    page = run_page(run.id)
    assert gallery.html(page).count('<li class="cell">') == 4
    assert "responded 4 failed 1" in gallery.text(page)
    assert "no luck" in gallery.text(page)
    assert "And 3 units more: the layer's page shows all of them" in gallery.text(page)


def test_a_page_of_a_run_that_has_ended_is_not_put_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SweptStore(tmp_path / "store")
    first = store.swept({"Conv2D_1": range(3)})
    gallery = Made(store.store, tmp_path / "gallery")
    store.swept({"Conv2D_1": [0]}, seed=5)

    from tasks.gallery.pages import run_pages

    asked = []
    run_context = run_pages.run_context

    def noted(run: Any, *rest: Any) -> Any:
        asked.append(run.id)
        return run_context(run, *rest)

    monkeypatch.setattr(run_pages, "run_context", noted)
    gallery.again()
    assert first.id not in asked
    assert len(asked) == 1


def test_pages_that_are_kept_are_what_new_ones_would_be(tmp_path: Path) -> None:
    """Whatever changes what the page of a run that has ended shows, or leads to, must make it anew."""
    store = SweptStore(tmp_path / "store")
    swept = store.swept({"Conv2D_1": range(3), ODD: [0]}, failures={"Conv2D_1/4": "ValueError: no luck"})
    run = dream(store)
    run.close("completed", {})
    gallery = Made(store.store, tmp_path / "gallery")

    def alike(name: str) -> None:
        gallery.again()
        fresh = Made(store.store, tmp_path / name)
        for page in (run_page(swept.id), run_page(run.id), RUNS):
            assert gallery.html(page) == fresh.html(page), (name, page)
        assert gallery.broken("") == []

    alike("unchanged")
    key = store.store.run(swept.id).units["Conv2D_1/2"].record
    Path(store.store.root, "records", f"{key}.json").unlink()
    alike("a unit is gone")
    store.store.rename_ref(f"model/{SLUG}", "model/flowers")
    alike("the network has another name")
    key = store.store.run(run.id).units["flower.jpg"].record
    Path(store.store.root, "records", f"{key}.json").unlink()
    alike("a dream is gone")
    key = store.record.key
    store.store.delete_ref("model/flowers")
    for one in store.store.records():
        if one.task == "oip":
            Path(store.store.root, "records", f"{one.key}.json").unlink()
    alike("the network has no page any more")
