"""A whole gallery of a store: its networks, layers and units, as files."""

import io
import json
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lib.gallery.addresses import layer_page, segment, unit_folder, unit_page
from storage.names import blob_path
from storage.store import Store
from tasks.gallery.folder.site import Site
from tasks.gallery.gallery import make_gallery, modules_of_ours
from tasks.gallery.reading.catalogue import Catalogue
from tests.tasks.gallery.made import Made
from tests.tasks.gallery.swept_store import CLASSES, ODD, SIDE, SLUG, UNITS, SweptStore, swept_store
from tests.tasks.gallery.synthetic import MODEL

UNIT = unit_page(SLUG, "Conv2D_1", 0)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> SweptStore:
    return swept_store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def gallery(swept: SweptStore, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Its gallery; tests only look at it."""
    return Made(swept.store, tmp_path_factory.mktemp("out") / "gallery")


@pytest.fixture
def small(tmp_path: Path) -> tuple[SweptStore, Made]:
    """A store of a test's own, swept once."""
    store = SweptStore(tmp_path / "store")
    store.swept({"Conv2D_1": range(3)})
    return store, Made(store.store, tmp_path / "gallery")


def test_every_link_and_picture_of_every_page_is_there(gallery: Made) -> None:
    assert gallery.broken("") == []
    assert len(gallery.pages(SLUG)) == 1 + 2 + 2 * UNITS


def test_an_empty_store_has_a_gallery_that_says_how_to_begin(tmp_path: Path) -> None:
    gallery = Made(Store.open(tmp_path / "store"), tmp_path / "gallery")
    assert "There is no network in this store yet" in gallery.text("index.html")
    assert "dreamsweep sweep --train" in gallery.text("index.html")
    assert gallery.broken("") == []


def test_a_network_without_a_sweep_has_a_page_that_says_what_draws_its_maps(tmp_path: Path) -> None:
    store = SweptStore(tmp_path / "store")
    gallery = Made(store.store, tmp_path / "gallery")
    assert f"dreamsweep sweep --model model/{SLUG}" in gallery.text("index.html")
    assert "Conv2D_1" in gallery.text(f"{SLUG}/index.html")
    assert gallery.broken("") == []


def test_the_start_page_shows_each_network_with_its_layers_verdicts_accuracy_and_data(gallery: Made) -> None:
    text = gallery.text("index.html")
    for words in (SLUG, "97.00 % on the test set", "Conv2D 3×3, relu", "12 × 12 × 5", "responded 4", "failed 1"):
        assert words in text
    assert gallery.html("index.html").count('<svg class="stack"') == 3  # the image and two convolutions


def test_where_the_data_set_is_a_stand_in_a_banner_says_so_on_every_page(gallery: Made, tmp_path: Path) -> None:
    pages = ["index.html", f"{SLUG}/index.html", layer_page(SLUG, "Conv2D_1"), UNIT]
    for page in pages:
        assert "a stand-in for MNIST" in gallery.text(page)
    real = SweptStore(tmp_path / "store", data="mnist")
    real.swept({"Conv2D_1": [0]})
    other = Made(real.store, tmp_path / "gallery")
    for page in pages:
        assert "stand-in" not in other.text(page)


def test_a_networks_page_has_its_training_sweeps_and_lineage(gallery: Made) -> None:
    page = f"{SLUG}/index.html"
    text = gallery.text(page)
    for words in ("Accuracy", "epoch 1", "81.00 %", "data set digits", "1,234", "30 to train, 6 to test, 12 × 12 × 1"):
        assert words in text
    assert "a training" in text
    assert 'aria-label="Accuracy after each epoch' in gallery.html(page)


def test_a_layers_page_has_a_cell_for_every_unit_whatever_became_of_it(gallery: Made) -> None:
    html = gallery.html(layer_page(SLUG, "Conv2D_1"))
    assert html.count('<li class="cell') == UNITS
    assert '<span class="hatched dead">dead</span>' in html
    odd = gallery.html(layer_page(SLUG, ODD))
    assert odd.count('<span class="hatched left">left</span>') == 2
    assert '<span class="hatched failed">failed</span>' in odd
    assert '<span class="hatched silent">silent</span>' in odd
    assert 'loading="lazy"' in html


def test_cells_carry_what_they_are_filtered_and_sorted_by(gallery: Made) -> None:
    html = gallery.html(layer_page(SLUG, "Conv2D_1"))
    assert 'data-number="1" data-verdict="unreached" data-on-data="active"' in html
    assert (
        'data-verdict="responded" data-on-data="active" data-response="1.0" data-ratio="1.0" data-class="zero"' in html
    )
    assert 'data-class="&lt;i&gt;two&lt;/i&gt;"' in html
    assert '<form class="controls" hidden>' in html  # a script shows it


def test_units_of_a_layer_that_nobody_asked_for_are_counted(small: tuple[SweptStore, Made]) -> None:
    assert "No sweep was asked for 2 units of this layer yet" in small[1].text(layer_page(SLUG, "Conv2D_1"))


def test_a_units_page_shows_all_that_is_known_of_it(gallery: Made) -> None:
    text = gallery.text(UNIT)
    for words in (
        "Conv2D_1/0 responded",
        "The image below makes this unit respond with 1.00",
        "On average it responds most to images of class zero",
        "OIP 2, response 0.9000",
        "Negative OIP: what silences it, pre-activation −1.00",
        "The images of digits's training set",
        "The box is the receptive field of the position at which it responds most",
        "Responses by class",
        "By their responses correlation over the data set",
        "By their weights cosine",
        "Dreams made with it",
        "Ascents",
        "Made by trained network model data set digits train_imgs",
        "Other results",
        "unit.json",
    ):
        assert words in text, words


def test_the_box_is_the_receptive_field_of_the_strongest_position(gallery: Made) -> None:
    # start + stride * peak, in pixels: row 3 looks from -1 + 2 * 3 on, column 4 from 0 + 1 * 4
    assert '<rect class="box" x="4" y="5" width="5" height="3"/>' in gallery.html(UNIT)


def test_exemplars_are_the_images_of_the_data_set(gallery: Made, swept: SweptStore) -> None:
    about: Any = swept.store.record(_key(swept, "Conv2D_1/0")).output("oips").attributes
    images = swept.store.array(swept.train_imgs)
    shown = re.findall(r'<image class="pixels" href="([^"]*)" width="12" height="12"', gallery.html(UNIT))
    assert len(shown) == len(about["exemplars"]) == 9
    for number, address in zip(about["exemplars"], shown, strict=True):
        with Image.open((gallery.out / UNIT).parent / address) as picture:
            np.testing.assert_array_equal(np.asarray(picture), np.rint(255 * images[number, :, :, 0]))


def test_an_image_that_many_units_respond_to_is_in_the_gallery_once(gallery: Made, swept: SweptStore) -> None:
    numbers = {number for grown in Catalogue(swept.store).grown.values() for number in grown.exemplars}
    pages = [gallery.html(page) for page in gallery.pages(SLUG)]
    addresses = [
        found.rpartition("/")[2] for html in pages for found in re.findall(r'<image [^>]*href="([^"]*)"', html)
    ]
    assert len(addresses) > len(set(addresses)) > 0
    assert len(set(addresses)) <= len(numbers)


def test_neighbours_and_the_layer_are_linked_for_the_keys(gallery: Made) -> None:
    html = gallery.html(unit_page(SLUG, "Conv2D_1", 3))
    assert 'rel="prev">← 2</a>' in html
    assert 'rel="next">4 →</a>' in html
    assert 'rel="up">↑ Conv2D_1</a>' in html
    assert 'rel="prev"' not in gallery.html(UNIT)


def test_what_a_unit_can_be_taken_away_as_is_what_the_store_holds(gallery: Made, swept: SweptStore) -> None:
    folder = gallery.out / unit_folder(SLUG, "Conv2D_1", 0)
    record = swept.store.record(_key(swept, "Conv2D_1/0"))
    images = np.load(io.BytesIO((folder / "oips.npy").read_bytes()))
    np.testing.assert_array_equal(images, swept.store.array(record.output("oips").digest))
    with Image.open(folder / "oip-1.png") as picture:
        assert picture.size == (SIDE, SIDE)
    document = json.loads((folder / "unit.json").read_bytes())
    assert document["unit"] == "Conv2D_1/0"
    assert document["identity"] == MODEL
    assert document["record"] == record.key
    assert document["oips"][0]["curve"] == [None, 0.5, 1.0]
    assert document["parameters"]["seed"] == 1
    assert document["nearest_by_responses"][0][0] == 1
    assert document["histogram"]["classes"] == CLASSES


def test_a_unit_that_failed_later_shows_its_result_and_the_failure_escaped(gallery: Made) -> None:
    page = unit_page(SLUG, "Conv2D_1", 4)
    assert "It failed in a later sweep" in gallery.text(page)
    assert "<script>alert(1)</script>" in gallery.text(page)
    assert "<script>alert" not in gallery.html(page)


def test_a_unit_that_nobody_has_drawn_says_why(gallery: Made) -> None:
    failed, left = (gallery.text(unit_page(SLUG, ODD, index)) for index in (2, 3))
    assert "it failed. OSError: no room" in failed
    assert "it was left when the time limit was reached" in left
    assert "dreamsweep rerun" in left


def test_verdicts_are_said_in_words(gallery: Made) -> None:
    assert "a defect of the search" in gallery.text(unit_page(SLUG, "Conv2D_1", 1))
    assert "This is a dead ReLU: a bound proves that no image at all can make this unit respond" in gallery.text(
        unit_page(SLUG, "Conv2D_1", 2)
    )
    assert "Nothing made this unit respond" in gallery.text(unit_page(SLUG, ODD, 1))


def test_names_from_a_model_lead_nowhere_and_run_nothing(gallery: Made) -> None:
    assert segment(ODD) == "back~2F~3Cb~3E~221~22~26"
    for page in gallery.pages(SLUG):
        html = gallery.html(page)
        assert "<b>" not in html
        assert "<i>two" not in html
    assert ODD in gallery.text(layer_page(SLUG, ODD))


def test_what_is_not_known_is_left_out_with_what_would_make_it(tmp_path: Path) -> None:
    store = SweptStore(tmp_path / "store")
    store.swept({"Conv2D_1": [0]}, data=False)
    gallery = Made(store.store, tmp_path / "gallery")
    text = gallery.text(UNIT)
    assert f"There is no negative OIP yet. A sweep makes it: dreamsweep sweep --model model/{SLUG}" in text
    assert "swept without a data set" in text
    assert "Nearest units" not in text
    assert "Responses by class" not in text
    assert gallery.broken("") == []


def test_making_it_again_writes_nothing(small: tuple[SweptStore, Made]) -> None:
    made = small[1].again()
    assert (made.written, made.removed) == (0, 0)


def test_after_one_unit_changed_only_what_shows_it_is_written(small: tuple[SweptStore, Made]) -> None:
    store, gallery = small
    neighbour = (gallery.out / unit_page(SLUG, "Conv2D_1", 2)).stat().st_mtime_ns
    store.swept({"Conv2D_1": [0]}, seed=5)
    made = gallery.again()
    # the unit's page, json, npy, two OIPs; its layer, network and the start page; lists of sweeps; new exemplars
    assert made.written <= 11 + 9
    assert (gallery.out / unit_page(SLUG, "Conv2D_1", 2)).stat().st_mtime_ns == neighbour
    assert "Other results" in gallery.text(UNIT)


def test_the_store_is_looked_at_when_it_is_the_generations_turn(small: tuple[SweptStore, Made]) -> None:
    store, gallery = small
    waiting = threading.Event()
    second = threading.Thread(
        target=make_gallery, args=(store.store, gallery.out), kwargs={"progress": lambda *_, of: waiting.set()}
    )
    with Site(gallery.out):
        second.start()
        assert waiting.wait(30)
        second.join(0.5)  # long enough for it to look at the store, if it did
        store.swept({"Conv2D_1": [3]})
    second.join(60)
    assert "Conv2D_1/3 responded" in gallery.text(unit_page(SLUG, "Conv2D_1", 3))


def test_a_negative_oip_is_drawn_anew_when_its_tones_change(tmp_path: Path) -> None:
    store = SweptStore(tmp_path / "store")
    store.swept({"Conv2D_1": [0]}, constraint="box")
    store.looked_at("Conv2D_1", constraint="box")
    gallery = Made(store.store, tmp_path / "gallery")
    picture = gallery.out / unit_folder(SLUG, "Conv2D_1", 0) / "negative.png"
    before = picture.read_bytes()
    store.swept({"Conv2D_1": [0]}, constraint="box", pixel_range=(-9.0, 9.0))
    gallery.again()
    assert picture.read_bytes() != before


def test_a_unit_whose_record_is_gone_goes_from_the_gallery(small: tuple[SweptStore, Made]) -> None:
    store, gallery = small
    key = _key(store, "Conv2D_1/2")
    Path(store.store.root, "records", f"{key}.json").unlink()
    gallery.again()
    # the run still says that it was wanted, so that its cell stays
    assert "left when the time limit was reached" in gallery.text(unit_page(SLUG, "Conv2D_1", 2))
    assert not (gallery.out / unit_folder(SLUG, "Conv2D_1", 2) / "oips.npy").exists()
    assert gallery.broken("") == []


def test_damaged_and_missing_blobs_cost_their_pictures_and_no_page(small: tuple[SweptStore, Made]) -> None:
    store, gallery = small
    for index, harm in ((0, b"damaged"), (1, None)):
        digest = store.store.record(_key(store, f"Conv2D_1/{index}")).output("oips").digest
        path = Path(store.store.root, blob_path(digest))
        path.unlink()
        if harm is not None:
            path.write_bytes(harm)
    Path(store.store.root, blob_path(store.train_imgs)).unlink()
    fresh = Made(store.store, gallery.out.parent / "fresh")
    for index in (0, 1):
        assert "are not in the store any more, or are damaged" in fresh.text(unit_page(SLUG, "Conv2D_1", index))
    assert fresh.broken("") == []


def test_the_search_box_is_given_every_unit_in_a_script(gallery: Made) -> None:
    text = (gallery.out / "static/units.js").read_text()
    networks = json.loads(text.removeprefix("window.dreamsweepUnits = ").removesuffix(";\n"))
    assert networks == [[SLUG, SLUG, [["Conv2D_1", "Conv2D_1", UNITS], [ODD, segment(ODD), UNITS]]]]


def test_pages_need_no_script_style_or_other_place(gallery: Made) -> None:
    for page in gallery.pages():
        html = gallery.html(page)
        assert "<script>" not in html
        assert " style=" not in html
        assert "http://" not in html.replace("http://www.w3.org", "")
        assert "https://" not in html


def test_progress_is_told_until_all_steps_are_done(swept: SweptStore, tmp_path: Path) -> None:
    told: list[tuple[str, int, int, str]] = []
    make_gallery(swept.store, tmp_path / "gallery", progress=lambda *step, of: told.append((*step, of)))
    assert told[0][1] == 0
    assert {step[3] for step in told} == {"parts"}
    assert told[-1][1] == told[-1][2]
    assert [step[1] for step in told] == sorted(step[1] for step in told)


def _key(store: SweptStore, unit: str) -> str:
    """Of the latest record of a unit."""
    return next(run.units[unit].record for run in reversed(store.store.runs()) if unit in run.units)


def test_every_module_of_ours_that_a_gallery_is_made_with_can_make_it_stale() -> None:
    known = modules_of_ours()
    loaded = "import sys, tasks.gallery.gallery; print(*sys.modules)"
    names = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True).stdout.split()
    ours = {name for name in names if name.partition(".")[0] in ("lib", "tasks", "storage")}
    assert ours <= known.keys()
    # what colours and words say is on the pages, and what is imported in functions alone
    assert {"lib.verdict_colours", "lib.words", "lib.gallery.charts", "lib.network.model_file"} <= known.keys()
    assert all(path.is_file() for path in known.values())
