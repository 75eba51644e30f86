"""A gallery that is brought up to date is the gallery that is made anew, and what did not change is not looked at."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lib.gallery.addresses import layer_page, unit_page
from storage.names import blob_path, record_path
from storage.record import Input, NewOutput
from storage.store import Store
from tasks.gallery.pages import layer_pages
from tests.tasks.gallery.made import Made
from tests.tasks.gallery.swept_store import ODD, SLUG, UNITS, SweptStore
from tests.tasks.gallery.synthetic import MODEL, epoch_identity
from tests.tasks.gallery.synthetic_dreams import dream

LAYERS = ("Conv2D_1", ODD)


@pytest.fixture
def store(tmp_path: Path) -> SweptStore:
    """Two layers, all of whose units were swept."""
    made = SweptStore(tmp_path / "store")
    made.swept(dict.fromkeys(LAYERS, range(UNITS)))
    for layer in LAYERS:
        made.looked_at(layer)
    made.measured("Conv2D_1", {0: 0.75, 1: 0.5})
    return made


@pytest.fixture
def gallery(store: SweptStore, tmp_path: Path) -> Made:
    return Made(store.store, tmp_path / "gallery")


def contents(out: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.relative_to(out).parts[0] != ".gallery"
    }


def remade(monkeypatch: pytest.MonkeyPatch, gallery: Made) -> list[str]:
    """The layers that are made again when the gallery is brought up to date."""
    made: list[str] = []
    original = layer_pages.put_units

    def put_units(site, layer, *others):  # type: ignore[no-untyped-def]
        made.append(layer.name)
        original(site, layer, *others)

    monkeypatch.setattr(layer_pages, "put_units", put_units)
    gallery.again()
    monkeypatch.setattr(layer_pages, "put_units", original)
    return made


def _epochs(store: SweptStore) -> None:
    """Two checkpoints of another network, which were swept: films in the making, and none of this network."""
    store.model(MODEL.replace("5", "7"), "other", epochs=3)
    for number in (1, 2):
        store.sweep(epoch_identity(MODEL.replace("5", "7"), number), {"Conv2D_1": [0, 1]}, name="other")


def _removed(store: SweptStore) -> None:
    key = next(run.units["Conv2D_1/2"].record for run in store.store.runs())
    Path(store.store.root, record_path(key)).unlink()


def _read(store: SweptStore) -> None:
    """Something is made of the OIPs of a unit."""
    sheet = NewOutput("sheet", b"a sheet", "sheet", "image/png", attributes={"layer": "Conv2D_1"})
    store.commit(
        "layer",
        {"layer": "Conv2D_1", "units": [0]},
        [sheet],
        recipe_inputs={"model": MODEL},
        inputs=[Input("Conv2D_1/0", store.oips["Conv2D_1/0"])],
    )


def _named(store: SweptStore) -> None:
    store.store.rename_ref(f"model/{SLUG}", "model/elsewhere")


def _other_data(store: SweptStore) -> None:
    store.other_data("others", ("left", "right", "middle"))
    store.swept({"Conv2D_1": [1]}, seed=6)


def _maker_gone(store: SweptStore) -> None:
    Path(store.store.root, record_path(store.data.key)).unlink()


CHANGES: dict[str, Callable[[SweptStore], object]] = {
    "a unit is swept again": lambda store: store.swept({"Conv2D_1": [0]}, seed=3),
    "in another style": lambda store: store.grow("Conv2D_1", 0, store.store.open_run("oip-sweep", {}), style="clean"),
    "another verdict": lambda store: store.swept({"Conv2D_1": [1]}, verdicts={"Conv2D_1/1": "silent"}, seed=4),
    "a unit fails": lambda store: store.swept({}, failures={"Conv2D_1/1": "OSError: no room"}, seed=5),
    "responses are found": lambda store: store.looked_at("Conv2D_1"),
    "pictures are measured": lambda store: store.measured("Conv2D_1", {0: 0.25, 3: 1.0}),
    "a sheet is made": lambda store: store.sheet("Conv2D_1", range(UNITS)),
    "a picture is read": _read,
    "a unit is dreamed": lambda store: dream(store).close("completed", {"objective": "Conv2D_1/0", "mode": "octaves"}),
    "checkpoints of another network are swept": _epochs,
    "the network has another name": _named,
    "a record is gone": _removed,
    "a unit is swept with other data": _other_data,
    "what units were made from is gone": _maker_gone,
}


@pytest.mark.parametrize("change", CHANGES)
def test_pages_that_are_kept_are_those_that_would_be_made(
    store: SweptStore, gallery: Made, change: str, tmp_path: Path
) -> None:
    before = contents(gallery.out)
    CHANGES[change](store)
    gallery.again()
    after = contents(gallery.out)
    assert after != before
    assert after == contents(Made(store.store, tmp_path / "fresh").out)
    assert gallery.again().written == 0


def test_each_unit_shows_exemplars_of_the_data_set_that_it_was_swept_with(store: SweptStore, gallery: Made) -> None:
    _other_data(store)
    gallery.again()
    for index, data in enumerate(("digits", "others", "digits")):
        text = gallery.text(unit_page(SLUG, "Conv2D_1", index))
        assert f"{data}'s training set" in text
        assert ("others" in text) == (data == "others")


def test_films_come_to_the_units_of_layers_that_were_there(tmp_path: Path) -> None:
    store = SweptStore(tmp_path / "store")
    store.model(MODEL, "one", epochs=3)
    store.sweep(MODEL, {"Conv2D_1": [0, 1]})
    gallery = Made(store.store, tmp_path / "gallery")
    for number in (1, 2):
        store.sweep(epoch_identity(MODEL, number), {"Conv2D_1": [0]}, name="one")
    gallery.again()
    assert contents(gallery.out) == contents(Made(store.store, tmp_path / "fresh").out)


def test_only_the_layer_of_a_unit_that_changed_is_made_again(
    store: SweptStore, gallery: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert remade(monkeypatch, gallery) == []
    store.swept({"Conv2D_1": [0]}, seed=3)
    assert remade(monkeypatch, gallery) == ["Conv2D_1"]


@pytest.mark.parametrize("what", ["index.html", "3/index.html", "3/oip-1.png", "3/oips.npy"])
def test_whatever_of_a_layer_was_deleted_comes_back(gallery: Made, what: str) -> None:
    before = contents(gallery.out)
    (gallery.out / layer_page(SLUG, ODD)).parent.joinpath(what).unlink()
    assert gallery.again().written == 1
    assert contents(gallery.out) == before


@pytest.mark.parametrize("what", ["index.html", "3/index.html", "3/oip-1.png"])
def test_whatever_of_a_layer_was_cut_short_is_made_again(gallery: Made, what: str) -> None:
    before = contents(gallery.out)
    (gallery.out / layer_page(SLUG, ODD)).parent.joinpath(what).write_bytes(b"cut short")
    assert gallery.again().written == 1
    assert contents(gallery.out) == before


@pytest.mark.parametrize("of", ["responses", "weights", "measures", "labels", "oips"])
def test_what_could_not_be_read_is_shown_once_it_can(
    store: SweptStore, tmp_path: Path, of: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = {record.task: record for record in store.store.records() if record.parameters.get("layer") == "Conv2D_1"}
    digest = {
        "responses": lambda: records["responses"].output("nearest").digest,
        "weights": lambda: records["weights"].output("nearest").digest,
        "measures": lambda: records["naturalness"].output("kept_shift").digest,
        "labels": lambda: store.data.output("train_labels").digest,
        "oips": lambda: store.oips["Conv2D_1/0"],
    }[of]()
    path = Path(store.store.root, blob_path(digest))
    data = path.read_bytes()
    path.unlink()
    gallery = Made(store.store, tmp_path / "gallery")
    path.write_bytes(data)
    assert "Conv2D_1" in remade(monkeypatch, gallery)
    assert remade(monkeypatch, gallery) == []
    assert "OIP 1, response" in gallery.text(unit_page(SLUG, "Conv2D_1", 0))


def test_what_is_noted_of_one_store_says_nothing_of_another(gallery: Made, tmp_path: Path) -> None:
    other = Store.open(tmp_path / "other")
    again = Made(other, gallery.out)
    assert again.pages(SLUG) == []
