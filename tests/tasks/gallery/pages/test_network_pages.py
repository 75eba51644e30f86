"""Pages of networks, as files of a gallery."""

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Literal

import numpy as np

from storage.record import Input, NewOutput
from storage.store import Store
from storage.tensors import NPY, npy_bytes
from tests.tasks.gallery.made import Made
from tests.tasks.gallery.synthetic import MODEL, Synthetic
from tests.tasks.gallery.synthetic_analysis import CLASSES, Of, analyse

PAGE = "one-55555555/index.html"


def test_a_training_whose_loss_is_no_number_any_more_still_has_its_curves(tmp_path: Path) -> None:
    made = Synthetic(Store.open(tmp_path / "store"))
    losses = [2.5, 1.5, float("nan")]
    history = [{"epoch": at, "loss": loss, "accuracy": 0.1 * at} for at, loss in enumerate(losses, 1)]
    record = made.commit(
        "model",
        {"data": "mnist"},
        [
            NewOutput("model", b"one", "model", "application/x-keras", identity=MODEL),
            NewOutput("history", json.dumps(history).encode(), "history", "application/json"),
        ],
    )
    made.store.set_ref("model/one", f"record:{record.key}")
    text = Made(made.store, tmp_path / "gallery").text(PAGE)
    assert "1 2.50 2 1.50 3 –" in text
    assert "1 10.00 % 2 20.00 % 3 30.00 %" in text


def test_a_gallery_says_neither_on_which_host_nor_in_whose_folder_things_were(tmp_path: Path) -> None:
    made = Synthetic(Store.open(tmp_path / "store"))
    name = "folder:/home/me/pictures/cats"
    images = np.zeros((4, 12, 12, 1), np.float32)
    data = made.commit(
        "data",
        {"data": name, "classes": CLASSES, "attributes": {}},
        [
            NewOutput(role, npy_bytes(images), "images", NPY, "float32", images.shape, attributes={"data": name})
            for role in ("train_imgs", "test_imgs")
        ],
    )
    read = [Input(output.role, output.digest) for output in data.outputs]
    about = {"data": name, "data_record": data.key, "test_accuracy": 0.9}
    model = NewOutput("model", b"one", "model", "application/x-keras", attributes=about, identity=MODEL)
    record = made.commit("model", {"seed": 0}, [model], inputs=read)
    made.models[MODEL] = record.output("model").digest
    made.store.set_ref("model/one", f"record:{record.key}")
    made.sweep(MODEL, {"Conv2D_1": [0]})
    analyse(made, Of(data=name))
    gallery = Made(made.store, tmp_path / "gallery")
    for page in (PAGE, "index.html", "analysis/index.html"):
        assert "folder:cats" in gallery.text(page)
    assert "data set folder:cats" in gallery.text(PAGE)  # in the lineage
    for page in gallery.pages():
        assert "/home/me" not in gallery.html(page)
    assert record.provenance.host not in gallery.html(PAGE)


def test_warnings_of_the_latest_sweep_and_analysis_stand_on_top(tmp_path: Path) -> None:
    made = Synthetic(Store.open(tmp_path / "store"))
    made.model(MODEL, "one")
    for warning in ("an older one", "near <chance>"):
        made.sweep(MODEL, {"Conv2D_1": [0]}, summary={"warnings": [f"The accuracy is {warning}."]})
    run = made.store.open_run("analyse", {})
    run.close("completed", {"model": "model/one", "warnings": ["Red is blue.", "The accuracy is near <chance>."]})
    gallery = Made(made.store, tmp_path / "gallery")
    text = gallery.text(PAGE)
    assert text.count("Warning: The accuracy is near <chance>.") == 1
    assert "Warning: Red is blue." in text
    assert "an older one" not in text


def test_all_layers_stand_in_a_table_as_they_were_stored_with_the_network(tmp_path: Path) -> None:
    made = Synthetic(Store.open(tmp_path / "store"))
    layers = [
        {"name": "Conv2D_1", "type": "Conv2D", "units": 32, "size": [26, 26], "receptive_field": [3, 3], "swept": True},
        {"name": "mixed <1>", "type": "Concatenate", "units": 48, "size": [None, None], "receptive_field": None,
         "swept": False},
        {"name": "dense", "type": "Dense", "units": 10, "size": None, "receptive_field": None, "swept": False},
    ]  # fmt: skip
    table = {"layers": layers, "inputs": [], "outputs": []}
    outputs = [
        NewOutput("model", b"one", "model", "application/x-keras", identity=MODEL, attributes={"pixels": "0..255"}),
        NewOutput("layers", json.dumps(table).encode(), "summary", "application/json"),
    ]
    record = made.commit("register", {"file": "one.keras"}, outputs)
    made.models[MODEL] = record.output("model").digest
    made.store.set_ref("model/one", f"record:{record.key}")
    made.sweep(MODEL, {"Conv2D_1": [0]})
    gallery = Made(made.store, tmp_path / "gallery")
    text = gallery.text(PAGE)
    assert "pixels 0..255" in text
    assert "a sweep takes 1 layer with 32 maps" in text
    assert "3 layers with units" in text
    assert re.search(r"Conv2D_1 Conv2D 26×26×32 32 3×3 \d\S* yes", text)  # with its time, as it was swept
    assert "mixed <1> Concatenate any×any×48 48 – dense Dense 10 10 –" in text
    assert 'href="Conv2D_1/index.html">Conv2D_1</a></th>' in gallery.html(PAGE)
    assert gallery.broken("") == []


def test_of_a_network_without_a_stored_table_the_page_says_how_to_see_one(tmp_path: Path) -> None:
    made = Synthetic(Store.open(tmp_path / "store"))
    config = {"class_name": "Sequential", "config": {"layers": [
        {"class_name": "InputLayer", "config": {"name": "in", "batch_shape": [None, 8, 8, 1]}},
        {"class_name": "Conv2D", "config": {"name": "only", "filters": 5, "kernel_size": [3, 3], "strides": [1, 1]}},
    ]}}  # fmt: skip
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", b"")
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.0.0"}))
    output = NewOutput("model", file.getvalue(), "model", "application/x-keras", identity=MODEL)
    record = made.commit("register", {"file": "one.keras"}, [output])
    made.store.set_ref("model/one", f"record:{record.key}")
    text = Made(made.store, tmp_path / "gallery").text(PAGE)
    assert "only Conv2D 6×6×5 5" in text
    assert "pixels undeclared" in text
    assert "dreamsweep models show model/one" in text
    assert "swept by default" not in text


def test_a_renamed_network_keeps_the_addresses_of_its_pages_and_its_sweeps(tmp_path: Path) -> None:
    made = Synthetic(Store.open(tmp_path / "store"))
    made.model(MODEL, "one")
    made.sweep(MODEL, {"Conv2D_1": [0]})
    made.store.rename_ref("model/one", "model/flowers")
    gallery = Made(made.store, tmp_path / "gallery")
    assert "flowers" in gallery.html(PAGE).split("<h1>")[1].split("</h1>")[0]
    assert "Conv2D_1" in gallery.text(PAGE).split("Sweeps")[1]
    assert gallery.broken("") == []


def test_a_registered_network_has_the_accuracy_of_its_latest_analysis(tmp_path: Path) -> None:
    made = Synthetic(Store.open(tmp_path / "store"))
    output = NewOutput("model", b"one", "model", "application/x-keras", identity=MODEL)
    record = made.commit("register", {"file": "one.keras"}, [output])
    made.store.set_ref("model/one", f"record:{record.key}")
    for model, accuracy in (("model/one", 0.25), ("model/one", 0.875), ("model/other", 0.5)):
        made.store.open_run("analyse", {}).close("completed", {"model": model, "accuracy": accuracy})
    gallery = Made(made.store, tmp_path / "gallery")
    assert "accuracy on the test set 87.50 %" in gallery.text(PAGE)
    assert "87.50 % on the test set" in gallery.text("index.html")


def test_sweeps_that_brought_nothing_new_are_one_row(tmp_path: Path) -> None:
    made = Synthetic(Store.open(tmp_path / "store"))
    made.model(MODEL, "one")
    first = made.store.run(made.sweep(MODEL, {"Conv2D_1": [0, 1]}))

    def again(state: Literal["completed", "partial"] = "completed") -> None:
        run = made.store.open_run("oip-sweep", first.parameters)
        for unit, result in first.units.items():
            run.add(unit, made.store.record(result.record), "reused")
        run.close(state, first.summary)

    for _ in range(3):
        again()
    again("partial")
    again()
    gallery = Made(made.store, tmp_path / "gallery")
    for page in ("index.html", PAGE):
        text = gallery.text(page)
        assert text.count("1 sweep with nothing new") == 1
        assert text.count("3 sweeps with nothing new") == 1
        assert text.count(first.id) == 1
        rows = gallery.html(page).partition('aria-label="Sweeps"')[2].partition("</table>")[0]
        assert rows.count("<code>") == 4
