"""What a file or folder is that holds no Keras model, and the way to one, in one line.

Each way was tried. `python -c` stands where a line of Python is the whole of it.
"""

from collections.abc import Sequence
from pathlib import Path

from lib.errors import BadInput

_FROM = "give the .keras or .h5 file of the Keras model that it was made from"
_BY_ENDING = {
    ".onnx": f"is a model of ONNX, not of Keras: {_FROM}",
    ".pt": f"is a model of PyTorch, not of Keras: {_FROM}",
    ".pth": f"is a model of PyTorch, not of Keras: {_FROM}",
    ".safetensors": f"holds weights without layers (safetensors), not a Keras model: {_FROM}",
    ".tflite": f"is a model of TensorFlow Lite, from which Keras gets no layers back: {_FROM}",
}
_NOT_KERAS = (
    "is neither a .keras nor a .h5 file, or is damaged: save the model from Keras, with model.save('model.keras')"
)


def refuse_folder(path: Path, name: str) -> BadInput:
    """What is to be raised for a folder."""
    if not (path / "saved_model.pb").exists():
        return BadInput(f"{name} is a folder: name the .keras or .h5 file in it")
    if not (path / "keras_metadata.pb").exists():
        return BadInput(
            f"{name} is a SavedModel that was exported without its layers: "
            "save the model itself, where it was exported, with model.save('model.keras')"
        )
    return BadInput(
        f"{name} is a SavedModel of Keras 2: write it as .h5 where tf-keras is installed, "
        f"""with python -c "import tf_keras; tf_keras.models.load_model('{name}').save('model.h5')" """.rstrip()
    )


def refuse_bytes(data: bytes, name: str) -> BadInput:
    """What is to be raised for a file that begins so: it is neither of HDF5 nor a zip archive."""
    ending = Path(name).suffix.lower()
    if not data:
        return BadInput(f"{name} is empty: save the model again, with model.save('model.keras')")
    if data[4:8] == b"TFL3":
        ending = ".tflite"
    if data.startswith(b"version https://git-lfs"):
        return BadInput(f"{name} stands for a file that Git LFS keeps elsewhere: get it with `git lfs pull`")
    if ending == ".pb":
        return BadInput(
            f"{name} is a graph of TensorFlow without Keras's layers: name the SavedModel folder that it lies in"
        )
    if data.lstrip()[:1] == b"{":
        return BadInput(
            f"{name} describes layers without their weights: "
            "save the whole model where it was made, with model.save('model.keras')"
        )
    return BadInput(f"{name} {_BY_ENDING.get(ending, _NOT_KERAS)}")


def refuse_archive(names: Sequence[str], name: str) -> BadInput | None:
    """What is to be raised for a zip archive of such members that is no `.keras` file; None for one that is."""
    if "config.json" in names:
        return None
    if any(part.endswith("data.pkl") for part in names):
        return BadInput(f"{name} {_BY_ENDING['.pt']}")
    inside = next((part for part in names if part.endswith((".keras", ".h5", ".hdf5"))), None)
    if inside is not None:
        return BadInput(f"{name} is an archive with {inside!r} in it: unpack it, and name that file")
    return BadInput(
        f"{name} is an archive without a Keras model: save the model from Keras, with model.save('model.keras')"
    )


def weights_only(name: str) -> BadInput:
    """What is to be raised for a file of weights."""
    whole = "model.keras" if name.endswith(".weights.h5") else "model.h5"  # older Keras writes no .keras
    return BadInput(
        f"{name} holds weights only: in the Python that builds the model, "
        f"model.load_weights('{name}'), then model.save('{whole}')"
    )
