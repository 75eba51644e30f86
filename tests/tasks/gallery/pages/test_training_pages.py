"""Units through training, as files of a gallery."""

import io
from pathlib import Path

import pytest
from PIL import Image

from storage.store import Store
from tasks.gallery.pages.trained import films_of
from tasks.gallery.reading.catalogue import Catalogue
from tests.tasks.gallery.made import Made
from tests.tasks.gallery.synthetic import MODEL, Synthetic, epoch_identity

PAGE = "training/one-55555555/Conv2D_1/index.html"


@pytest.fixture
def made(tmp_path: Path) -> Synthetic:
    """A store with a model of three epochs."""
    made = Synthetic(Store.open(tmp_path / "store"))
    made.model(MODEL, "one", epochs=3)
    return made


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "gallery"


def sweep_all(made: Synthetic) -> None:
    for identity in (epoch_identity(MODEL, 1), epoch_identity(MODEL, 2), MODEL):
        made.sweep(identity, {"Conv2D_1": [0, 1]}, name="one")


def test_a_row_is_a_unit_a_column_an_epoch_and_each_row_a_film(made: Synthetic, out: Path) -> None:
    sweep_all(made)
    gallery = Made(made.store, out)
    text, html = gallery.text(PAGE), gallery.html(PAGE)
    assert "epoch 1 test accuracy 91.00 % 2 of 2 responded" in text
    assert "epoch 3, the model" in text
    assert html.count("data-moving") == html.count("<tr data-film") == 2
    assert html.count("data-frame=") == 6
    assert html.count('media="(prefers-reduced-motion: reduce)"') == 2
    assert gallery.broken("training") == []
    films = list((out / "media").rglob("*.webp"))
    assert [Image.open(io.BytesIO(path.read_bytes())).n_frames for path in films] == [3, 3]  # type: ignore[attr-defined]


def test_a_units_own_page_has_its_film(made: Synthetic, out: Path) -> None:
    sweep_all(made)
    gallery = Made(made.store, out)
    html = gallery.html("one-55555555/Conv2D_1/1/index.html")
    assert html.count("data-moving") == 1
    assert html.count("data-frame=") == 3
    assert "static/frames.js" in html


def test_a_unit_of_one_checkpoint_only_is_in_no_film(made: Synthetic, out: Path) -> None:
    made.sweep(MODEL, {"Conv2D_1": [0]})
    gallery = Made(made.store, out)
    assert gallery.pages("training") == ["training/index.html"]
    assert "--checkpoints all" in gallery.text("training/index.html")


def test_a_checkpoint_at_which_a_unit_was_silent_is_told_and_not_in_its_film(made: Synthetic, out: Path) -> None:
    made.sweep(epoch_identity(MODEL, 1), {"Conv2D_1": [0]}, verdicts={"Conv2D_1/0": "silent"})
    made.sweep(epoch_identity(MODEL, 2), {"Conv2D_1": [0]})
    made.sweep(MODEL, {"Conv2D_1": [0]})
    gallery = Made(made.store, out)
    assert '<span class="hatched silent">silent</span>' in gallery.html(PAGE)
    (film,) = (out / "media").rglob("*.webp")
    assert Image.open(io.BytesIO(film.read_bytes())).n_frames == 2  # type: ignore[attr-defined]


def test_a_checkpoint_that_was_not_swept_leaves_its_place_empty(made: Synthetic, out: Path) -> None:
    for identity, units in ((epoch_identity(MODEL, 1), [0, 1]), (epoch_identity(MODEL, 2), [1]), (MODEL, [0, 1])):
        made.sweep(identity, {"Conv2D_1": units})
    gallery = Made(made.store, out)
    assert gallery.text(PAGE).count("not swept here") == 1


def test_only_what_was_grown_with_the_same_settings_is_put_beside_each_other(made: Synthetic) -> None:
    sweep_all(made)
    made.sweep(MODEL, {"Conv2D_1": [0, 1]}, seed=5)
    made.sweep(epoch_identity(MODEL, 1), {"Conv2D_1": [0]}, seed=5)
    catalogue = Catalogue(made.store)
    films = films_of(catalogue, catalogue.networks[0])["Conv2D_1"]
    assert {grown.settings["seed"] for film in films.values() for grown in film.grown.values()} == {0}
    assert [list(film.grown) for film in films.values()] == [[1, 2, 3], [1, 2, 3]]


def test_a_network_that_was_not_trained_here_has_no_films(tmp_path: Path) -> None:
    made = Synthetic(Store.open(tmp_path / "store"))
    made.model(MODEL, "one")
    made.sweep(MODEL, {"Conv2D_1": [0]})
    catalogue = Catalogue(made.store)
    assert films_of(catalogue, catalogue.networks[0]) == {}
