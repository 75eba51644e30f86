"""A file of arrays as a data set: `.npz` of NumPy, or HDF5, with images and labels under the names in use for them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lib.arrays import Array, Bools, Floats, Integers
from lib.data.array_labels import Labels, read_labels
from lib.data.array_pictures import as_pictures, check_pictures
from lib.data.dataset import UNLABELLED, Dataset
from lib.data.stored_arrays import StoredArray, open_arrays
from lib.door.files import open_file
from lib.errors import BadInput
from lib.pictures.names import show_name

ENDINGS = (".npz", ".h5", ".hdf5")

TEST_EVERY = 5
"""Where there is one set alone, every fifth picture of a class is a test image, as in a folder."""

_SETS = {"train": "train", "training": "train", "test": "test", "testing": "test"} | dict.fromkeys(
    ("val", "valid", "validation"), "validation"
)
_HOLDS = {
    "images": {"x", "image", "images", "img", "imgs", "data", "input", "inputs", "picture", "pictures", "pixels"},
    "labels": {"y", "label", "labels", "target", "targets"},
    "classes": {"classes", "classnames", "labelnames", "targetnames", "listclasses", "categories"},
}
_NOTHING = {"set", "orig", "all"}
"""Words in the names of arrays that say nothing of what they hold."""

_NAMED = 20
"""Of arrays by other names, as many are listed."""

Kind = tuple[str, str]
"""What an array holds: its set ("" for one that is not named), and images, labels or classes."""


def is_array_file(name: str) -> bool:
    """Whether the name of a data set is that of such a file."""
    return name.lower().endswith(ENDINGS)


def check_file(path: Path) -> None:
    """Raise BadInput where there is no such file."""
    if not path.exists():
        raise BadInput(f"there is no file {show_name(str(path))}: name one of arrays, .npz or .h5")
    open_file(path).close()


def kind_of(name: str) -> Kind | None:
    """What an array of this name holds; None where its name does not say.

    >>> kind_of("x_train"), kind_of("testLabels"), kind_of("images"), kind_of("arr_0")
    (('train', 'images'), ('test', 'labels'), ('', 'images'), None)
    """
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.rpartition("/")[2]).lower()
    whole = re.sub(r"[^a-z]", "", text)
    if whole in _HOLDS["classes"]:
        return "", "classes"
    glued = re.fullmatch(r"(x|y)(train|test|val|valid)", whole) or re.fullmatch(r"(train|test|val|valid)(x|y)", whole)
    words = (
        list(glued.groups()) if glued else [word for word in re.split(r"[^a-z]+", text) if word not in {"", *_NOTHING}]
    )
    sets = [_SETS[word] for word in words if word in _SETS]
    holds = [what for word in words for what, names in _HOLDS.items() if word in names]
    if len(sets) > 1 or len(holds) != 1 or len(sets) + len(holds) != len(words):
        return None
    return "".join(sets), holds[0]


def load(path: Path) -> Dataset:
    """The pictures and labels in a file of arrays, in their order.

    Images are [N, H, W] or [N, H, W, C], of bytes, or of floats in 0..1 or 0..255. Labels are numbers from 0, names,
    or one-hot rows; without them there are no classes. A set of validation tests where there is no test set, and
    without either every fifth picture of each class does.

    Raises:
        BadInput: the file is missing, damaged, holds Python objects, no images by any known name, or what does not
            belong together.
    """
    check_file(path)
    with open_arrays(path) as arrays:
        named = _by_kind(path, arrays)
        if "train" not in {name for name, _ in named} and ("", "images") not in named:
            some = list(arrays.values())[:_NAMED]
            held = ", ".join(f"{show_name(array.name)} {'x'.join(map(str, array.shape))}" for array in some)
            held += f" and {len(arrays) - _NAMED} more" if len(arrays) > _NAMED else ""
            raise BadInput(
                f"{show_name(str(path))} has no images by a name that is known, as x_train or images: "
                f"{held or 'no arrays'}: name its arrays x_train, y_train, x_test, y_test"
            )
        sets = _read_sets(path, named)
        given = named.get(("", "classes"))
        names = None if given is None else [_text(one) for one in np.ravel(given.read())]
    return _dataset(path, sets, names)


def classes_of(path: Path) -> tuple[str, ...]:
    """The classes of a file of arrays; its images are not read. Raises BadInput as `load`."""
    check_file(path)
    with open_arrays(path) as arrays:
        named = _by_kind(path, arrays)
        given = named.get(("", "classes"))
        names = None if given is None else [_text(one) for one in np.ravel(given.read())]
        first = "train" if ("train", "images") in named else ""
        held = [named[kind].read() for kind in ((first, "labels"), ("test", "labels")) if kind in named]
    if not held or (first, "labels") not in named:
        return ()
    return read_labels(path, held, names).classes


def _by_kind(path: Path, arrays: Mapping[str, StoredArray]) -> dict[Kind, StoredArray]:
    """The arrays whose names say what they hold. Raises BadInput where two hold the same."""
    found: dict[Kind, StoredArray] = {}
    for name, array in arrays.items():
        if (kind := kind_of(name)) is None:
            continue
        if kind in found:
            raise BadInput(
                f"{show_name(str(path))} has two arrays of the same kind, {show_name(found[kind].name)} and "
                f"{show_name(name)}: leave one of them"
            )
        found[kind] = array
    return found


@dataclass(frozen=True)
class _Sets:
    """Images and labels of the sets that are used, as they are in the file."""

    images: list[Array]
    labels: list[Array]
    split: str
    notes: list[str]


def _read_sets(path: Path, named: Mapping[Kind, StoredArray]) -> _Sets:
    first = "train" if ("train", "images") in named else ""
    notes: list[str] = []
    labelled = (first, "labels") in named
    tests: list[str] = []
    for name in ("test", "validation"):
        if (name, "images") not in named:
            continue
        if labelled and (name, "labels") not in named:
            notes.append(f"{show_name(named[name, 'images'].name)} is left out: it has no labels")
        elif tests:
            notes.append(f"{named[name, 'images'].name} is left out: there is {named[tests[0], 'images'].name}")
        else:
            tests.append(name)
    used = [first, *tests]
    images, labels = [], []
    for name in used:  # what their headers tell, before any is read
        check_pictures(path, (stored := named[name, "images"]).name, stored.shape, stored.dtype)
    for name in used:
        stored = named[name, "images"]
        if labelled:
            labels.append(named[name, "labels"].read())
        pictures, said = as_pictures(path, stored.name, stored.read())
        images.append(pictures)
        notes += said
        if labelled and (labels[-1].ndim == 0 or len(labels[-1]) != len(pictures)):
            raise BadInput(
                f"{show_name(str(path))}: {named[name, 'labels'].name} is of shape {labels[-1].shape}, and there "
                f"are {len(pictures)} pictures in {stored.name}: it must have one label for each picture"
            )
    split = f"the arrays {named[first, 'images'].name} and {named[tests[0], 'images'].name}" if tests else ""
    return _Sets(images, labels, split, notes)


def _dataset(path: Path, sets: _Sets, names: list[str] | None) -> Dataset:
    found = read_labels(path, sets.labels, names) if sets.labels else None
    labels = found.of_sets if found else [np.full(len(images), UNLABELLED, np.int64) for images in sets.images]
    images, split = _scaled(path, sets.images), sets.split
    digest = hashlib.sha256()
    for array in (*images, *labels):
        digest.update(np.ascontiguousarray(array).data)
    if len(images) == 1:
        test = _every_fifth(path, labels[0], found)
        images, labels = [images[0][~test], images[0][test]], [labels[0][~test], labels[0][test]]
        of_what = "of each class, in their order, " if found else "in their order "
        split = f"every fifth picture {of_what}is a test image"
    notes = list(sets.notes)
    if found is None:
        notes.append("the file has no labels: there is nothing to compare predictions with")
    return Dataset(
        str(path),
        images[0],
        labels[0],
        images[1],
        labels[1],
        found.classes if found else (),
        {
            "source": f"file {path.name}, {sum(map(len, images))} pictures",
            "licence": "unknown",
            "checksums": {"images and labels": f"sha256:{digest.hexdigest()}"},
            "split": split,
            "normalisation": "0..1",
            "pixel_range": [0.0, 1.0],
        },
        tuple(notes),
    )


def _scaled(path: Path, sets: list[Array]) -> list[Floats]:
    """Images in 0..1. Raises BadInput where it cannot be told what their numbers mean."""
    low, high = min(float(images.min()) for images in sets), max(float(images.max()) for images in sets)
    if not np.isfinite([low, high]).all():
        raise BadInput(
            f"{show_name(str(path))} has pixels that are no numbers (NaN or infinite): leave such pictures out"
        )
    if all(images.dtype.kind == "f" for images in sets) and low >= -1e-6 and high <= 1 + 1e-6:
        return [np.clip(images, 0, 1).astype(np.float32) for images in sets]
    if all(images.dtype.kind == "b" for images in sets):
        return [images.astype(np.float32) for images in sets]
    # what is dark as a whole was counted on another scale, as 0 to 16, more likely than it is a set of dark pictures
    if low >= 0 and _DARK <= high <= 255:
        return [np.multiply(images, np.float32(1 / 255), dtype=np.float32) for images in sets]
    raise BadInput(
        f"{show_name(str(path))} has pixels from {low:g} to {high:g}: give them as bytes from 0 to 255, or as floats "
        "from 0 to 1 or from 0 to 255"
    )


_DARK = 64


def _every_fifth(path: Path, labels: Integers, found: Labels | None) -> Bools:
    test = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        if len(own) < 2:
            of_class = f" of class {show_name(found.classes[label])}" if found else ""
            raise BadInput(
                f"{show_name(str(path))} has one picture only{of_class}: two are needed, one of them to test with"
            )
        chosen = own[TEST_EVERY - 1 :: TEST_EVERY]
        test[chosen if len(chosen) else own[-1:]] = True
    return test


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
