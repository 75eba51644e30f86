"""Pages of layers and units, as files of a gallery: what is said of how good the pictures are."""

import json
from pathlib import Path

import numpy as np
import pytest

from tasks.gallery.pages import layer_pages, layer_view, unit_pages
from tasks.sweep import measures
from tests.tasks.gallery.made import Made
from tests.tasks.gallery.swept_store import SLUG, SweptStore

LAYER = f"{SLUG}/Conv2D_1"


@pytest.fixture
def swept(tmp_path: Path) -> SweptStore:
    """Three units, of which the last is dead."""
    made = SweptStore(tmp_path / "store")
    made.swept({"Conv2D_1": range(3)}, verdicts={"Conv2D_1/2": "dead"})
    return made


def unit_json(gallery: Made, index: int) -> dict[str, object]:
    found: dict[str, object] = json.loads((gallery.out / LAYER / str(index) / "unit.json").read_text())
    return found


def test_each_unit_says_how_good_its_picture_is_with_its_response_and_what_the_data_set_has(
    swept: SweptStore, tmp_path: Path
) -> None:
    swept.measured("Conv2D_1", {0: 0.75, 1: 1.125, 2: None})
    gallery = Made(swept.store, tmp_path / "gallery")
    text = gallery.text(f"{LAYER}/0/index.html")
    assert "response of OIP 1 1.000 kept after a shift of 2 px 75 % kept after a turn of 4 degrees 38 %" in text
    assert "kept after a blur of 1 px 19 % fine detail 12 % data set 25 %" in text
    dead = gallery.text(f"{LAYER}/2/index.html")
    assert "response of OIP 1 0.000 kept after a shift of 2 px – kept after a turn of 4 degrees –" in dead
    assert unit_json(gallery, 0)["measures"] == {
        "kept_shift": {"value": 0.75},
        "kept_turn": {"value": 0.375},
        "kept_blur": {"value": 0.1875},
        "fine_detail": {"value": 0.125, "data": 0.25},
    }
    assert unit_json(gallery, 2)["measures"]["kept_shift"] == {"value": None}  # type: ignore[index]


def test_a_layer_shows_what_is_kept_under_each_response_and_how_all_units_spread(
    swept: SweptStore, tmp_path: Path
) -> None:
    swept.measured("Conv2D_1", {0: 0.75, 1: 0.5, 2: None}, data=None)
    gallery = Made(swept.store, tmp_path / "gallery")
    text, html = gallery.text(f"{LAYER}/index.html"), gallery.html(f"{LAYER}/index.html")
    assert "1.00 ×1.00 kept 75, 38, 19 %" in text
    assert text.count("kept 75, 38, 19 %") == text.count("kept 50, 25, 12 %") == 1
    assert "kept –" not in text  # of the dead unit
    assert "How good the pictures are" in text
    assert "kept after a shift of 2 px 2 50 % 62 % 75 % –" in text  # units, least, median, most, data set
    assert "the line is at the mean" not in text
    cell = html.split('data-number="2"')[1].split(">")[0]
    assert 'data-kept_shift="" ' in cell
    assert 'data-fine_detail="0.5"' in cell
    assert "kept 75" not in gallery.text(f"{SLUG}/index.html")  # it would have to be said what that is


def test_of_what_was_not_measured_pages_say_nothing(swept: SweptStore, tmp_path: Path) -> None:
    gallery = Made(swept.store, tmp_path / "gallery")
    for page in (f"{LAYER}/index.html", f"{LAYER}/0/index.html"):
        assert "kept" not in gallery.text(page).replace("the best image is kept", "")
    assert unit_json(gallery, 0)["measures"] == {}
    assert 'name="measure"' not in gallery.html(f"{LAYER}/index.html")


def test_what_was_measured_of_an_earlier_picture_is_not_said_of_a_later_one(swept: SweptStore, tmp_path: Path) -> None:
    swept.measured("Conv2D_1", {0: 0.75, 1: 0.5})
    gallery = Made(swept.store, tmp_path / "gallery")
    assert "kept 75" in gallery.text(f"{LAYER}/index.html")
    swept.swept({"Conv2D_1": [0]}, seed=1)
    gallery.again()
    text = gallery.text(f"{LAYER}/index.html")
    assert "kept 75" not in text
    assert "kept 50" in text
    swept.measured("Conv2D_1", {0: 0.25})
    gallery.again()
    assert "kept 25, 12, 6 %" in gallery.text(f"{LAYER}/index.html")
    assert "kept 50" in gallery.text(f"{LAYER}/index.html")


def test_of_a_damaged_array_nothing_is_said_and_the_others_are(swept: SweptStore, tmp_path: Path) -> None:
    digest = swept.measured("Conv2D_1", {0: 0.75}).output("kept_turn").digest
    path = Path(str(swept.store.root)) / "blobs" / digest[:2] / digest
    path.chmod(0o600)
    path.write_bytes(b"no array")
    gallery = Made(swept.store, tmp_path / "gallery")
    assert "kept 75, 19 %" in gallery.text(f"{LAYER}/index.html")


def test_a_further_measure_with_an_interval_is_an_entry_of_the_list(
    swept: SweptStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its records are of a task of its own, and it is shown wherever the others are."""
    told = measures.PictureMeasure("told", "told apart", "telling", cell="told", interval=("told_low", "told_high"))
    every = (*measures.MEASURES, told)
    for module in (measures, layer_view, layer_pages, unit_pages):
        monkeypatch.setattr(module, "MEASURES", every)
    of_which = (*measures.TASKS, told.task)
    for module in (measures, layer_view):
        monkeypatch.setattr(module, "TASKS", of_which)
    swept.measured("Conv2D_1", {0: 0.75})
    arrays = {"told": 0.875, "told_low": 0.75, "told_high": 0.9375}
    swept.of_pictures(told.task, "Conv2D_1", [0], {name: np.array([share]) for name, share in arrays.items()}, {})
    gallery = Made(swept.store, tmp_path / "gallery")
    assert "kept 75, 38, 19 % told 88 %" in gallery.text(f"{LAYER}/index.html")
    assert '<option value="told">told apart</option>' in gallery.html(f"{LAYER}/index.html")
    assert "told apart 88 % 75 % to 94 %" in gallery.text(f"{LAYER}/0/index.html")
    assert unit_json(gallery, 0)["measures"]["told"] == {  # type: ignore[index]
        "value": 0.875,
        "interval": [0.75, 0.9375],
    }
