"""Networks of which no pixels are declared: what is found, what is asked, and what is warned of."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl
from PIL import Image

from flows.cli import main
from flows.forms.parameters import AnalyseParameters, RegisterParameters
from flows.results.reports import analysis_lines, sweep_lines
from lib.errors import Question
from lib.network.pixels import Pixels
from storage.record import Input, NewOutput, Provenance
from storage.store import Recipe, Store
from tasks.model.stored import find_model
from tasks.session.progress import listen
from tests.flows.tiny import GROWTH, Bench, red, saved

pytestmark = pytest.mark.usefixtures("prefect_server")

SIDE = 12
COLOURS = {"blue": (60, 70, 230), "green": (50, 200, 60), "red": (220, 50, 50)}


def pictures(count: int, seed: int) -> tuple[Any, Any]:
    """Spots of three colours on dark noise, uint8, and which colours."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % len(COLOURS)
    images = rng.integers(0, 80, (count, SIDE, SIDE, 3)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        y, x = rng.integers(0, 7, 2)
        image[y : y + 5, x : x + 5] = list(COLOURS.values())[label]
    return images, labels


def written(folder: Path, count: int, names: tuple[str, ...] = tuple(COLOURS)) -> str:
    images, labels = pictures(count, 1)
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        place = folder / names[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{number:04}.png")
    return f"folder:{folder}"


def trained() -> Any:
    """A network that takes 0..255 as they are: nothing in it says so."""
    keras.utils.set_random_seed(2)
    model = keras.Sequential(
        [
            kl.Input((SIDE, SIDE, 3)),
            kl.Conv2D(6, 3, activation="relu", name="conv"),
            kl.GlobalMaxPooling2D(),
            kl.Dense(3, activation="softmax", name="classes"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    images, labels = pictures(600, 0)
    model.fit(images.astype(np.float32), labels, epochs=12, verbose=0)
    return model


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(trained(), tmp_path_factory.mktemp("raw") / "raw.keras")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(tmp_path_factory.mktemp("data") / "pictures", 450)


@pytest.fixture
def said() -> Any:
    """The lines that runs say."""
    lines: list[str] = []
    with listen(lambda *_: None, lines.append):
        yield lines


def sweep(bench: Bench, **more: Any) -> dict[str, Any]:
    return bench.sweep(**{"pixels": None, "layers": ["*/0"], **more})


def test_a_network_that_rescales_inside_is_known_by_that_and_none_of_its_maps_is_dead(
    tmp_path: Path, said: list[str]
) -> None:
    bench = Bench(tmp_path / "store", saved(red(), tmp_path / "red.keras"), None)
    (unit,) = sweep(bench, growth=replace(GROWTH, constraint=""))["units"]
    assert unit["verdict"] == "responded"
    stored = find_model(bench.store, None)
    assert str(stored.pixels) == "0..255"
    assert re.fullmatch(r"its layer rescaling\S* turns 0\.\.255 into 0\.\.1", stored.pixels_from or "")
    (line,) = said
    assert f"takes 0..255: {stored.pixels_from}; --pixels" in line
    sweep(bench, model=stored.name)
    assert len(said) == 1


def test_a_file_that_is_registered_says_what_it_takes_and_naming_it_again_takes_nothing_back(
    tmp_path: Path, said: list[str]
) -> None:
    from flows.register import register

    file = saved(red(), tmp_path / "red.keras")
    asked = {"store": str(tmp_path / "store"), "file": file, "data_dir": None}
    register(RegisterParameters(**asked))
    store = Store.open(tmp_path / "store")
    assert str(find_model(store, None).pixels) == "0..255"
    register(RegisterParameters(**asked, pixels="caffe"))
    register(RegisterParameters(**asked))
    assert str(find_model(store, None).pixels) == "caffe"


def test_pictures_with_labels_tell_where_they_leave_no_doubt(
    tmp_path: Path, raw: Path, data: str, said: list[str]
) -> None:
    bench = Bench(tmp_path / "store", raw, data)
    answer = sweep(bench)
    stored = find_model(bench.store, None)
    assert str(stored.pixels) == "0..255"
    assert "its accuracy on 90 test images is" in str(stored.pixels_from)
    assert any("takes 0..255: its accuracy on 90 test images is" in line for line in said)
    assert answer["warnings"] == []


def test_what_is_not_clear_is_asked_for_by_the_field_in_a_flow_and_by_the_option_in_the_terminal(
    tmp_path: Path, raw: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = written(tmp_path / "few", 15)
    bench = Bench(tmp_path / "store", raw, few)
    state = bench.state(pixels=None)
    assert state.is_failed()
    assert "it is not clear which pixels model/raw-" in state.message
    assert "accuracy on 3 test images: 0..1 " in state.message
    assert state.message.endswith("; say it with Pixels")
    for name in ("-1..1", "0..255", "caffe", "torch"):
        assert f"{name} " in state.message
    code = main(["sweep", "--model", str(raw), "--data", few, "--store", str(tmp_path / "other")])
    assert code == 2
    assert "; say it with --pixels" in capsys.readouterr().err


def test_without_pictures_it_is_asked_for_too(tmp_path: Path, raw: Path) -> None:
    with pytest.raises(Question, match="there are no images to try: choose from 0"):
        sweep(Bench(tmp_path / "store", raw, None))


def test_a_model_that_an_earlier_version_swept_goes_on_and_that_is_said(
    tmp_path: Path, raw: Path, data: str, said: list[str]
) -> None:
    bench = Bench(tmp_path / "store", raw, None)
    with pytest.raises(Question):
        sweep(bench)
    stored = find_model(bench.store, None)
    bench.store.commit(
        Recipe("oip", 1, {"unit": "conv/0", "pixel_range": [0.0, 1.0]}, {"model": stored.identity}),
        [NewOutput("oips", b"of before", "oips", "application/x-npy")],
        inputs=[Input("model", stored.digest)],
        provenance=Provenance(None, None, None, 1, {}, bench.store.put(b"{}"), "here"),
        started="2026-01-01T00:00:00.000000+00:00",
    )
    assert sweep(bench, model=stored.name, layers=["conv/0"])["computed"] == 1
    assert any("goes on as taking 0..1, as before" in line for line in said)
    assert find_model(bench.store, stored.name).pixels is None
    # where images speak against it, it does not
    answer = sweep(bench, model=stored.name, data=data, layers=["conv/0"])
    assert str(find_model(bench.store, stored.name).pixels) == "0..255"
    assert any("What was made with 0..1 is made anew" in line for line in said)
    assert answer["computed"] == 1


def test_an_accuracy_near_chance_is_warned_of_everywhere(tmp_path: Path, raw: Path, data: str, said: list[str]) -> None:
    from flows.analyse import analyse
    from flows.cli.print_results import show_analysis, show_sweep

    bench = Bench(tmp_path / "store", raw, data)
    answer = sweep(bench, pixels="200/1")
    (warning,) = [line for line in answer["warnings"] if "near chance" in line]
    assert f"Warning: {warning}" in said
    assert bench.store.run(bench.latest).summary["warnings"] == answer["warnings"]
    assert any("**Warning**" in line for line in sweep_lines(bench.store, answer))  # type: ignore[arg-type]
    analysed = analyse(
        AnalyseParameters(store=str(bench.root), model=find_model(bench.store, None).name, data_dir=None)
    )
    assert any("near chance" in line for line in analysed["warnings"])
    assert any("**Warning**" in line for line in analysis_lines(bench.store, analysed))
    del show_analysis, show_sweep


def test_classes_in_another_order_and_red_for_blue_are_told_apart(tmp_path: Path, raw: Path) -> None:
    shuffled = written(tmp_path / "shuffled", 450, ("3", "1", "2"))
    bench = Bench(tmp_path / "store", raw, shuffled)
    (warning,) = sweep(bench, pixels="0..255")["warnings"]
    assert "seem to be in another order than the network's outputs" in warning
    assert "output 1 for 1, output 2 for 2, output 0 for 3" in warning
    plain = written(tmp_path / "plain", 450)
    (warning,) = sweep(bench, pixels=str(Pixels((0.0,), (1 / 255,), bgr=True)), data=plain)["warnings"]
    assert "with red for blue: the network may take 0..255" in warning


def test_units_that_answer_alike_to_every_picture_are_warned_of(tmp_path: Path, data: str) -> None:
    model = keras.Sequential([kl.Input((SIDE, SIDE, 3)), kl.Conv2D(4, 3, activation="relu", name="conv")])
    kernel, bias = np.random.default_rng(0).normal(scale=1e-3, size=(3, 3, 3, 4)), np.ones(4)
    model.layers[-1].set_weights([kernel, bias])
    bench = Bench(tmp_path / "store", saved(model, tmp_path / "still.keras"), data)
    (warning,) = sweep(bench, pixels="0..1")["warnings"]
    assert warning.startswith("4 of 4 units respond alike to all images of the data set")
    assert sweep(bench, pixels="0..255")["warnings"] == []
