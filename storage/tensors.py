"""The bytes of tensors: `.npy` for one array, HDF5 for arrays that belong together. Equal tensors have equal bytes."""

import errno
import io
import json
import os
import re
import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from storage.document import plain
from storage.errors import StoreError
from storage.mishaps.patience import get_on

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

NPY = "application/x-npy"
HDF5 = "application/x-hdf5"

# HDF5 holds up to 64 kB in an attribute; a text can be longer.
LONGEST_LIST = 4000

PIECE = 16 * 2**20
"""About so many bytes of a dataset are handed to HDF5 at once, which lets nobody else work meanwhile."""

_BESIDE = 2**20
"""More than what an HDF5 file has beside its datasets."""

_VERSIONS = ("earliest", "v108")
"""Of HDF5, that can read the files."""


def npy_bytes(array: "np.ndarray[Any, Any]") -> bytes:
    """The `.npy` bytes of an array of any shape. Raises StoreError for one of Python objects."""
    import numpy as np

    buffer = io.BytesIO()
    try:
        np.save(buffer, array, allow_pickle=False)
    except ValueError:
        raise StoreError("an array of Python objects cannot be stored: give it a numeric dtype") from None
    return buffer.getvalue()


def hdf5_bytes(
    datasets: "Mapping[str, np.ndarray[Any, Any]]", attributes: Mapping[str, Mapping[str, Any]] | None = None
) -> bytes:
    """An HDF5 file of these datasets, in memory, with no times in it.

    `attributes` maps a dataset's name to its attributes; those under "/" are the file's own. Numbers, texts, arrays and
    lists of one kind are stored as such; None, mappings, mixed and very long lists as JSON text.
    """
    import h5py

    # The core driver without a backing store: nothing touches the disk, and the image is the file's bytes.
    with h5py.File("tensors.h5", "w", driver="core", backing_store=False, libver=_VERSIONS) as file:
        _fill(file, datasets, attributes or {})
        file.flush()
        return bytes(file.id.get_file_image())


def write_hdf5(
    path: "Path",
    datasets: "Mapping[str, np.ndarray[Any, Any]]",
    attributes: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Write a file of the bytes of `hdf5_bytes`, for datasets that are too large for memory: they are memory-mapped.

    Nobody else may know of the file. Raises OSError.
    """
    import h5py

    # Asked before: where HDF5 cannot even close a file, it may end the process.
    if shutil.disk_usage(path.parent).free < sum(array.nbytes for array in datasets.values()) + _BESIDE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    try:
        # Not locked: some file systems cannot do that, and nobody else opens it.
        with h5py.File(path, "w", libver=_VERSIONS, locking=False) as file:
            _fill(file, datasets, attributes or {})
    except RuntimeError as error:  # of a full disk, closing the file fails, and by what it says alone
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        number = re.search(r"errno = (\d+)", str(error))
        raise OSError(int(number[1]) if number else errno.EIO, str(error)) from error


def _fill(
    file: Any, datasets: "Mapping[str, np.ndarray[Any, Any]]", attributes: Mapping[str, Mapping[str, Any]]
) -> None:
    for name in sorted(datasets):
        array = datasets[name]
        if array.nbytes <= PIECE:
            file.create_dataset(name, data=array, track_times=False)
            continue
        made = file.create_dataset(name, array.shape, array.dtype, track_times=False)
        rows = max(1, PIECE * len(array) // array.nbytes)
        for first in range(0, len(array), rows):
            get_on()
            made[first : first + rows] = array[first : first + rows]
    for name, values in sorted(attributes.items()):
        if name != "/" and name not in file:
            raise StoreError(f"there are attributes for {name!r}, and no dataset of that name")
        for key in sorted(values):
            file[name].attrs[key] = _attribute(values[key], f"{name}.{key}")


def hdf5_arrays(path: "Path", group: str) -> "dict[str, np.ndarray[Any, Any]]":
    """The datasets of a group of an HDF5 file, by name. Raises KeyError where it has no such group."""
    import h5py

    with h5py.File(path, "r") as file:
        return {name: dataset[()] for name, dataset in file[group].items()}


def _attribute(value: Any, where: str) -> Any:
    """A value that HDF5 can hold as an attribute."""
    import numpy as np

    if isinstance(value, np.ndarray | np.generic | str | int | float | bool):
        return value
    if isinstance(value, list | tuple) and 0 < len(value) <= LONGEST_LIST:
        for kind in (bool, int, float, str):
            if all(type(item) is kind for item in value):
                return list(value)
    return json.dumps(plain(value, where), sort_keys=True, ensure_ascii=False)
