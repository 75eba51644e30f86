"""Files that Keras 2 wrote, compared with what Keras 2 computes."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from lib.errors import BadInput
from lib.network import model_file
from lib.network.graph import graph_of
from lib.network.keras2 import config as keras2
from lib.network.keras2 import layers as keras2_layers
from tests.lib.network.keras2.inputs import inputs_of

pytestmark = pytest.mark.heavy

keras = pytest.importorskip("keras")

with zipfile.ZipFile(Path(__file__).parent / "files.zip") as _archive:
    FILES = {name: _archive.read(name) for name in _archive.namelist()}
NAMES = [name for name in FILES if not name.endswith(".npz")]


def outputs_of(model: Any, name: str) -> list[np.ndarray]:
    inputs = inputs_of(name, [tuple(tensor.shape) for tensor in model.inputs])
    found = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    return [np.asarray(array, np.float32) for array in keras.tree.flatten(found)]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_keras_2_computes_what_it_computed_there_and_still_does_when_stored_anew(name: str) -> None:
    model = model_file.load(FILES[name], name=name)
    with np.load(io.BytesIO(FILES[f"{name}.npz"])) as known:
        wanted = [known[f"y{number}"] for number in range(len(known.files))]
    assert max(np.ptp(one) for one in wanted) > 1e-3, "the outputs tell nothing"
    stored = model_file.load(model_file.keras_bytes(model))
    for found in (outputs_of(model, name), outputs_of(stored, name)):
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=2e-6)
    assert model_file.identity(stored) == model_file.identity(model)


@pytest.mark.parametrize("name", [name.removesuffix(".keras") for name in NAMES if name.endswith(".keras")])
def test_both_formats_give_the_same_identity_and_the_same_layers(name: str) -> None:
    one, other = (model_file.load(FILES[f"{name}.{ending}"]) for ending in ("h5", "keras"))
    if len(one.inputs) == 1 and len(one.inputs[0].shape) == 4:  # type: ignore[attr-defined]
        assert [step.name for step in graph_of(one).steps] == [step.name for step in graph_of(other).steps]
    weights = [[np.asarray(weight) for weight in model.weights] for model in (one, other)]  # type: ignore[attr-defined]
    for mine, theirs in zip(*weights, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def changed(name: str, change: Any) -> bytes:
    """The `.h5` file with its configuration changed by hand."""
    stream = io.BytesIO(FILES[name])
    with h5py.File(stream, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change(config["config"]["layers"])
        file.attrs.modify("model_config", json.dumps(config))
    return stream.getvalue()


def calls(function: str) -> Any:
    def change(layers: list[Any]) -> None:
        next(one for one in layers if one["class_name"] == "TFOpLambda")["config"]["function"] = function

    return change


def replaced(**what: Any) -> Any:
    return lambda layers: layers[-1].update(what)


ATTACKS = {
    "a function that reads files": ("scaled.h5", calls("io.read_file"), "computes tf.io.read_file"),
    "a function that runs Python": ("scaled.h5", calls("py_function"), "computes tf.py_function"),
    "a function with a path": ("scaled.h5", calls("math.truediv.__globals__"), "for which there is no"),
    "a dunder": ("scaled.h5", calls("__operators__.__class__"), "for which there is no"),
    "a module": ("scaled.h5", calls("os.system"), "computes tf.os.system"),
    "a Lambda": ("scaled.h5", replaced(class_name="Lambda"), "holds a Lambda"),
    "a class of another package": ("scaled.h5", replaced(class_name="os.system"), "Keras 3 does not have"),
    "a function as a class": ("scaled.h5", replaced(class_name="deserialize"), "Keras 3 does not have"),
    "a layer that reads a vocabulary": (
        "scaled.h5",
        replaced(class_name="StringLookup", config={"name": "words", "vocabulary": "/etc/passwd"}),
        "reads other files",
    ),
    "a custom layer": ("scaled.h5", replaced(class_name="Custom>Mine"), "Keras 3 does not have"),
    "an activation by name of a module": (
        "scaled.h5",
        lambda layers: layers[-1]["config"].update(
            activation={"class_name": "function", "module": "os", "config": "system", "registered_name": "system"}
        ),
        "names the function os.system",
    ),
    "a setting that nobody knows": (
        "scaled.h5",
        lambda layers: layers[-1]["config"].update(surprise=1),
        "Keras 3 does not build it",
    ),
    "a setting of an operator that nobody knows": (
        "scaled.h5",
        lambda layers: layers[1]["inbound_nodes"][0][3].update(surprise=1),
        "with surprise=1",
    ),
    "no nodes": ("scaled.h5", lambda layers: layers[1].update(inbound_nodes=[]), "nothing calls"),
    "nodes that are none": ("scaled.h5", lambda layers: layers[2].update(inbound_nodes=[7]), "is damaged"),
    "a call of what there is not": (
        "scaled.h5",
        lambda layers: layers[3].update(inbound_nodes=[[["x", 0, 0, {}]]]),
        "is damaged",
    ),
    "other weights": ("scaled.h5", lambda layers: layers[3]["config"].update(filters=7), "holds other weights"),
}


@pytest.mark.parametrize(("name", "change", "message"), ATTACKS.values(), ids=ATTACKS)
def test_what_is_no_model_of_keras_2_is_refused_in_one_line(name: str, change: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message) as caught:
        model_file.load(changed(name, change), name="yours")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("yours ")


def test_weights_that_lie_in_another_file_are_not_read(tmp_path: Path) -> None:
    stream = io.BytesIO(FILES["scaled.h5"])
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["secret"] = np.zeros((3, 3, 3, 4), np.float32)
    with h5py.File(stream, "r+") as file:
        del file["model_weights/conv/conv/kernel:0"]
        file["model_weights/conv/conv/kernel:0"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "secret")
    with pytest.raises(BadInput, match="out of another file"):
        model_file.load(stream.getvalue())


def test_weights_that_are_missing_are_said() -> None:
    stream = io.BytesIO(FILES["scaled.h5"])
    with h5py.File(stream, "r+") as file:
        file["model_weights"].attrs["layer_names"] = [
            name for name in file["model_weights"].attrs["layer_names"] if name != "head"
        ]
    with pytest.raises(BadInput, match="has no weights of 'head'"):
        model_file.load(stream.getvalue())


def test_a_recurrent_layer_with_the_old_hard_sigmoid_is_refused() -> None:
    def change(layers: list[Any]) -> None:
        next(one for one in layers if one["class_name"] == "GRU")["config"]["recurrent_activation"] = "hard_sigmoid"

    with pytest.raises(BadInput, match="the hard_sigmoid of Keras 2"):
        model_file.load(changed("sequence.h5", change))


def test_a_subclassed_model_of_keras_2_is_said_to_be_one() -> None:
    stream = io.BytesIO(FILES["scaled.h5"])
    with h5py.File(stream, "r+") as file:
        file.attrs.modify("model_config", json.dumps({"class_name": "MyNet", "config": {"units": 3}}))
    with pytest.raises(BadInput, match="subclassed model MyNet, whose code is not in the file"):
        model_file.load(stream.getvalue())


def test_versions_before_the_third_are_keras_2_and_files_that_say_none_too() -> None:
    assert [keras2.is_keras2(version) for version in (None, "1.2.2", b"2.0.5", "2.15.0", "3.0.0", "3.15.1")] == [
        *(True, True, True, True),
        *(False, False),
    ]


def test_a_sequential_of_the_first_keras_is_a_list_with_other_names_of_settings() -> None:
    stream = io.BytesIO()
    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(size=(3, 3, 1, 2)).astype("float32"), rng.normal(size=2).astype("float32")
    config = [
        {
            "class_name": "Convolution2D",
            "config": {
                "name": "convolution2d_1", "nb_filter": 2, "nb_row": 3, "nb_col": 3, "border_mode": "same",
                "dim_ordering": "tf", "init": "glorot_uniform", "activation": "relu", "bias": True,
                "W_regularizer": None, "subsample": [1, 1],
                "batch_input_shape": [None, 6, 6, 1], "input_dtype": "float32", "trainable": True,
            },
        },
        {"class_name": "Dropout", "config": {"name": "dropout_1", "p": 0.5, "trainable": True}},
        {"class_name": "Flatten", "config": {"name": "flatten_1", "trainable": True}},
    ]  # fmt: skip
    with h5py.File(stream, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": config})
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [b"convolution2d_1", b"dropout_1", b"flatten_1"]
        for name in ("convolution2d_1", "dropout_1", "flatten_1"):
            group.create_group(name).attrs["weight_names"] = []
        group["convolution2d_1"].attrs["weight_names"] = [b"convolution2d_1_W", b"convolution2d_1_b"]
        group["convolution2d_1/convolution2d_1_W"], group["convolution2d_1/convolution2d_1_b"] = kernel, bias
    model: Any = model_file.load(stream.getvalue())
    image = rng.random((2, 6, 6, 1)).astype("float32")
    same = keras.Sequential(
        [keras.Input((6, 6, 1)), keras.layers.Conv2D(2, 3, padding="same", activation="relu"), keras.layers.Flatten()]
    )
    same.layers[0].set_weights([kernel, bias])
    np.testing.assert_array_equal(model(image), same(image))


def test_names_stay_apart_where_keras_3_allows_no_slash() -> None:
    layers = [{"class_name": "Conv2D", "config": {"name": name}} for name in ("a/b", "a_b", "a_b_", "c")]
    names = keras2.names_of(layers)
    assert len(set(names.values())) == 4
    assert {name: names[name] for name in ("a_b", "a_b_", "c")} == {"a_b": "a_b", "a_b_": "a_b_", "c": "c"}
    assert "/" not in names["a/b"]


def test_the_hard_sigmoid_of_keras_2_is_two_layers_behind_its_own() -> None:
    one = {"class_name": "Conv2D", "config": {"name": "c", "activation": "hard_sigmoid"}, "name": "c"}
    assert [part["class_name"] for part in keras2_layers.split_activation(one)] == ["Conv2D", "Rescaling", "ReLU"]
