"""Pages of units, as files of a gallery: what is said of units that no image of the data set makes respond."""

import json
from pathlib import Path

import pytest

from tests.tasks.gallery.made import Made
from tests.tasks.gallery.swept_store import SLUG, SweptStore

LAYER = f"{SLUG}/Conv2D_1"
FAR = "far from anything natural"


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Units of a layer that respond to nine images, to none, to three, to one a little, and one that is dead."""
    folder = tmp_path_factory.mktemp("units")
    swept = SweptStore(folder / "store")
    swept.looked_at("Conv2D_1")
    run = swept.store.open_run("oip-sweep", {})
    swept.grow("Conv2D_1", 0, run)
    swept.grow("Conv2D_1", 1, run, best=[0.0] * 9)
    swept.grow("Conv2D_1", 2, run, best=[0.5, 0.25, 0.125, *[0.0] * 6])
    swept.grow("Conv2D_1", 3, run, best=[0.0625, *[0.0] * 8])
    swept.grow("Conv2D_1", 4, run, verdict="dead", best=[0.0] * 9)
    run.close("completed", {"model": f"model/{SLUG}", "layers": [["Conv2D_1", [0, 1, 2, 3, 4]]]})
    return Made(swept.store, folder / "gallery")


def unit(gallery: Made, index: int) -> str:
    return gallery.text(f"{LAYER}/{index}/index.html")


def test_a_unit_that_no_image_makes_respond_says_so_plainly_and_shows_none_as_if_one_did(gallery: Made) -> None:
    text, html = unit(gallery, 1), gallery.html(f"{LAYER}/1/index.html")
    assert text.startswith("Conv2D_1/1 responded never on data")
    assert "No image of digits's training set makes it respond." in text
    assert "there is no response ratio" in text
    assert "No image of digits's training set makes this unit respond" in text
    assert "responds most" not in text
    assert 'class="box' not in html
    assert "<image" not in html


def test_a_dead_unit_has_both_badges_and_no_oips_are_said_to_make_it_respond(gallery: Made) -> None:
    text = unit(gallery, 4)
    assert text.startswith("Conv2D_1/4 dead never on data")
    assert "Only its OIPs do" not in text


def test_a_unit_that_images_make_respond_is_shown_with_them(gallery: Made) -> None:
    text, html = unit(gallery, 0), gallery.html(f"{LAYER}/0/index.html")
    assert "never on data" not in text
    assert "The images of digits's training set to which it responds most" in text
    assert html.count('aria-label="Image ') == 9
    assert FAR not in text


def test_of_images_only_those_are_shown_that_make_it_respond(gallery: Made) -> None:
    text, html = unit(gallery, 2), gallery.html(f"{LAYER}/2/index.html")
    assert "Of digits's training set only 3 images make it respond at all" in text
    assert html.count('aria-label="Image ') == 3
    assert "Of digits's training set only 1 image makes it respond at all" in unit(gallery, 3)


def test_an_oip_that_is_far_from_anything_natural_is_called_so(gallery: Made) -> None:
    """Its response is 4.0, 64 times that to the best exemplar."""
    text = unit(gallery, 3)
    assert f"64.0 times as strongly as the best image of the data set. That is {FAR}." in text
    assert f"The OIP's response is 64.0 times the best one's: it is {FAR}." in text
    assert FAR not in unit(gallery, 2)


def test_the_layer_and_the_network_count_them_and_the_layer_can_be_filtered_by_them(gallery: Made) -> None:
    layer, html = gallery.text(f"{LAYER}/index.html"), gallery.html(f"{LAYER}/index.html")
    assert "responded 4 dead 1 never on data 2" in layer
    assert "No image of digits's training set makes 2 units of this layer respond" in layer
    for index, known in enumerate(["active", "never", "active", "active", "never"]):
        cell = html.split(f'data-number="{index}"')[1].split(">")[0]
        assert f'data-on-data="{known}"' in cell
    assert '<select name="data">' in html
    assert "never on data 2" in gallery.text(f"{SLUG}/index.html")
    assert "never on data 2" in gallery.text("index.html")


def test_the_document_of_a_unit_says_it(gallery: Made) -> None:
    assert '"on_data": "never"' in (gallery.out / LAYER / "1" / "unit.json").read_text()
    assert '"on_data": "active"' in (gallery.out / LAYER / "2" / "unit.json").read_text()


def test_a_unit_that_was_swept_without_a_data_set_says_nothing_of_it(tmp_path: Path) -> None:
    swept = SweptStore(tmp_path / "store")
    swept.swept({"Conv2D_1": [0]}, data=False)
    gallery = Made(swept.store, tmp_path / "gallery")
    assert "never" not in unit(gallery, 0)
    assert '<select name="data">' not in gallery.html(f"{LAYER}/index.html")


@pytest.mark.parametrize("classes", [["3", "8", "9"], []], ids=["labelled", "without labels"])
def test_responses_by_class_are_promised_of_a_data_set_with_classes_alone(tmp_path: Path, classes: list[str]) -> None:
    swept = SweptStore(tmp_path / "store", classes=classes)
    swept.swept({"Conv2D_1": [0]})
    gallery = Made(swept.store, tmp_path / "gallery")
    assert ("Its responses to each class are not in the store yet" in unit(gallery, 0)) == bool(classes)
    assert ("classes none" in gallery.text(f"{SLUG}/index.html")) == (not classes)


def test_a_page_says_in_which_style_its_oips_are_and_where_that_is_not_the_one_that_was_asked_for(
    tmp_path: Path,
) -> None:
    swept = SweptStore(tmp_path / "store")
    run = swept.store.open_run("oip-sweep", {})
    natural, clean = {"style": "natural"}, {"smoothing": 1.0, "jitter": 1}
    swept.grow("Conv2D_1", 0, run, seed=1)
    swept.grow("Conv2D_1", 0, run, asked=natural)
    swept.grow("Conv2D_1", 1, run, asked=natural, style="strong")
    swept.grow("Conv2D_1", 2, run, asked=clean)
    run.close("completed", {"model": f"model/{SLUG}", "layers": [["Conv2D_1", [0, 1, 2]]]})
    made = Made(swept.store, tmp_path / "gallery")
    instead = "They are in style strong: the search in natural did not settle the verdict."
    for index, style in enumerate(["natural", "strong", "clean"]):
        text = unit(made, index)
        assert f"style {style} constraint standardised" in text
        assert (instead in text) == (index == 1)
        assert json.loads((made.out / LAYER / str(index) / "unit.json").read_text())["style"] == style
    assert "seen moved a little" not in unit(made, 0)
    before = unit(made, 0).split("Other results")[1]
    assert "strong standardised" in before
