"""Networks that end in something else than one softmax: each output is analysed, or one line says why it is not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl

from flows.analyse import analyse
from flows.cli.print_results import show_analysis
from flows.forms.parameters import AnalyseParameters, RegisterParameters
from flows.register import register
from flows.results.reports import analysis_lines
from lib.analysis.settings import AnalysisSettings
from lib.data.datasets import load
from lib.errors import BadInput
from storage.store import Store
from tests.flows.tiny import SIDE, saved, with_weights, write_pictures

pytestmark = pytest.mark.usefixtures("prefect_server")

SETTINGS = AnalysisSettings(clear=1, unclear=1, classifier_images=0)


def ending(outputs: Callable[[Any], Any]) -> Any:
    entry = keras.Input((SIDE, SIDE, 1))
    maps = kl.Conv2D(4, 3, activation="relu", name="maps")(entry)
    return with_weights(keras.Model(entry, outputs(maps)))


class Place:
    """A store, and a data set of three classes or two."""

    def __init__(self, root: Path, classes: int) -> None:
        self.root, self.data = root, write_pictures(root / "pictures", each=10)
        if classes == 2:
            for picture in (root / "pictures" / "class 2").iterdir():
                picture.unlink()
            (root / "pictures" / "class 2").rmdir()
        self.set = load(self.data)

    def analyse(self, model: Any, settings: AnalysisSettings = SETTINGS, **more: Any) -> dict[str, Any]:
        file = saved(model, self.root / "model.keras")
        store = str(self.root / "store")
        register(RegisterParameters(store=store, file=file, data=self.data, pixels="0..1"))
        return dict(analyse(AnalyseParameters(store=store, settings=settings, **more)))

    def said(self, summary: dict[str, Any], title: str) -> Any:
        store = Store.open(self.root / "store")
        (made,) = (one for one in summary["made"] if one["title"] == title)
        return json.loads(store.get(store.record(made["record"]).output("summary").digest))


@pytest.fixture
def three(tmp_path: Path) -> Place:
    return Place(tmp_path, 3)


@pytest.mark.parametrize("activation", ["sigmoid", None])
def test_a_network_with_one_output_for_two_classes_is_as_right_as_keras_says(
    tmp_path: Path, activation: str | None
) -> None:
    place = Place(tmp_path, 2)
    model = ending(lambda maps: kl.Dense(1, activation=activation)(kl.GlobalMaxPooling2D()(maps)))
    model.compile(
        keras.optimizers.Adam(0.02),
        keras.losses.BinaryCrossentropy(from_logits=activation is None),
        metrics=[keras.metrics.BinaryAccuracy(threshold=0.5 if activation else 0.0)],
    )
    model.fit(place.set.train_imgs, place.set.train_labels, epochs=20, verbose=0)
    told = model.evaluate(place.set.test_imgs, place.set.test_labels, verbose=0, return_dict=True)
    summary = place.analyse(model)
    assert summary["accuracy"] == pytest.approx(told["binary_accuracy"])
    assert np.shape(summary["confusion"]) == (2, 2)


def test_several_sigmoids_have_an_accuracy_for_each_label_and_no_confusion(
    three: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ending(lambda maps: kl.Dense(3, activation="sigmoid", name="tags")(kl.GlobalMaxPooling2D()(maps)))
    summary = three.analyse(model)
    (output,) = summary["outputs"]
    given = np.asarray(model(three.set.test_imgs)) >= 0.5
    for at, label in enumerate(output["labels"]):
        assert label["name"] == f"class {at}"
        assert label["accuracy"] == pytest.approx((given[:, at] == (three.set.test_labels == at)).mean())
    assert (summary["accuracy"], summary["confusion"], summary["pair"]) == (None, None, None)
    assert {one["title"] for one in summary["made"]} == {
        *(f"{what} of test/{number}" for what in ("activations", "attribution") for number in range(4)),
        *("activations of several images side by side", "output tags on test"),
    }
    show_analysis(summary)
    shown = capsys.readouterr().out
    assert "class 2" in shown
    assert "The network ends in 3 sigmoids: a label each, of which several may hold at once" in shown
    assert any("3 sigmoids" in line for line in analysis_lines(Store.open(three.root / "store"), summary))


@pytest.mark.parametrize(("pixels", "scale"), [("0..1", 1), ("0..255", 255)])
def test_values_of_the_test_images_are_told_anew_of_other_pixels(three: Place, pixels: str, scale: int) -> None:
    model = ending(lambda maps: kl.Dense(1, name="age")(kl.GlobalMaxPooling2D()(maps)))
    three.analyse(model)
    (value,) = three.said(three.analyse(model, pixels=pixels), "output age on test")["values"]
    assert value["mean"] == pytest.approx(np.asarray(model(scale * three.set.test_imgs)).mean(), rel=1e-4)


def test_a_regression_is_said_and_its_images_are_looked_at_all_the_same(three: Place) -> None:
    model = ending(lambda maps: kl.Dense(1, name="age")(kl.GlobalMaxPooling2D()(maps)))
    summary = three.analyse(model, images=["test/1"])
    assert summary["notes"] == [
        "the network ends in 1 output without activation: values, a regression: there is no accuracy, and there are no "
        "classes to compare"
    ]
    assert {one["title"] for one in summary["made"]} == {
        *("activations of test/1", "attribution of test/1", "output age on test"),
    }
    (value,) = three.said(summary, "output age on test")["values"]
    assert value["mean"] == pytest.approx(np.asarray(model(three.set.test_imgs)).mean(), rel=1e-4)
    with pytest.raises(
        BadInput, match="the network predicts no classes that could be compared: the network ends in 1 output"
    ):
        three.analyse(model, AnalysisSettings(pair="class 0,class 1"))


def test_maps_are_said_and_their_images_are_looked_at(three: Place) -> None:
    summary = three.analyse(ending(lambda maps: kl.Conv2D(3, 1, activation="softmax", name="segments")(maps)))
    assert {one["title"] for one in summary["made"]} == {
        *(f"activations of test/{number}" for number in range(4)),
        "activations of several images side by side",
    }
    assert "the network ends in a softmax over maps: a segmentation [10, 10, 3]" in summary["notes"][0]


def test_each_of_several_outputs_is_told_by_its_name(three: Place, capsys: pytest.CaptureFixture[str]) -> None:
    def outputs(maps: Any) -> Any:
        flat = kl.GlobalMaxPooling2D()(maps)
        return [
            kl.Dense(5, activation="softmax", name="other")(flat),
            kl.Dense(3, activation="softmax", name="first")(flat),
            kl.Dense(3, activation="softmax", name="second")(flat),
            kl.Dense(2, name="place")(flat),
        ]

    model = ending(outputs)
    summary = three.analyse(model)
    truth = three.set.test_labels
    _, first, second, _ = (np.asarray(part) for part in model(three.set.test_imgs))
    assert summary["accuracy"] == pytest.approx((first.argmax(1) == truth).mean())
    assert {one["output"]: one["accuracy"] for one in summary["outputs"]} == {
        "second": pytest.approx((second.argmax(1) == truth).mean()),
        "place": None,
    }
    assert any(
        note.startswith("output other ends in a softmax of 5 classes, and the data set has 3")
        for note in summary["notes"]
    )
    show_analysis(summary)
    assert "accuracy of output second" in capsys.readouterr().out


def test_what_is_left_out_where_no_image_of_a_class_is_predicted_as_that_is_said(three: Place) -> None:
    model = ending(lambda maps: kl.Dense(3, activation="softmax", name="classes")(kl.GlobalMaxPooling2D()(maps)))
    kernel, bias = model.get_layer("classes").get_weights()
    model.get_layer("classes").set_weights([kernel * 0, np.array([0, 1, 0], bias.dtype)])
    summary = three.analyse(model)
    (note,) = summary["notes"]
    assert "are not compared (no FCPs, no linear probes), because no test image of class 0 is predicted as that" in note
    assert "activations of test/0" in {one["title"] for one in summary["made"]}
