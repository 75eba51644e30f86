"""Networks and pictures that were not made for each other: what comes of them, and what is said."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lib.errors import BadInput
from lib.training.settings import TrainSettings
from storage.store import Store
from tasks.session.progress import listen
from tests.flows.tiny import Bench, saved, small_cnn, write_photograph

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For images of 12x12, grey, of three classes."""
    return saved(small_cnn(), tmp_path_factory.mktemp("model") / "small.keras")


@pytest.fixture
def said() -> Iterator[list[str]]:
    """The lines that whoever starts a run is told."""
    lines: list[str] = []
    with listen(lambda *_: None, lines.append):
        yield lines


def photographs(folder: Path, *classes: str, each: int = 5) -> str:
    """Pictures in colours, of several sizes; returns the data set's name."""
    for seed, name in enumerate(classes):
        for number in range(each):
            write_photograph(folder / name / f"{number}.png", 10 * seed + number, size=(30 + number, 40))
    return f"folder:{folder}"


def arrays(folder: Path) -> str:
    folder.mkdir()
    images = np.random.default_rng(0).integers(0, 256, (15, 10, 14, 3)).astype(np.uint8)
    np.savez(folder / "arrays.npz", images=images, labels=np.arange(15) % 3)
    return str(folder / "arrays.npz")


@pytest.mark.parametrize("make", [lambda folder: photographs(folder, "a", "b", "c"), arrays])
def test_pictures_of_any_size_and_colours_are_swept_with_the_network(
    tmp_path: Path, network: Path, said: list[str], make: Callable[[Path], str]
) -> None:
    bench = Bench(tmp_path / "store", network, make(tmp_path / "pictures"))
    summary = bench.sweep(layers=["Conv2D_1/0"], fit="pad")
    assert (summary["computed"], summary["failures"]) == (1, {})
    (data,) = [record for record in bench.store.records() if record.task == "data"]
    assert data.output("train_imgs").shape == (12, 12, 12, 1)
    assert data.parameters["attributes"]["fitted"] == "pad to 12x12x1"  # type: ignore[index,call-overload]
    assert any("fitted" in line for line in said)


def test_pictures_without_classes_give_exemplars_and_verdicts_and_nothing_to_compare(
    tmp_path: Path, network: Path, said: list[str]
) -> None:
    from flows.analyse import analyse
    from flows.forms.parameters import AnalyseParameters

    bench = Bench(tmp_path / "store", network, photographs(tmp_path / "pictures", ".", each=6))
    summary = bench.sweep(layers=["Conv2D_1"])
    assert summary["verdicts"]["Conv2D_1"]["responded"] == 4
    assert {record.task for record in bench.store.records()} & {"responses"} == set()
    root = str(bench.root)
    found: Any = analyse(AnalyseParameters(store=root))
    assert (found["accuracy"], found["pair"], found["failures"]) == (None, None, {})
    assert {one["title"] for one in found["made"]} == {"activations of test/0", "attribution of test/0"}
    assert found["notes"] == [f"the data set {bench.data} has no labels: there is nothing to compare predictions with"]
    for asked in ({"layers": ["Conv2D_1"]}, {"first": ["test/0"], "second": ["train/1"]}):
        with pytest.raises(BadInput, match="labels"):
            analyse(AnalyseParameters(store=root, **asked))


def test_nothing_is_trained_on_pictures_without_classes(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "store", None, photographs(tmp_path / "pictures", "all"))
    with pytest.raises(BadInput, match="has no classes, and a network that classifies needs two"):
        bench.sweep(train=TrainSettings(epochs=1))
    assert not list(Store.open(bench.root).records())
