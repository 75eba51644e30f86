"""A data set as artifacts, under the blog's names."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import JsonValue
from typing_extensions import TypedDict

from lib.data.dataset import Dataset
from lib.data.datasets import load
from lib.data.wanted_images import WantedImages
from storage.rows import pieces_of
from storage.store import Input, NewOutput, Recipe, Record, Store
from storage.tensors import HDF5, NPY, hdf5_bytes, npy_bytes
from tasks.model.kinds.data import KIND
from tasks.session.attributes import read_as
from tasks.session.json_output import json_output
from tasks.session.progress import report, say
from tasks.session.session import session_of

VERSION = 1
ARRAYS = ("train_imgs", "train_labels", "y_train", "test_imgs", "test_labels", "y_test")


class DataParameters(TypedDict):
    """What the record of a data set has as parameters: its name, its classes and what it says of itself."""

    data: str
    classes: list[str]
    attributes: dict[str, JsonValue]


def store_data(
    name: str,
    data_dir: Path | None,
    run: str,
    suits: Callable[[Dataset], object] | None = None,
    wanted: WantedImages | None = None,
) -> tuple[Record, bool]:
    """The record of the data set of this name: six arrays as `.npy` and all of them as one HDF5 file.

    Of files there is a list beside them, `files`: which of them each image is, and which were left out. Its recipe is
    what the pictures and labels are, whatever file they came from.

    `suits` is shown the data set before anything is stored, and raises BadInput for one that is of no use. `wanted`:
    the images that the network takes, to which the pictures are fitted. Raises BadInput.
    """
    session = session_of(run)
    data = load(name, data_dir, wanted=wanted, progress=report)
    for note in data.notes:
        say(f"{data.name}: {note}")
    if suits:
        suits(data)
    attributes = dict(data.attributes)
    recipe = Recipe(
        task=KIND.task,
        version=VERSION,
        parameters={"data": data.name, "classes": list(data.classes), "attributes": attributes},
        inputs=_content(data),
    )

    def compute() -> tuple[list[NewOutput], list[Input]]:
        arrays = {name: np.ascontiguousarray(getattr(data, name)) for name in ARRAYS}
        outputs = []
        for at, (name, array) in enumerate(arrays.items()):
            report("storing the data set", at, len(arrays) + 1, name, of="files")
            kind = "images" if name.endswith("imgs") else "labels"
            about: dict[str, Any] = {"data": data.name, "set": name} | (
                {} if kind == "images" else {"classes": list(data.classes)}
            )
            tensor = npy_bytes(array)
            about |= pieces_of(tensor) if name == "train_imgs" else {}
            outputs.append(NewOutput(name, tensor, kind, NPY, str(array.dtype), array.shape, attributes=about))
        report("storing the data set", len(arrays), len(arrays) + 1, "HDF5", of="files")
        together = hdf5_bytes(arrays, {"/": {"data": data.name, "classes": list(data.classes), **attributes}})
        outputs.append(NewOutput("dataset", together, "dataset", HDF5, attributes={"data": data.name, **attributes}))
        if data.files is not None:
            outputs.append(json_output("files", data.files, {"data": data.name}))
        report("storing the data set", len(arrays) + 1, len(arrays) + 1, of="files")
        return outputs, []

    return session.obtain(recipe, compute, unit="data")


def load_data(store: Store, record: Record) -> Dataset:
    """The data set of a record, its images memory-mapped. Raises StoreError where a blob is missing or damaged."""
    parameters = read_as(DataParameters, record.parameters)
    train_imgs, train_labels, test_imgs, test_labels = (
        store.array(record.output(name).digest) for name in ("train_imgs", "train_labels", "test_imgs", "test_labels")
    )
    return Dataset(
        parameters["data"],
        train_imgs,
        train_labels,
        test_imgs,
        test_labels,
        tuple(parameters["classes"]),
        parameters["attributes"],
    )


def _content(data: Dataset) -> dict[str, str]:
    import hashlib

    found = {}
    for name in ("train_imgs", "train_labels", "test_imgs", "test_labels"):
        array = np.ascontiguousarray(getattr(data, name))
        digest = hashlib.sha256(f"{array.dtype} {array.shape}\n".encode())
        digest.update(array.data)
        found[name] = digest.hexdigest()
    return found
