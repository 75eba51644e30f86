"""Files and folders that hold no Keras model: what they are, and the way to one."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from lib.errors import BadInput
from lib.network import model_file
from lib.network.other_files import weights_only

pytestmark = pytest.mark.heavy


def small() -> keras.Model:
    return keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Conv2D(2, 3, name="conv"), keras.layers.Flatten()])


def saved_model(path: Path) -> None:
    """The folder that Keras 2 writes, as far as it is looked at."""
    path.mkdir()
    for name in ("saved_model.pb", "keras_metadata.pb"):
        (path / name).write_bytes(b"\n")


def exported(path: Path) -> None:
    small().export(path)


def folder(path: Path) -> None:
    path.mkdir()


def weights(path: Path) -> None:
    small().save_weights(path)


def archive(*names: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as file:
            for name in names:
                file.writestr(name, b"what is in it")

    return write


def holds(data: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(data)

    return write


def described(path: Path) -> None:
    path.write_text(small().to_json())


KINDS: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "a SavedModel of Keras 2": ("saved", saved_model, "is a SavedModel of Keras 2: write it as .h5 where tf-keras is"),
    "an exported SavedModel": ("out", exported, "is a SavedModel that was exported without its layers"),
    "a folder": ("some", folder, "is a folder: name the .keras or .h5 file in it"),
    "weights of Keras 3": (
        "a.weights.h5",
        weights,
        r"model\.load_weights\('.*a\.weights\.h5'\), then model\.save\('model",
    ),
    "PyTorch": ("net.pt", archive("net/data.pkl", "net/version"), "is a model of PyTorch, not of Keras"),
    "an old PyTorch": ("net.pth", holds(b"\x80\x02\x8a\n"), "is a model of PyTorch, not of Keras"),
    "PyTorch by another name": ("net.zip", archive("archive/data.pkl"), "is a model of PyTorch, not of Keras"),
    "ONNX": ("net.onnx", holds(b"\x08\x07\x12\x07pytorch"), "is a model of ONNX, not of Keras"),
    "TensorFlow Lite": ("net.tflite", holds(b"\x1c\x00\x00\x00TFL3\x14\x00"), "is a model of TensorFlow Lite"),
    "TensorFlow Lite by another name": (
        "net.h5",
        holds(b"\x1c\x00\x00\x00TFL3\x14\x00"),
        "is a model of TensorFlow Lite",
    ),
    "safetensors": ("net.safetensors", holds(b"\x40\x00\x00\x00\x00\x00\x00\x00 "), "holds weights without layers"),
    "a graph": ("frozen.pb", holds(b"\n\x12\n\x05input"), "is a graph of TensorFlow without Keras's layers"),
    "a description": ("net.json", described, "describes layers without their weights"),
    "a packed model": ("net.zip", archive("net/model.h5", "net/readme"), r"is an archive with 'net/model\.h5' in it"),
    "another archive": ("net.zip", archive("a.txt"), "is an archive without a Keras model"),
    "an empty file": ("net.keras", holds(b""), "is empty: save the model again"),
    "a file of Git LFS": (
        "net.h5",
        holds(b"version https://git-lfs.github.com/spec/v1\noid"),
        "get it with `git lfs pull`",
    ),
    "a page": ("net.h5", holds(b"<html>not found</html>"), r"is neither a \.keras nor a \.h5 file, or is damaged"),
}


@pytest.mark.parametrize(("name", "write", "message"), KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("read", [model_file.load, model_file.config_of])
def test_what_is_no_model_is_called_what_it_is_with_the_way_to_one(
    name: str, write: Callable[[Path], None], message: str, read: Callable[[Path], object], tmp_path: Path
) -> None:
    write(tmp_path / name)
    with pytest.raises(BadInput, match=message) as caught:
        read(tmp_path / name)
    assert str(caught.value).startswith(f"{tmp_path / name} ")
    assert "\n" not in str(caught.value)


def test_the_way_from_weights_to_a_model_leads_there(tmp_path: Path) -> None:
    model = small()
    for name, whole in (("a.weights.h5", "model.keras"), ("old.h5", "model.h5")):
        path = tmp_path / name
        model.save_weights(path) if name.endswith(".weights.h5") else model.save(tmp_path / "old.h5")
        said = str(weights_only(str(path)))
        again = small()
        code = said.partition("builds the model, ")[2].replace(", then ", "; ")
        exec(code.replace(f"'{whole}'", f"'{tmp_path / whole}'"), {"model": again})
        image = np.random.default_rng(0).random((1, 6, 6, 1)).astype(np.float32)
        loaded = model_file.load(tmp_path / whole)
        np.testing.assert_array_equal(loaded(image), model(image))  # type: ignore[operator]


def test_a_model_of_a_class_of_its_own_is_said_to_be_that(tmp_path: Path) -> None:
    @keras.saving.register_keras_serializable("mine")
    class Own(keras.Model):  # type: ignore[misc]
        def __init__(self, **kwargs: object) -> None:
            super().__init__(**kwargs)
            self.conv = keras.layers.Conv2D(2, 3)

        def call(self, images: object) -> object:
            return self.conv(images)

    model = Own(name="own")
    model(np.zeros((1, 6, 6, 1), np.float32))
    model.save(tmp_path / "own.keras")
    with pytest.raises(BadInput, match=r"holds a custom Own \('own'\).*rebuild the model with Keras's own layers"):
        model_file.load(tmp_path / "own.keras")


def test_an_archive_that_is_torn_is_damaged_and_not_some_other_kind(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("config.json", json.dumps({}))
    (tmp_path / "torn.keras").write_bytes(stream.getvalue()[:-10])
    with pytest.raises(BadInput, match=r"is damaged: it is no whole zip archive"):
        model_file.load(tmp_path / "torn.keras")
