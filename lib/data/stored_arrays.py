"""The arrays in an `.npz` or HDF5 file, each of which is read only when it is asked for; no code is run for any."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lib.arrays import Array
from lib.data.fit import MOST_BYTES
from lib.errors import BadInput
from lib.pictures.names import show_name


@dataclass(frozen=True)
class StoredArray:
    """An array in a file, which is read only when it is asked for."""

    name: str
    shape: tuple[int, ...]
    dtype: Any
    read: Callable[[], Array]


@contextmanager
def open_arrays(path: Path) -> Iterator[dict[str, StoredArray]]:
    """The arrays of a file, by name, while it is open."""
    try:
        if path.suffix.lower() == ".npz":
            with zipfile.ZipFile(path) as archive:
                yield _of_npz(path, archive)
        else:
            import h5py

            with h5py.File(path, "r") as file:
                yield _of_hdf5(path, file)
    except BadInput:
        raise
    # zipfile, NumPy and h5py raise many kinds for damaged files
    except Exception as problem:
        reason = (str(problem) or type(problem).__name__).splitlines()[0]
        raise BadInput(
            f"{show_name(str(path))} cannot be read as a file of arrays ({reason}): save it again"
        ) from problem


def _of_npz(path: Path, archive: zipfile.ZipFile) -> dict[str, StoredArray]:
    found = {}
    for member in archive.namelist():
        if not member.endswith(".npy"):
            continue
        with archive.open(member) as file:
            version = np.lib.format.read_magic(file)
            read_header = (
                np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            )
            shape, _, dtype = read_header(file)

        def read(member: str = member) -> Array:
            with archive.open(member) as file:
                array: Array = np.lib.format.read_array(file, allow_pickle=False)
                return array

        found[member.removesuffix(".npy")] = _stored(path, member.removesuffix(".npy"), shape, dtype, read)
    return found


def _of_hdf5(path: Path, file: Any) -> dict[str, StoredArray]:
    import h5py

    found: dict[str, StoredArray] = {}

    # links to other files are not visited, and data that lies in another one is not read
    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.shape is not None and not item.external and not item.is_virtual:
            text = h5py.check_string_dtype(item.dtype) is not None
            read = (lambda: np.asarray(item.asstr()[()], dtype=str)) if text else (lambda: np.asarray(item[()]))
            found[name] = _stored(path, name, item.shape, np.dtype(str) if text else item.dtype, read)

    file.visititems(visit)
    return found


def _stored(path: Path, name: str, shape: tuple[int, ...], dtype: Any, read: Callable[[], Array]) -> StoredArray:
    def checked() -> Array:
        if dtype.hasobject:
            raise BadInput(
                f"{show_name(name)} in {show_name(str(path))} holds Python objects, which may be code: they are not "
                "read; save it as an array of numbers"
            )
        # images become floats of four bytes
        if max(4, dtype.itemsize) * int(np.prod(shape, dtype=object)) > MOST_BYTES:
            raise BadInput(
                f"{show_name(name)} in {show_name(str(path))} does not fit into {MOST_BYTES >> 30} GiB as floats: take "
                "fewer pictures"
            )
        return read()

    return StoredArray(name, tuple(shape), dtype, checked)
