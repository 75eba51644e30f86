"""What was made as if a network took other pixels than it takes stays, and is marked."""

from pathlib import Path

import pytest

from storage.store import Store
from tests.tasks.gallery.made import Made
from tests.tasks.gallery.synthetic import Synthetic

IDENTITY = "5" * 64
WRONG = "Made with the wrong pixels: as if the network took 0..1. It takes 0..255."
LAYER, UNIT = "one-55555555/conv/index.html", "one-55555555/conv/0/index.html"


@pytest.fixture
def store(tmp_path: Path) -> Synthetic:
    return Synthetic(Store.open(tmp_path / "store"))


def test_results_of_a_network_that_turned_out_to_take_something_else_are_marked(
    store: Synthetic, tmp_path: Path
) -> None:
    store.register(IDENTITY, "one", None)
    old = store.sweep(IDENTITY, {"conv": [0, 1]})
    gallery = Made(store.store, tmp_path / "gallery")
    pages = gallery.pages("one-55555555")
    assert not any("wrong pixels" in gallery.text(page) for page in pages)

    store.register(IDENTITY, "one", "0..255")
    gallery.again()
    assert WRONG in gallery.text(UNIT)
    assert WRONG in gallery.text(LAYER)
    assert gallery.text(LAYER).count("wrong pixels") == 3  # once for the layer, and in the cell of each unit
    assert "wrong pixels" in gallery.text("one-55555555/index.html")

    new = store.sweep(IDENTITY, {"conv": [0]}, pixels="0..255")
    gallery.again()
    assert WRONG not in gallery.text(UNIT)
    rows = gallery.text(UNIT).split("Other results", 1)[1]
    assert f"standardised wrong pixels {old}" in rows
    assert new not in rows
    other = "one-55555555/conv/1/index.html"
    assert WRONG in gallery.text(other)
    assert gallery.broken("one-55555555") == []
