"""Room on a disk for arrays that are too large for memory: they are written in pieces, and memory-mapped."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import prod
from mmap import mmap
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lib.arrays import Array
from lib.pictures.names import show_name

MOST_IN_MEMORY = 256 * 2**20
"""Bytes of an array above which it lies in a file."""

PIECE = 16 * 2**20
"""About so many bytes of it are made at once."""


MOST_COPIES = 4
"""As files and as HDF5, and of each another one in the store, where it cannot take them over."""

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Room:
    """Where files with arrays may lie until they are stored.

    Attributes:
        folder: where they lie.
        new_file: gives the path of another; whoever gives it removes the file.
        beat: called for each piece that is written; it may raise to end that.
        copies: asked of a data set's name, number of images and their (height, width, channels), where the disk may
            have too little room for `MOST_COPIES`: how often its images will be there at the same time, as float32.
    """

    folder: Path
    new_file: Callable[[], Path]
    beat: Callable[[], object]
    copies: Callable[[str, int, Shape], int]

    def shortage(self, name: str, count: int, shape: Shape) -> str | None:
        """What is to be said where the disk has too little room for so many images of (height, width, channels)."""
        values, free = count * prod(shape), shutil.disk_usage(self.folder).free
        if 4 * values <= MOST_IN_MEMORY or _room_for(values, MOST_COPIES) <= free:
            return None
        needed = _room_for(values, self.copies(name, count, shape))
        if needed <= free:
            return None
        height, width, channels = shape
        return (
            f"{show_name(name)}: {count} pictures of {width}x{height} with {channels} channels need {_in_gb(needed)} "
            f"of disk while they are stored, and {self.folder} has {_in_gb(free)} free: free some space there, take "
            "fewer pictures, or name a store on a larger disk with --store (for a remote store, set XDG_CACHE_HOME)"
        )


def gather(pieces: Iterable[Array], shape: tuple[int, ...], dtype: npt.DTypeLike, room: Room | None) -> Array:
    """The array that pieces of its rows come to, one after another; memory-mapped and read-only where it is large.

    Without room it is in memory. Raises OSError where the file cannot be written.
    """
    kind = np.dtype(dtype)
    if room is None or kind.itemsize * prod(shape) <= MOST_IN_MEMORY:
        whole, done = np.empty(shape, kind), 0
        for piece in pieces:
            whole[done : done + len(piece)] = piece
            done += len(piece)
        return whole
    path = room.new_file()
    # Written, and not through a map: a disk that is full would end the process.
    with path.open("wb") as file:
        about = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, about)
        for piece in pieces:
            room.beat()
            file.write(np.ascontiguousarray(piece, kind).data)
    return np.lib.format.open_memmap(path, mode="r")


def file_of(array: Array) -> Path | None:
    """The `.npy` file of an array of `gather`; None of one in memory, and of a part, though it knows the file."""
    if isinstance(array, np.memmap) and isinstance(array.base, mmap) and array.filename:
        return Path(array.filename)
    return None


def cut(shape: tuple[int, ...], itemsize: int) -> Iterator[slice]:
    """The rows of an array of this shape in pieces."""
    rows = max(1, PIECE // max(1, itemsize * prod(shape[1:])))
    for first in range(0, shape[0], rows):
        yield slice(first, min(first + rows, shape[0]))


def _room_for(values: int, copies: int) -> int:
    """Bytes of images that are decoded, and then that often there as floats."""
    return values * (1 + 4 * copies)


def _in_gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
