"""How a network decides, as files of a gallery."""

import json
from pathlib import Path

import numpy as np
import pytest

from lib.gallery.addresses import way
from storage.record import Input, NewOutput
from storage.store import Store
from storage.tensors import NPY, npy_bytes
from tests.tasks.gallery.made import Made
from tests.tasks.gallery.synthetic import MODEL, Synthetic, epoch_identity
from tests.tasks.gallery.synthetic_analysis import (
    CLASSES,
    Of,
    analyse,
    analyse_without_numbers,
    compare_groups,
    look_at,
)

HOME = "analysis/one-55555555"
INDEX = f"{HOME}/index.html"
FIRST = Of(MODEL, {"test_imgs": "a" * 64, "picture:rose petal.png": "c" * 64})
SECOND = Of(MODEL, {"test_imgs": "b" * 64, "picture:rose petal.png": "d" * 64})


@pytest.fixture
def made(tmp_path: Path) -> Synthetic:
    """A store with a model and its analysis, and nothing else."""
    made = Synthetic(Store.open(tmp_path / "store"))
    made.model(MODEL, "one")
    analyse(made)
    return made


def test_every_link_and_picture_of_the_analysis_is_there(gallery: Made) -> None:
    assert gallery.broken("analysis") == []
    assert "accuracy 93.33 % on 30 test images of mnist" in gallery.text("analysis/index.html")


def test_each_number_of_the_matrix_leads_to_its_images(gallery: Made) -> None:
    html = gallery.html(INDEX)
    assert 'href="test/1-0/index.html"' in html.replace(f'href="../../{HOME}/', 'href="')
    assert 'aria-label="2 images of nine predicted as four"' in html
    cell = gallery.text(f"{HOME}/test/1-0/index.html")
    assert "nine predicted as four" in cell
    assert cell.index("test/7") < cell.index("test/4")  # the smallest margin first
    assert "label nine, predicted four margin 0.0500" in cell


def test_the_diagonal_leads_to_what_is_known_of_the_right_ones(gallery: Made) -> None:
    text = gallery.text(f"{HOME}/test/0-0/index.html")
    assert "10 images of the test set" in text
    assert "label four, predicted four" in text


def test_the_pair_that_is_confused_most_stands_first_and_is_open(gallery: Made) -> None:
    html = gallery.html(INDEX)
    first = html.index('<details class="fold" open')
    assert html[first:].index("four or nine") < html[first:].index("<details", 10)
    assert "test/7" in html[first:].split("</details>")[0]


def test_the_table_of_linear_classifiers_has_every_layer_and_the_network(gallery: Made) -> None:
    text = gallery.text(INDEX)
    assert "pixels 144 61.00 % 80.00 % Conv2D_1 36 75.00 % (70.0 to 79.0 %) 90.00 % the network – 93.00 % –" in text
    assert "600 training images" in text
    assert "Wilson's 95 % intervals" in text
    assert "would be right for 40.00 % of all images, and for 55.00 % of the two classes'" in text


def test_the_page_of_an_image_has_all_probabilities_all_layers_and_the_pixels_that_count(gallery: Made) -> None:
    page = f"{HOME}/images/test-4/index.html"
    text, html = gallery.text(page), gallery.html(page)
    assert "four 80.00 % nine 15.00 % <b>six</b> 5.00 %" in text
    assert "wrong" in text
    assert 'alt="The activations of every unit of Conv2D_1"' in html
    assert "occlusion, integrated gradients" in text
    assert "Other images of nine predicted as four" in text
    assert "all activations, as HDF5" in text


def test_a_picture_from_disk_has_a_page_without_a_label(gallery: Made) -> None:
    text = gallery.text(f"{HOME}/images/picture-rose~20petal~2Epng/index.html")
    assert "picture:rose petal.png" in text
    assert "label" not in text.split("Probabilities")[0]


def test_several_images_on_one_scale_have_a_page_that_their_own_lead_to(gallery: Made) -> None:
    page = gallery.page_with("The activations of every layer of one for these images", HOME)
    assert "test/4, test/1" in gallery.text(f"{HOME}/images/test-4/index.html")
    assert "alone" in gallery.text(page)


def test_the_page_of_fcps_has_counts_the_picture_and_how_often_each_is_active(gallery: Made) -> None:
    page = gallery.page_with("what four and nine have in common", f"{HOME}/fcps")
    text = gallery.text(page)
    assert "FCPs of four only 1 FCPs of nine only 0 FCPs of both 1" in text
    assert "accuracy by FCPs alone 75.00 %" in text
    assert "Conv2D_1/0 0, 2 90 % 10 % –" in text
    assert "test/7 1 of 1 0 of 0 1 of 1" in text
    assert "40 % of the greatest activation" in text


def test_the_names_of_classes_are_text_and_never_markup(gallery: Made) -> None:
    for page in gallery.pages("analysis"):
        assert CLASSES[2] not in gallery.html(page)
    assert CLASSES[2] in gallery.text(INDEX)


def test_of_very_many_classes_the_fullest_cells_are_listed(
    made: Synthetic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.gallery.pages.predicted.MOST_IN_MATRIX", 2)
    gallery = Made(made.store, tmp_path / "gallery")
    text = gallery.text(INDEX)
    assert "nine predicted as four 2 images" in text
    assert gallery.broken("analysis") == []


def test_files_that_are_too_large_to_be_copied_are_named_and_stop_nothing(
    made: Synthetic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.gallery.pages.previews.LARGEST", 10)
    gallery = Made(made.store, tmp_path / "gallery")
    assert gallery.broken("") == []
    image = gallery.text(f"{HOME}/images/test-4/index.html")
    assert "all activations, as HDF5, too large to be copied here:" in image
    assert "attribution maps, as HDF5, too large to be copied here:" in image
    fcps = gallery.text(gallery.page_with("what four and nine", f"{HOME}/fcps"))
    assert "patterns, as HDF5, too large to be copied here:" in fcps
    assert not list((gallery.out / "analysis").rglob("*.h5"))


def test_what_is_no_number_is_a_dash_or_left_out(tmp_path: Path) -> None:
    made = Synthetic(Store.open(tmp_path / "store"))
    made.model(MODEL, "one")
    analyse_without_numbers(made)
    gallery = Made(made.store, tmp_path / "gallery")
    assert gallery.broken("") == []
    image = gallery.text(f"{HOME}/images/test-4/index.html")
    assert "four – nine – <b>six</b> –" in image
    assert "margin" not in image
    assert "predicted" not in image
    assert "wrong" not in image
    text = gallery.text(INDEX)
    assert "accuracy by FCPs alone Conv2D_1 four and nine 1 0 1 –" in text
    assert "pixels 144 – –" in text
    assert "3 of 30 images are predicted wrongly" in text
    assert "accuracy by FCPs alone –" in gallery.text(gallery.page_with("what four and nine", f"{HOME}/fcps"))


def test_images_of_two_data_sets_with_one_name_have_pages_of_their_own(tmp_path: Path) -> None:
    made = Synthetic(Store.open(tmp_path / "store"))
    made.model(MODEL, "one")
    analyse(made, FIRST)
    look_at(made, ["test/4"], SECOND)
    compare_groups(made, SECOND)
    gallery = Made(made.store, tmp_path / "gallery")
    assert gallery.broken("") == []
    newer = gallery.text(f"{HOME}/images/test-4/index.html")
    assert "Attribution for" not in newer
    assert "Other images of" not in newer  # nobody has predicted the set that it is of
    assert "test/4, test/1" not in newer
    older = gallery.text(f"{HOME}/images/test-4~~aaaaaaaa/index.html")
    assert "test/4 (aaaaaaaa)" in older
    for words in ("Attribution for", "Other images of nine predicted as four", "test/4, test/1"):
        assert words in older
    assert "images/test-4~~aaaaaaaa/index.html" in gallery.html(f"{HOME}/test/1-0/index.html")
    pages = gallery.pages(f"{HOME}/fcps")
    assert sorted("no picture" in gallery.text(page) for page in pages) == [False, True]


def test_two_pictures_with_one_name_have_pages_of_their_own(tmp_path: Path) -> None:
    made = Synthetic(Store.open(tmp_path / "store"))
    made.model(MODEL, "one")
    look_at(made, ["picture:rose petal.png"], FIRST)
    look_at(made, ["picture:rose petal.png"], SECOND)
    gallery = Made(made.store, tmp_path / "gallery")
    folder = f"{HOME}/images/picture-rose~20petal~2Epng"
    assert gallery.pages(f"{HOME}/images") == [f"{folder}/index.html", f"{folder}~~cccccccc/index.html"]
    assert gallery.broken("") == []
    look_at(made, ["picture:rose petal.png"], FIRST)  # the same picture once more: now it is the later one
    gallery.again()
    assert gallery.pages(f"{HOME}/images") == [f"{folder}/index.html", f"{folder}~~dddddddd/index.html"]


def test_predictions_of_two_data_sets_stand_beside_each_other(tmp_path: Path) -> None:
    made = Synthetic(Store.open(tmp_path / "store"))
    made.model(MODEL, "one")
    analyse(made, FIRST)
    analyse(made, SECOND)
    gallery = Made(made.store, tmp_path / "gallery")
    assert gallery.broken("") == []
    text = gallery.text(INDEX)
    assert text.index("The test set of mnist Accuracy 93.33 %") < text.index("The test set of mnist (aaaaaaaa)")
    assert f"{HOME}/test/1-0/index.html" in gallery.pages(HOME)
    assert "images/test-4~~aaaaaaaa/" in gallery.html(f"{HOME}/test~~aaaaaaaa/1-0/index.html")


def test_a_checkpoint_that_was_analysed_has_pages_that_its_network_leads_to(tmp_path: Path) -> None:
    made = Synthetic(Store.open(tmp_path / "store"))
    made.model(MODEL, "one", epochs=3)
    analyse(made, Of(epoch_identity(MODEL, 2)))
    gallery = Made(made.store, tmp_path / "gallery")
    assert gallery.broken("") == []
    assert f'href="../{INDEX}"' in gallery.html("one-55555555/index.html")
    assert 'href="epoch-2/index.html"' in gallery.html(INDEX)
    assert "checkpoints: epoch 2" in gallery.text("analysis/index.html")
    text = gallery.text(f"{HOME}/epoch-2/index.html")
    assert "How one, epoch 2 decides" in text
    assert "dreamsweep analyse test/7 --model model/one@2" in gallery.text(f"{HOME}/epoch-2/test/1-0/index.html")
    assert "The predictions of this network for a whole set are not in the store." in gallery.text(INDEX)


def test_lineage_leads_to_the_pages_of_an_analysis_and_of_layers(made: Synthetic, tmp_path: Path) -> None:
    made.sweep(MODEL, {"Conv2D_1": [0]})
    weights = NewOutput("nearest", npy_bytes(np.zeros((4, 2), np.int64)), "nearest", NPY)
    read = [Input("model", made.models[MODEL])]
    made.commit("weights", {"layer": "Conv2D_1"}, [weights], recipe_inputs={"model": MODEL}, inputs=read)
    gallery = Made(made.store, tmp_path / "gallery")
    html = gallery.html("one-55555555/index.html")
    used = html[html.index("Used by") :]
    for title, page in {
        "predictions of test": INDEX,
        "linear probes by layer": INDEX,
        "activations of all images of test": INDEX,
        "attribution of test/4": f"{HOME}/images/test-4/index.html",
        "FCPs of Conv2D_1": gallery.page_with("what four and nine", f"{HOME}/fcps"),
        "activations": f"{HOME}/images/picture-rose~20petal~2Epng/index.html",
        "weights of Conv2D_1": "one-55555555/Conv2D_1/index.html",
    }.items():
        assert f'<a href="{way("one-55555555/index.html", page)}">{title}</a>' in used, title


def test_without_an_analysis_the_page_says_what_would_make_one(tmp_path: Path) -> None:
    gallery = Made(Store.open(tmp_path / "store"), tmp_path / "gallery")
    assert gallery.pages("analysis") == ["analysis/index.html"]
    assert "dreamsweep analyse" in gallery.text("analysis/index.html")


def test_fcps_alone_make_an_analysis_and_say_what_is_missing(tmp_path: Path) -> None:
    made = Synthetic(Store.open(tmp_path / "store"))
    made.model(MODEL, "one")
    compare_groups(made)
    gallery = Made(made.store, tmp_path / "gallery")
    text = gallery.text(INDEX)
    assert "The predictions of this network for a whole set are not in the store." in text
    assert "test/7" in gallery.text(gallery.page_with("what four and nine", f"{HOME}/fcps"))
    assert gallery.broken("analysis") == []


def test_what_the_store_has_lost_of_an_analysis_stops_nothing(made: Synthetic, tmp_path: Path) -> None:
    for record in made.store.records():
        if record.task == "fcps":
            lost = ["summary"]
        elif record.task in ("predictions", "activations"):
            lost = ["thumbnails", "pictures", "tensors", "grid Conv2D_1"]
        else:
            continue
        for output in record.outputs:
            if output.role in lost:
                (tmp_path / "store" / "blobs" / output.digest[:2] / output.digest).unlink(missing_ok=True)
    gallery = Made(made.store, tmp_path / "gallery")
    assert gallery.broken("analysis") == []
    assert gallery.pages(f"{HOME}/fcps") == []
    assert "no picture test/7" in gallery.text(INDEX)


def test_an_analysis_of_which_nothing_is_left_still_has_the_page_that_its_network_leads_to(tmp_path: Path) -> None:
    made = Synthetic(Store.open(tmp_path / "store"))
    made.model(MODEL, "one")
    compare_groups(made)
    for record in made.store.records():
        if record.task == "fcps":
            digest = record.output("summary").digest
            (tmp_path / "store" / "blobs" / digest[:2] / digest).unlink()
    gallery = Made(made.store, tmp_path / "gallery")
    assert gallery.broken("") == []
    assert "not in the store" in gallery.text(INDEX)


def test_a_new_analysis_rewrites_nothing_but_what_it_changes(made: Synthetic, tmp_path: Path) -> None:
    gallery = Made(made.store, tmp_path / "gallery")
    assert gallery.again().written == 0
    look_at(made, ["test/3"])
    before = {page: gallery.html(page) for page in gallery.pages()}
    written = gallery.again()
    changed = [page for page in gallery.pages() if before.get(page) != gallery.html(page)]
    assert f"{HOME}/images/test-3/index.html" in changed
    assert len(changed) < 8
    assert written.removed == 0
    manifest = json.loads((gallery.out / ".gallery" / "manifest.json").read_text())
    assert f"{HOME}/images/test-3/index.html" in manifest["files"]
