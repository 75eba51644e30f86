"""What dream flows made, from the store's runs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from storage.errors import StoreError
from storage.record import Record
from storage.store import Store
from tasks.gallery.reading.dreamed import DreamRun, dream_runs
from tests.tasks.gallery.synthetic import MODEL, Synthetic
from tests.tasks.gallery.synthetic_dreams import dream, tour


@pytest.fixture
def made(tmp_path: Path) -> Synthetic:
    """A store with a model."""
    made = Synthetic(Store.open(tmp_path / "store"))
    made.model(MODEL, "one")
    return made


def runs(made: Synthetic, record_of: Callable[[str], Record] | None = None) -> list[DreamRun]:
    return dream_runs(made.store.runs(), record_of or made.store.record)


def test_the_passes_of_a_picture_are_one_dream_and_the_film_belongs_to_it(made: Synthetic) -> None:
    dream(made, "garden/rose.jpg", passes=3, film="webp").close("completed", {})
    (run,) = runs(made)
    (one,) = run.dreams
    assert (one.title, one.picture, len(one.passes)) == ("garden/rose.jpg", "garden/rose.jpg", 3)
    assert one.record == one.passes[2]
    assert one.original == one.passes[0].recipe_inputs["picture"]
    assert one.film is not None


def test_a_picture_that_is_called_like_a_pass_is_a_picture_where_there_is_one_pass(made: Synthetic) -> None:
    dream(made, "rose/pass 1").close("completed", {})
    assert [dream.picture for dream in runs(made)[0].dreams] == ["rose/pass 1"]


def test_a_dream_whose_last_passes_are_left_is_what_there_is_of_it(made: Synthetic) -> None:
    run = dream(made, "rose.jpg", passes=2)
    del run._units["rose.jpg"]
    run.close("partial", {})
    (left,) = runs(made)[0].dreams
    assert (left.title, left.picture, len(left.passes)) == ("rose.jpg/pass 1", "rose.jpg", 1)


def test_a_dream_stands_where_it_was_made_and_later_runs_only_count_it(made: Synthetic) -> None:
    dream(made, "rose.jpg").close("completed", {})
    first = made.store.runs()[0]
    again = made.store.open_run("dream", {"passes": 1})
    again.add("rose.jpg", made.store.record(first.units["rose.jpg"].record), "reused")
    again.close("completed", {})
    later, earlier = runs(made)
    assert (later.dreams, later.again) == ([], 1)
    assert len(earlier.dreams) == 1


def test_each_map_of_a_tour_is_a_dream_and_its_sheet_a_tour(made: Synthetic) -> None:
    tour(made, "rose.jpg", maps=12)
    (run,) = runs(made)
    assert [dream.unit for dream in run.dreams] == [f"Conv2D_1/{index}" for index in range(11)]
    assert {dream.picture for dream in run.dreams} == {"rose.jpg"}
    (sheet,) = run.tours
    assert (sheet.picture, sheet.layer) == ("rose.jpg", "Conv2D_1")


def test_records_that_are_gone_are_left_out(made: Synthetic) -> None:
    dream(made, "rose.jpg").close("completed", {})

    def gone(key: str) -> Record:
        raise StoreError(f"no record {key}")

    assert [run.dreams for run in runs(made, gone)] == [[]]


def test_every_dream_has_an_address_of_its_own(made: Synthetic) -> None:
    for picture in ("a.jpg", "b.jpg"):
        dream(made, picture).close("completed", {})
    tour(made, "a.jpg", maps=5)
    addresses = [one.address for run in runs(made) for one in run.dreams]
    addresses += [one.address for run in runs(made) for one in run.tours]
    assert len(set(addresses)) == len(addresses) == 7
