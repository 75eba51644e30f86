"""A data set as artifacts, under the blog's names."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import JsonValue
from typing_extensions import TypedDict

from lib.arrays import Array, Integers
from lib.data.dataset import Dataset, one_hot
from lib.data.datasets import load
from lib.data.room import MOST_COPIES, Room, Shape, cut, file_of, gather
from lib.data.wanted_images import WantedImages
from storage.rows import pieces_of
from storage.store import NewOutput, Recipe, Record, Store
from storage.tensors import HDF5, NPY, hdf5_bytes, npy_bytes, write_hdf5
from tasks.model.kinds.data import KIND
from tasks.session.attributes import read_as
from tasks.session.json_output import json_output
from tasks.session.progress import beat, report, say
from tasks.session.scratch import is_taken_over, scratch, scratch_folder
from tasks.session.session import session_of

VERSION = 1


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
    with ExitStack() as files:
        room = _room(session.store, files)
        data = load(name, data_dir, wanted=wanted, progress=report, room=room)
        for note in data.notes:
            say(f"{data.name}: {note}")
        if suits:
            suits(data)
        recipe = Recipe(
            task=KIND.task,
            version=VERSION,
            parameters={"data": data.name, "classes": list(data.classes), "attributes": dict(data.attributes)},
            inputs=_content(data),
        )
        return session.obtain(recipe, lambda: (_outputs(data, room), []), unit="data")


def _room(store: Store, files: ExitStack) -> Room:
    """Room on the store's own disk for a data set, until `files` ends."""

    def copies(name: str, count: int, shape: Shape) -> int:
        index = store.questions()
        known = index.records_of([key for key, task in index.tasks().items() if task == KIND.task])
        if any(_may_be(record, name, count, shape) for record in known.values()):
            return 1  # it is looked at, and as long as no picture has changed it is not stored again
        return 2 if store.files.folder is None or is_taken_over(store) else MOST_COPIES

    return Room(scratch_folder(store), lambda: files.enter_context(scratch(store, "")), beat, copies)


def _may_be(record: Record, name: str, count: int, shape: Shape) -> bool:
    """Whether a record may be of a data set of this name and of so many images, some of which may be broken."""
    parameters = read_as(DataParameters, record.parameters)
    train, test = (record.output(part).shape or (0,) for part in ("train_imgs", "test_imgs"))
    stored, broken = train[0] + test[0], parameters["attributes"].get("broken", 0)
    assert isinstance(broken, int)
    return parameters["data"] == name and train[1:] == shape and stored <= count <= stored + broken


def _outputs(data: Dataset, room: Room) -> list[NewOutput]:
    attributes = dict(data.attributes)
    arrays = _arrays(data, room)
    outputs = []
    for at, (name, array) in enumerate(arrays.items()):
        report("storing the data set", at, len(arrays) + 1, name, of="files")
        kind = "images" if name.endswith("imgs") else "labels"
        about: dict[str, Any] = {"data": data.name, "set": name} | (
            {} if kind == "images" else {"classes": list(data.classes)}
        )
        tensor = file_of(array) or npy_bytes(array)
        about |= pieces_of(tensor) if name == "train_imgs" else {}
        outputs.append(NewOutput(name, tensor, kind, NPY, str(array.dtype), array.shape, attributes=about))
    report("storing the data set", len(arrays), len(arrays) + 1, "HDF5", of="files")
    together = _together(arrays, {"data": data.name, "classes": list(data.classes), **attributes}, room)
    outputs.append(NewOutput("dataset", together, "dataset", HDF5, attributes={"data": data.name, **attributes}))
    if data.files is not None:
        outputs.append(json_output("files", data.files, {"data": data.name}))
    report("storing the data set", len(arrays) + 1, len(arrays) + 1, of="files")
    return outputs


def _together(arrays: Mapping[str, Array], about: Mapping[str, Any], room: Room) -> bytes | Path:
    """All arrays as HDF5; in a file where one of them is."""
    if not any(map(file_of, arrays.values())):
        return hdf5_bytes(arrays, {"/": about})
    file = room.new_file()
    write_hdf5(file, arrays, {"/": about})
    return file


def _arrays(data: Dataset, room: Room) -> dict[str, Array]:
    """The arrays of a data set, by name: what is large of a folder is in files, labels too where images are."""
    in_files = file_of(data.train_imgs) or file_of(data.test_imgs)

    def one_hots(labels: Integers) -> Array:
        shape = len(labels), len(data.classes)
        pieces = (one_hot(labels[some], shape[1]) for some in cut(shape, 4))
        return gather(pieces, shape, np.float32, room if in_files else None)

    arrays: dict[str, Array] = {
        "train_imgs": data.train_imgs,
        "train_labels": data.train_labels,
        "y_train": one_hots(data.train_labels),
        "test_imgs": data.test_imgs,
        "test_labels": data.test_labels,
        "y_test": one_hots(data.test_labels),
    }
    return {name: array if file_of(array) else np.ascontiguousarray(array) for name, array in arrays.items()}


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
        array = getattr(data, name)
        digest = hashlib.sha256(f"{array.dtype} {array.shape}\n".encode())
        for some in cut(array.shape, array.itemsize):
            beat()
            digest.update(np.ascontiguousarray(array[some]).data)
        found[name] = digest.hexdigest()
    return found
