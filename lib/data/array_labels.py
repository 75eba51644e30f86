"""Labels as they lie in files of arrays: numbers, names or one-hot rows, brought to numbers of classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.arrays import Array, Integers
from lib.errors import BadInput
from lib.pictures.names import show_name

MOST_CLASSES = 100_000
"""A greater number than that is no class's."""


@dataclass(frozen=True)
class Labels:
    """The labels of the sets, [N] each, and the names of the classes that they count."""

    of_sets: list[Integers]
    classes: tuple[str, ...]


def read_labels(path: Path, sets: Sequence[Array], names: Sequence[str] | None) -> Labels:
    """The labels of all sets of a file.

    `names`: of the classes, in the order of their numbers, where the file has them; else the names are the labels
    themselves: in the order of the alphabet where they are texts, and all numbers up to the greatest where they are
    numbers.

    Raises:
        BadInput: they are no such labels.
    """
    where = show_name(str(path))
    flat = [_flat(where, labels) for labels in sets]
    if all(labels.dtype.kind in "US" for labels in flat):
        texts = [np.char.decode(labels, "utf-8", "replace") if labels.dtype.kind == "S" else labels for labels in flat]
        classes = tuple(names) if names else tuple(map(str, np.unique(np.concatenate(texts))))
        numbers = {name: number for number, name in enumerate(classes)}
        unknown = next((str(name) for labels in texts for name in labels if str(name) not in numbers), None)
        if unknown is not None:
            raise BadInput(f"{where} has the label {show_name(unknown)}, which is none of its classes: add it to them")
        return Labels([np.array([numbers[str(name)] for name in labels], np.int64) for labels in texts], classes)
    counted = [_numbers(where, labels) for labels in flat]
    most = max(int(labels.max()) for labels in counted)
    wide = max((labels.shape[1] for labels in sets if labels.ndim == 2), default=1)
    count = max(most + 1, wide if wide > 1 else 0)
    if names is not None and len(names) < count:
        raise BadInput(f"{where} has labels up to {most}, and names of {len(names)} classes: name all of them")
    return Labels(counted, tuple(names) if names else tuple(map(str, range(count))))


def _flat(where: str, labels: Array) -> Array:
    """[N] labels; of one-hot rows the place of the one."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        return labels[:, 0]
    if labels.ndim == 2 and labels.dtype.kind in "biuf":
        if not (np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all()):
            raise BadInput(f"{where} has labels of several classes a picture: one class a picture can be compared")
        return labels.argmax(axis=1)
    if labels.ndim != 1 or labels.dtype.kind not in "biufUS":
        raise BadInput(
            f"{where} has labels of the shape {labels.shape} and of {labels.dtype}: give one number for each picture"
        )
    return labels


def _numbers(where: str, labels: Array) -> Integers:
    if labels.dtype.kind in "US":
        raise BadInput(f"{where} has names as labels in one set and numbers in another: give numbers in both")
    if labels.dtype.kind == "f" and not (np.isfinite(labels).all() and (labels == np.rint(labels)).all()):
        raise BadInput(f"{where} has labels that are no whole numbers: classes are numbered from 0")
    if labels.min() < 0 or labels.max() >= MOST_CLASSES:
        raise BadInput(f"{where} has labels from {labels.min():g} to {labels.max():g}: classes are numbered from 0")
    return labels.astype(np.int64)
