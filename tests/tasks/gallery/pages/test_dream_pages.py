"""Pages of dreams, as files of a gallery."""

import re
from pathlib import Path

import pytest

from storage.store import Store
from tests.tasks.gallery.made import Made
from tests.tasks.gallery.synthetic import MODEL, Synthetic
from tests.tasks.gallery.synthetic_dreams import HOSTILE, PLACE, dream, photograph, tour


@pytest.fixture
def passes(gallery: Made) -> str:
    """The page of a dream in three passes."""
    return gallery.page_with("3 passes.", "dreams")


def test_every_link_and_picture_of_the_dreams_is_there(gallery: Made) -> None:
    assert len(gallery.pages("dreams")) == 1 + 2 + 2 + 1  # the list, two pictures, two maps of a tour, its sheet
    assert gallery.broken("dreams") == []


def test_a_dream_is_shown_beside_its_picture_with_all_its_passes(gallery: Made, passes: str) -> None:
    html, text = gallery.html(passes), gallery.text(passes)
    assert html.index('alt="the picture before"') < html.index('alt="the dream"')
    assert "pass 1, gain 1.00 pass 2, gain 2.00 pass 3, gain 3.00" in text
    assert "zoomed by 1.25 and turned by 3 degrees" in text
    assert 'alt="the mask"' in html
    assert "the passes as a film, gif" in text


def test_the_file_name_of_a_picture_is_text_and_never_markup(gallery: Made, passes: str) -> None:
    for page in gallery.pages("dreams"):
        assert "<script>alert" not in gallery.html(page)
    assert HOSTILE in gallery.text(passes)


def test_where_a_photograph_was_taken_is_nowhere_in_a_gallery(gallery: Made) -> None:
    assert PLACE.encode() in photograph()
    for path in gallery.out.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert PLACE.encode() not in data, path
            assert data != photograph()


def test_the_dream_itself_can_be_taken_away_as_it_was_made(gallery: Made, passes: str) -> None:
    (record,) = [
        record
        for record in gallery.store.records()
        if record.task == "dream" and passes.split("/")[1] == record.recipe[:16]
    ]
    data = (gallery.out / passes).with_name("dream.png").read_bytes()
    assert data == gallery.store.get(record.output("picture").digest)


def test_lineage_says_what_a_dream_was_made_from_and_what_was_made_from_it(gallery: Made, passes: str) -> None:
    text = gallery.text(passes)
    made_by = text[text.index("Made by") : text.index("Used by")]
    assert "dream" in made_by  # the pass before it
    assert "trained network model" in made_by


def test_the_sheet_of_a_tour_shows_each_map_and_what_became_of_it(gallery: Made) -> None:
    page = gallery.page_with("3 maps of Conv2D_1", "dreams")
    assert "failed 2" in gallery.text(page)
    assert gallery.html(page).count('<li class="cell">') == 3
    (gallery.out / page).with_name("sheet.png").read_bytes()


def test_maps_of_a_tour_lead_to_each_other_and_to_the_sheet(gallery: Made) -> None:
    first = gallery.page_with("dreamed by Conv2D_1/0", "dreams")
    html = gallery.html(first)
    assert 'rel="next"' in html
    assert 'rel="up"' in html
    assert 'rel="prev"' not in html


def test_the_list_has_the_newest_run_first_and_names_what_failed(gallery: Made) -> None:
    text = gallery.text("dreams/index.html")
    assert text.index("Conv2D_1/0-2") < text.index("flower.jpg") < text.index(HOSTILE)
    assert "failed flower.jpg/Conv2D_1/2: ValueError: no luck" in text


def test_without_a_dream_the_page_says_what_would_make_one(tmp_path: Path) -> None:
    gallery = Made(Store.open(tmp_path / "store"), tmp_path / "gallery")
    assert "dreamsweep dream" in gallery.text("dreams/index.html")


def test_a_dream_whose_picture_is_gone_still_has_its_page(tmp_path: Path) -> None:
    made = Synthetic(Store.open(tmp_path / "store"))
    made.model(MODEL, "one")
    dream(made, passes=3).close("completed", {})
    for record in made.store.records():
        for output in record.outputs:
            if record.task in ("dream", "original"):
                (tmp_path / "store" / "blobs" / output.digest[:2] / output.digest).unlink(missing_ok=True)
    gallery = Made(made.store, tmp_path / "gallery")
    assert "not in the store any more" in gallery.text(gallery.page_with("3 passes.", "dreams"))
    assert gallery.broken("dreams") == []


def test_files_that_are_too_large_to_be_copied_are_named_and_stop_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.gallery.pages.previews.LARGEST", 10)
    made = Synthetic(Store.open(tmp_path / "store"))
    made.model(MODEL, "one")
    dream(made, passes=2, film="gif", strip=True).close("completed", {})
    tour(made)
    gallery = Made(made.store, tmp_path / "gallery")
    page = gallery.page_with("2 passes.", "dreams")
    (film,) = [record for record in made.store.records() if record.task == "animation"]
    digest = film.output("animation").digest[:12]
    text = gallery.text(page)
    assert re.search(rf"It is too large to be copied here: [0-9.]+ \w+, in the store as {digest}", text)
    for title in ("the dream, as PNG", "the strip, as PNG", "the passes as a film, gif"):
        assert f"{title}, too large to be copied here:" in text
    assert "the sheet, as PNG, too large" in gallery.text(gallery.page_with("3 maps of Conv2D_1", "dreams"))
    assert gallery.broken("") == []
    assert {path.name for path in (gallery.out / "dreams").rglob("*") if path.is_file()} == {"index.html"}


def test_runs_that_brought_nothing_new_are_one_line(tmp_path: Path) -> None:
    made = Synthetic(Store.open(tmp_path / "store"))
    made.model(MODEL, "one")
    first = dream(made)
    first.close("completed", {})
    record = made.store.record(made.store.run(first.id).units["flower.jpg"].record)

    def night(failure: str | None = None) -> None:
        run = made.store.open_run("dream", {"passes": 1, "tour": None})
        run.add("flower.jpg", record, "reused")
        if failure:
            run.fail("broken.jpg", failure)
        run.close("completed", {})

    for failure in (None, None, "broken.jpg is truncated", None, None, None):
        night(failure)
    gallery = Made(made.store, tmp_path / "gallery")
    html, text = gallery.html("dreams/index.html"), gallery.text("dreams/index.html")
    assert html.count('<section class="run"') == 2  # the one that dreamed, and the one that says of a picture
    there = "1 dream was there already and stands below, where it was made"
    assert re.search(
        rf" to \S+ \S+ UTC: 3 runs with nothing new; {there}.* to \S+ \S+ UTC: 2 runs with nothing new", text
    )
    assert text.count("is truncated") == 1
