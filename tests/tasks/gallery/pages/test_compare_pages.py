"""Two sweeps side by side, as files of a gallery."""

from pathlib import Path

import pytest

from lib.errors import BadInput
from storage.store import Store
from tests.tasks.gallery.made import Made
from tests.tasks.gallery.synthetic import MODEL, OTHER, Synthetic

pytestmark = pytest.mark.heavy


@pytest.fixture
def made(tmp_path: Path) -> Synthetic:
    """A store with two models."""
    made = Synthetic(Store.open(tmp_path / "store"))
    made.model(MODEL, "one")
    made.model(OTHER, "two")
    return made


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "gallery"


UNITS = {"Conv2D_1": range(3), "Conv2D_2": range(2)}


def compared(gallery: Made) -> list[str]:
    return [page.split("/")[1] for page in gallery.pages("compare") if page != "compare/index.html"]


def test_two_sweeps_of_a_network_stand_side_by_side_with_what_differs_on_top(made: Synthetic, out: Path) -> None:
    first = made.sweep(MODEL, UNITS)
    second = made.sweep(
        MODEL, UNITS, seed=7, verdicts={"Conv2D_1/1": "dead"}, failures={"Conv2D_2/0": "<i>no memory</i>"}
    )
    gallery = Made(made.store, out)
    assert compared(gallery) == [f"{first}--{second}"]
    page = f"compare/{first}--{second}/index.html"
    text, html = gallery.text(page), gallery.html(page)
    assert "growth seed 0 7" in text
    assert "Conv2D_1 3 1 responded 3 → 2 dead 0 → 1" in text
    assert html.count("data-differs") == 2
    assert "<i>no memory</i>" in text
    assert "<i>no memory" not in html
    assert gallery.broken("compare") == []


def test_what_did_not_respond_has_a_cell_and_no_picture(made: Synthetic, out: Path) -> None:
    made.sweep(MODEL, {"Conv2D_1": [0]}, verdicts={"Conv2D_1/0": "silent"})
    made.sweep(MODEL, {"Conv2D_1": [0]}, seed=1)
    gallery = Made(made.store, out)
    html = gallery.html(f"compare/{compared(gallery)[0]}/index.html")
    assert html.count("OIP of Conv2D_1/0 in the second sweep") == 1
    assert "OIP of Conv2D_1/0 in the first sweep" not in html
    assert '<span class="hatched silent">silent</span>' in html


def test_a_sweep_is_compared_with_the_last_of_its_network_before_those_of_others(made: Synthetic, out: Path) -> None:
    first = made.sweep(MODEL, UNITS)
    other = made.sweep(OTHER, UNITS, name="model/two")
    third = made.sweep(MODEL, UNITS, seed=1)
    assert compared(Made(made.store, out)) == sorted([f"{first}--{other}", f"{first}--{third}"])


def test_sweeps_that_came_to_the_same_are_not_compared(made: Synthetic, out: Path) -> None:
    for _ in range(3):
        made.sweep(MODEL, UNITS)
    gallery = Made(made.store, out)
    assert compared(gallery) == []
    assert "different results" in gallery.text("compare/index.html")


def test_sweeps_without_a_unit_in_common_are_not_compared(made: Synthetic, out: Path) -> None:
    made.sweep(MODEL, {"Conv2D_1": [0]})
    made.sweep(MODEL, {"Conv2D_1": [1]}, seed=1)
    assert compared(Made(made.store, out)) == []


def test_units_of_only_one_of_the_two_are_counted(made: Synthetic, out: Path) -> None:
    made.sweep(MODEL, {"Conv2D_1": [0, 1, 2]})
    made.sweep(MODEL, {"Conv2D_1": [2]}, seed=1)
    gallery = Made(made.store, out)
    assert "2 units of the first sweep are not in the other." in gallery.text(
        f"compare/{compared(gallery)[0]}/index.html"
    )


def test_pairs_that_were_asked_for_stay(made: Synthetic, out: Path) -> None:
    first = made.sweep(MODEL, UNITS)
    made.sweep(MODEL, UNITS, seed=1)
    third = made.sweep(MODEL, UNITS, seed=2)
    gallery = Made(made.store, out)
    assert f"{first}--{third}" not in compared(gallery)
    gallery.again([(first, third)])
    assert f"{first}--{third}" in compared(gallery)
    gallery.again()
    assert f"{first}--{third}" in compared(gallery)


def test_a_remembered_pair_whose_run_is_gone_is_forgotten(made: Synthetic, out: Path) -> None:
    first = made.sweep(MODEL, UNITS)
    made.sweep(MODEL, UNITS, seed=1)
    third = made.sweep(MODEL, UNITS, seed=2)
    gallery = Made(made.store, out)
    gallery.again([(first, third)])
    made.store.delete_run(first)
    gallery.again()
    assert f"{first}--{third}" not in compared(gallery)


def test_runs_that_are_no_sweeps_or_have_nothing_in_common_are_refused_in_one_line(made: Synthetic, out: Path) -> None:
    first = made.sweep(MODEL, {"Conv2D_1": [0]})
    second = made.sweep(MODEL, {"Conv2D_2": [0]})
    gallery = Made(made.store, out)
    with pytest.raises(BadInput, match="no unit in common"):
        gallery.again([(first, second)])
    with pytest.raises(BadInput, match="20200101-000000-abcdef is no sweep of this store"):
        gallery.again([("20200101-000000-abcdef", second)])


def test_of_very_many_units_each_layer_has_a_page_of_its_own(
    made: Synthetic, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.gallery.pages.compare_pages.MOST", 4)
    made.sweep(MODEL, UNITS)
    made.sweep(MODEL, UNITS, seed=1)
    gallery = Made(made.store, out)
    pair = compared(gallery)[0]
    pages = [f"compare/{pair}/{layer}index.html" for layer in ("Conv2D_1/", "Conv2D_2/", "")]
    assert gallery.pages(f"compare/{pair}") == pages
    assert "OIP of" not in gallery.html(f"compare/{pair}/index.html")
    assert gallery.html(f"compare/{pair}/Conv2D_1/index.html").count('alt="OIP of') == 6
    assert gallery.broken("compare") == []
