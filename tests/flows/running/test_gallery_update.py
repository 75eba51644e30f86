"""The gallery beside the runs: those in the usual store keep it up to date, and it stops none of them."""

from pathlib import Path

import pytest

from flows.forms.places import gallery_of
from tests.flows.tiny import Bench, saved, small_cnn

pytestmark = pytest.mark.usefixtures("prefect_server")

LAYERS = ["Conv2D_1/0"]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A store and a network without a data set."""
    return Bench(tmp_path / "store", saved(small_cnn(), tmp_path / "small.keras"), None)


@pytest.fixture
def gallery(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the gallery, while the store is the usual one."""
    monkeypatch.setattr("flows.forms.places.DATA_FOLDER", tmp_path / "data")
    monkeypatch.setenv("DREAMSWEEP_STORE", str(bench.root))
    folder = gallery_of(str(bench.root))
    assert folder is not None
    return folder


def test_a_sweep_of_the_usual_store_makes_the_pages_of_its_units(bench: Bench, gallery: Path) -> None:
    network = bench.sweep(layers=LAYERS)["model"].removeprefix("model/")
    assert (gallery / network / "Conv2D_1" / "0" / "index.html").is_file()
    page = gallery / network / "Conv2D_1" / "1" / "index.html"
    assert not page.exists() or "responded" not in page.read_text()
    bench.sweep(layers=["Conv2D_1/0-1"])
    assert "responded" in page.read_text() or "dead" in page.read_text()


def test_another_store_has_no_gallery_unless_it_is_asked_for(
    bench: Bench, gallery: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DREAMSWEEP_STORE", str(tmp_path / "usual"))
    bench.sweep(layers=LAYERS)
    assert not gallery.exists()


def test_a_gallery_that_cannot_be_made_fails_no_sweep(bench: Bench, gallery: Path) -> None:
    gallery.mkdir(parents=True)
    (gallery / "mine.txt").write_text("mine")
    assert bench.state(layers=LAYERS).is_completed()
    assert [path.name for path in gallery.iterdir()] == ["mine.txt"]
