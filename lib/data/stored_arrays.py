"""The arrays in an `.npz` or HDF5 file, each of which is read only when it is asked for; no code is run for any."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from lib.arrays import Array
from lib.data.fit import MOST_BYTES
from lib.door import limits
from lib.door.archive import open_archive
from lib.door.files import open_file
from lib.door.hdf5 import open_hdf5
from lib.door.npy_header import read_header
from lib.errors import BadInput
from lib.pictures.names import show_name

MOST_TEXTS = 5_000_000
"""Of labels that are names."""
_LONGEST_TEXT = 1_000
"""Letters of a label, or of the name of a class."""


@dataclass(frozen=True)
class StoredArray:
    """An array in a file, which is read only when it is asked for."""

    name: str
    shape: tuple[int, ...]
    dtype: Any
    read: Callable[[], Array]


@contextmanager
def open_arrays(path: Path) -> Iterator[dict[str, StoredArray]]:
    """The arrays of a file, by name, while it is open.

    Raises BadInput for what is no file, and for one that is damaged or promises more than it holds, as it is opened or
    as an array is read.
    """
    name = show_name(str(path))
    with open_file(path) as file:
        try:
            if path.suffix.lower() == ".npz":
                with open_archive(file, name) as archive:
                    yield _of_npz(path, archive)
            else:
                hdf5, _ = open_hdf5(file, name, MOST_TEXTS)
                with hdf5:
                    yield _of_hdf5(path, hdf5)
        except BadInput:
            raise
        # zipfile, NumPy and h5py raise many kinds for damaged files
        except Exception as problem:
            reason = (str(problem) or type(problem).__name__).splitlines()[0]
            raise BadInput(f"{name} cannot be read as a file of arrays ({reason}): save it again") from problem


def _of_npz(path: Path, archive: zipfile.ZipFile) -> dict[str, StoredArray]:
    found = {}
    for about in archive.infolist():
        member = about.filename
        if not member.endswith(".npy"):
            continue
        name = member.removesuffix(".npy")
        where = _where(path, name)
        with archive.open(member) as file:
            try:
                shape, dtype = read_header(file, where)
            except BadInput as problem:  # of an array that may be of no use: whoever reads it is told
                found[name] = StoredArray(name, (), np.dtype(object), partial(_refuse, str(problem)))
                continue

        def read(member: str = member, where: str = where, held: int = about.file_size) -> Array:
            with archive.open(member) as file:
                shape, dtype = read_header(file, where)
                if dtype.itemsize * prod(shape) > held:
                    raise BadInput(f"{where} promises more than the file holds: it is damaged; save it again")
            with archive.open(member) as file:
                array: Array = np.lib.format.read_array(file, allow_pickle=False)
                return array

        found[name] = _stored(path, name, shape, dtype, read)
    return found


def _refuse(message: str) -> Array:
    raise BadInput(message)


def _of_hdf5(path: Path, file: Any) -> dict[str, StoredArray]:
    import h5py

    found: dict[str, StoredArray] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.shape is not None:
            text = h5py.check_string_dtype(item.dtype) is not None
            read = (lambda: _texts(path, name, item)) if text else (lambda: np.asarray(item[()]))
            found[name] = _stored(path, name, item.shape, np.dtype(str) if text else item.dtype, read)

    file.visititems(visit)
    return found


def _texts(path: Path, name: str, item: Any) -> Array:
    """Texts, each as long as the longest. Many may be one text in the file: so they are read a few at a time."""
    if prod(item.shape) > MOST_TEXTS or item.ndim > 1:
        raise BadInput(f"{_where(path, name)} holds more texts than there are labels: save it again")
    if item.ndim == 0:
        return np.asarray(item.asstr()[()], dtype=str)
    piece = max(1, _PIECE // max(1, min(item.file.id.get_filesize(), _PIECE)))
    longest, found = 1, []
    for at in range(0, len(item), piece):
        some = item.asstr()[at : at + piece]
        longest = max([longest, *map(len, some)])
        if longest > _LONGEST_TEXT or 4 * longest * len(item) > _MOST_LETTERS:
            raise BadInput(f"{_where(path, name)} holds texts that are longer than names: give names, or numbers")
        found += list(some)
    return np.asarray(found, dtype=str)


_PIECE = 32 * limits.MB
_MOST_LETTERS = 256 * limits.MB


def _where(path: Path, name: str) -> str:
    return f"{show_name(name)} in {show_name(str(path))}"


def _stored(path: Path, name: str, shape: tuple[int, ...], dtype: Any, read: Callable[[], Array]) -> StoredArray:
    def checked() -> Array:
        if dtype.hasobject:
            raise BadInput(
                f"{_where(path, name)} holds Python objects, which may be code: they are not read; save it as an "
                "array of numbers"
            )
        # images become floats of four bytes
        if max(4, dtype.itemsize) * prod(shape) > MOST_BYTES:
            raise BadInput(
                f"{_where(path, name)} does not fit into {MOST_BYTES >> 30} GiB as floats: take fewer pictures"
            )
        return read()

    return StoredArray(name, tuple(shape), dtype, checked)
