"""How a model decides, on Prefect's server: what is made, what is reused, what fails alone, what the records say."""

import dataclasses
import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from PIL import Image

from flows.analyse import AnalysisFailed, analyse
from flows.forms.parameters import AnalyseParameters, RegisterParameters
from flows.register import register
from flows.results.analysis_summary import analysis_summary
from flows.results.reports import analysis_lines
from lib.analysis.settings import AnalysisSettings
from lib.errors import BadInput
from storage import lineage
from storage.record import Record
from storage.store import Store
from tests.flows.tiny import saved, small_cnn, write_photograph, write_pictures

pytestmark = pytest.mark.usefixtures("prefect_server")

SETTINGS = AnalysisSettings(pair="class 0,class 2", clear=2, unclear=1, classifier_images=40)
LAYERS = ["Conv2D_1", "pool", "Conv2D_2", "classes"]
EACH = 40
TESTED = EACH // 5


@dataclass
class Desk:
    """A store with a tiny network that has learned its data set, and what it says of the test images."""

    root: Path
    network: Path
    images: Any
    labels: Any

    @property
    def store(self) -> Store:
        return Store.open(self.root)

    def parameters(self, **changes: Any) -> AnalyseParameters:
        plain = dataclasses.replace(SETTINGS, pair="") if "first" in changes else SETTINGS
        return AnalyseParameters(store=str(self.root), **{"settings": plain} | changes)

    def analyse(self, **changes: Any) -> dict[str, Any]:
        """Analyse, and return the summary. Raises what the flow raises."""
        return dict(analyse(self.parameters(**changes)))

    def record(self, summary: dict[str, Any], title: str) -> Record:
        (made,) = (one for one in summary["made"] if one["title"] == title)
        return self.store.record(made["record"])

    def said(self, summary: dict[str, Any], title: str, role: str) -> Any:
        record = self.record(summary, title)
        return json.loads(self.store.get(record.output(role).digest))

    def tensors(self, summary: dict[str, Any], title: str, role: str = "tensors") -> dict[str, Any]:
        found: dict[str, Any] = {}
        data = self.store.get(self.record(summary, title).output(role).digest)
        with h5py.File(io.BytesIO(data)) as file:
            file.visititems(lambda name, one: found.update({name: one[()]} if isinstance(one, h5py.Dataset) else {}))
        return found

    @property
    def probabilities(self) -> Any:
        """What Keras itself says of the test images, [N, 3]."""
        return np.asarray(keras.models.load_model(self.network)(self.images))


@pytest.fixture(scope="module", autouse=True)
def version() -> Iterator[None]:
    """One version of the code, whatever is edited in the checkout while the tests run."""
    code = {"commit": "c" * 40, "changes": None, "sources": "d" * 64}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tasks.session.session.code_version", lambda: code)
        yield


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Desk:
    """The network, trained until it is right more often than not and still makes errors."""
    from lib.data.datasets import load

    root = tmp_path_factory.mktemp("analysis")
    name = write_pictures(root / "pictures", each=EACH)
    data = load(name)
    keras.utils.set_random_seed(0)
    model = small_cnn()
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(data.train_imgs, data.train_labels, epochs=12, verbose=0)
    file = saved(model, root / "small.keras")
    register(RegisterParameters(store=str(root / "store"), file=file, data=name, pixels="0..1"))
    return Desk(root / "store", file, data.test_imgs, data.test_labels)


@pytest.fixture(scope="module")
def whole(learned: Desk) -> dict[str, Any]:
    """The summary of an analysis of everything, for tests that only look."""
    return learned.analyse(tensors="test")


@pytest.fixture
def desk(learned: Desk, whole: dict[str, Any], tmp_path: Path) -> Desk:
    """A store of the test's own, in which all that was analysed."""
    root = tmp_path / "store"
    shutil.copytree(learned.root, root)
    return Desk(root, learned.network, learned.images, learned.labels)


def test_everything_is_made_once_and_then_found(desk: Desk, whole: dict[str, Any]) -> None:
    assert (whole["state"], whole["left"], whole["reused"], whole["failures"]) == ("completed", 0, 0, {})
    assert {one["title"].partition(" of ")[0] for one in whole["made"]} == {
        "predictions",
        "activations",
        "attribution",
        "fcps",
        "linear classifiers",
    }
    assert whole["computed"] == whole["results"] == len(whole["made"])
    again = desk.analyse(tensors="test")
    assert (again["computed"], again["reused"]) == (0, whole["results"])
    assert [one["record"] for one in again["made"]] == [one["record"] for one in whole["made"]]


def test_predictions_are_those_of_keras(learned: Desk, whole: dict[str, Any]) -> None:
    record = learned.record(whole, "predictions of test")
    found = np.asarray(learned.store.array(record.output("probabilities").digest))
    np.testing.assert_allclose(found, learned.probabilities, atol=1e-5)
    called = learned.probabilities.argmax(axis=1)
    assert whole["accuracy"] == pytest.approx((called == learned.labels).mean())
    said = learned.said(whole, "predictions of test", "summary")
    for (label, name), images in ((map(int, cell.split("/")), images) for cell, images in said["cells"].items()):
        assert sorted(images) == np.flatnonzero((learned.labels == label) & (called == name)).tolist()
    assert np.sum(said["confusion"]) == len(learned.labels) == 3 * TESTED
    thumbnails = record.output("thumbnails")
    named = {one["image"] for part in ("margins", "clear") for images in said[part].values() for one in images}
    assert named | {n for images in said["cells"].values() for n in images} == set(thumbnails.attributes["numbers"])
    first = np.asarray(learned.store.array(thumbnails.digest))[0]
    assert np.array_equal(first, np.rint(learned.images[thumbnails.attributes["numbers"][0]] * 255))


def test_an_image_is_shown_in_every_layer_with_its_own_values(learned: Desk, whole: dict[str, Any]) -> None:
    (title,) = (one["title"] for one in whole["made"] if one["title"].startswith("activations of test/"))
    number = int(title.rpartition("/")[2])
    tensors = learned.tensors(whole, title)
    assert {name for name in tensors if name.startswith("activations/")} == {f"activations/{name}" for name in LAYERS}
    np.testing.assert_allclose(tensors["activations/classes"][0], learned.probabilities[number], atol=1e-5)
    assert np.array_equal(tensors["images"][0], learned.images[number])
    record = learned.record(whole, title)
    grids = [output for output in record.outputs if output.role.startswith("grid ")]
    assert [output.role for output in grids] == [f"grid {name}" for name in LAYERS]
    for output in grids:
        Image.open(io.BytesIO(learned.store.get(output.digest))).verify()


def test_the_activations_of_a_set_are_all_images_in_their_order(learned: Desk, whole: dict[str, Any]) -> None:
    tensors = learned.tensors(whole, "activations of all test images")
    np.testing.assert_allclose(tensors["activations/classes"], learned.probabilities, atol=1e-5)
    layers = [f"activations/{name}" for name in LAYERS]
    assert {name: len(values) for name, values in tensors.items()} == dict.fromkeys(layers, len(learned.labels))


def test_fcps_are_active_where_they_say(learned: Desk, whole: dict[str, Any]) -> None:
    said = learned.said(whole, "fcps of Conv2D_2", "summary")
    tensors = learned.tensors(whole, "fcps of Conv2D_2", "patterns")
    values, level = tensors["activations"], said["level"]
    first, second = values[:2] > level, values[2:4] > level
    assert np.array_equal(tensors["only_first"], first.all(0) & ~second.any(0))
    assert np.array_equal(tensors["both"], first.all(0) & second.all(0))
    assert said["counts"]["only_second"] == tensors["only_second"].sum()
    assert [group["name"] for group in said["groups"]] == ["class 0", "class 2"]
    for pattern in said["patterns"]:
        unit = int(pattern["unit"].rpartition("/")[2])
        assert tensors[pattern["kind"]][(*pattern["position"], unit)]
    assert 0 <= said["accuracy"] <= 1


def test_each_layer_has_its_row_in_the_table_of_linear_classifiers(whole: dict[str, Any]) -> None:
    rows = whole["classifiers"]["rows"]
    assert [row["layer"] for row in rows] == ["pixels", *LAYERS, "the network"]
    assert all(0 <= row[name] <= 1 for row in rows for name in ("all", "pair"))
    assert rows[-1]["all"] == pytest.approx(whole["accuracy"])


def test_the_report_in_prefect_tells_what_was_found_and_escapes_names(learned: Desk, whole: dict[str, Any]) -> None:
    table = {**whole["classifiers"], "rows": [{"layer": "a*b", "features": 4, "all": 0.5, "pair": None}]}
    lines = analysis_lines(learned.store, {**whole, "classifiers": table, "failures": {"<b>": "*why*"}})
    text = "\n".join(lines)
    assert "| a\\*b | 50.00 % |  |" in text
    assert "](http" not in text  # this store is not the one that is served
    assert "\\<b\\>: \\*why\\*" in text
    assert text.count("data:image/webp;base64,") == len(whole["fcps"])


def test_what_carries_a_prediction_is_a_map_of_each_pixel(learned: Desk, whole: dict[str, Any]) -> None:
    (title,) = (one["title"] for one in whole["made"] if one["title"].startswith("attribution"))
    maps = learned.tensors(whole, title, "maps")
    assert len(maps) >= 2
    assert all(values.shape == (12, 12) and np.isfinite(values).all() for values in maps.values())


def test_every_result_leads_back_to_the_model_and_the_images(learned: Desk, whole: dict[str, Any]) -> None:
    model = learned.store.record(learned.store.ref("model/latest").removeprefix("record:"))
    for one in whole["made"]:
        nodes = [node for tree in lineage.up(learned.store, one["record"]) for node in tree.walk()]
        made = {node.record.task for node in nodes if node.record is not None}
        assert {"register", "data"} <= made, one["title"]
        assert model.output("model").digest in {item.digest for item in learned.store.record(one["record"]).inputs}


def test_images_of_ones_own_are_looked_at_and_kept(desk: Desk, tmp_path: Path) -> None:
    write_photograph(tmp_path / "rose.png", seed=3)
    write_photograph(tmp_path / "other" / "rose.png", seed=4)
    files = [str(tmp_path / "rose.png"), str(tmp_path / "other" / "rose.png")]
    made = desk.analyse(images=[*files, "train/7"])
    looked = {one["title"] for one in made["made"] if one["title"].startswith("activations")}
    assert looked == {
        "activations of picture:rose.png",
        "activations of picture:rose.png (2)",
        "activations of train/7",
        "activations of several images side by side",
    }
    record = desk.record(made, "activations of picture:rose.png")
    original = next(item.digest for item in record.inputs if item.role == "picture")
    assert desk.store.get(original) == Path(files[0]).read_bytes()


def test_a_picture_that_cannot_be_read_fails_alone(desk: Desk, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    with pytest.raises(AnalysisFailed, match=r"2 of .* results failed: activations of picture:bad.png") as failed:
        desk.analyse(images=[str(bad), "test/0"])
    summary = analysis_summary(desk.store, failed.value.run)
    assert summary["state"] == "failed"
    assert "activations of test/0" in {one["title"] for one in summary["made"]}
    assert all("picture:bad.png" in message for message in summary["failures"].values())


def test_groups_of_ones_own_are_called_as_their_classes(desk: Desk) -> None:
    labels = np.repeat([0, 1, 2], EACH - TESTED)
    first, second = (np.flatnonzero(labels == label)[:2] for label in (1, 0))
    made = desk.analyse(
        first=[f"train/{number}" for number in first], second=[f"train/{number}" for number in second], layers=["Conv*"]
    )
    assert made["pair"] == ["class 1", "class 0"]
    assert {"fcps of Conv2D_1", "fcps of Conv2D_2"} <= {one["title"] for one in made["made"]}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"images": ["test/24"]}, "no image test/24: the set has 24"),
        ({"images": ["nowhere.png"]}, "there is no image nowhere.png"),
        ({"layers": ["Conv2D_7"]}, "no layer 'Conv2D_7'"),
        ({"settings": AnalysisSettings(pair="class 0,class 9")}, "there is no class 'class 9': did you mean class"),
        ({"settings": AnalysisSettings(colour_map="virids")}, "viridis"),
        ({"first": ["train/0", "train/40"], "second": ["train/80"]}, "name images of one class"),
        ({"first": ["train/0"], "second": ["train/1"]}, "name images of two classes"),
    ],
)
def test_what_there_is_not_is_refused_before_anything_is_made(desk: Desk, given: dict[str, Any], words: str) -> None:
    runs = len(desk.store.runs())
    with pytest.raises(BadInput, match=words):
        desk.analyse(**given)
    assert len(desk.store.runs()) == runs


def test_groups_of_a_network_without_classes_are_those_of_the_data_set(desk: Desk, tmp_path: Path) -> None:
    trunk = keras.models.load_model(desk.network)
    file = saved(keras.Model(trunk.inputs, trunk.get_layer("Conv2D_2").output), tmp_path / "trunk.keras")
    data = str(
        desk.store.record(desk.store.ref("model/latest").removeprefix("record:")).output("model").attributes["data"]
    )
    made = desk.analyse(
        model=str(file), pixels="0..1", data=data, first=["train/0"], second=["train/40"], layers=["Conv2D_2"]
    )
    assert made["pair"] == ["class 0", "class 1"]
    assert [one["title"] for one in made["made"] if one["title"].startswith("fcps")] == ["fcps of Conv2D_2"]


def test_the_scale_ends_where_it_is_asked_to(desk: Desk) -> None:
    def grid(**settings: Any) -> bytes:
        made = desk.analyse(images=["test/2"], settings=dataclasses.replace(SETTINGS, **settings))
        return desk.store.get(desk.record(made, "activations of test/2").output("grid Conv2D_1").digest)

    assert len({grid(), grid(clip=0.1), grid(standardise=True), grid(standardise=True, clip=1.0)}) == 4


def test_what_there_was_no_time_for_is_left_to_the_next_run(desk: Desk) -> None:
    partly = analyse(desk.parameters(budget=1e-9, images=["test/3"]), return_state=True)
    assert (partly.name, partly.type.value) == ("Partial", "COMPLETED")
    assert "results are left" in str(partly.message)
    assert desk.analyse(images=["test/3"])["left"] == 0


def test_a_model_without_a_data_set_looks_at_pictures_alone(tmp_path: Path) -> None:
    write_photograph(tmp_path / "rose.png")
    file = saved(small_cnn(), tmp_path / "small.keras")
    asked = {"store": str(tmp_path / "store"), "model": str(file)}
    with pytest.raises(BadInput, match="the model has no data set"):
        analyse(AnalyseParameters(**asked))
    made: Any = analyse(AnalyseParameters(**asked, pixels="0..1", images=[str(tmp_path / "rose.png")]))
    assert [one["title"] for one in made["made"]] == [
        "activations of picture:rose.png",
        "attribution of picture:rose.png",
    ]
    assert (made["accuracy"], made["pair"]) == (None, None)
