"""IDX, the format in which MNIST is distributed: a magic number, the sizes, then the bytes.

Format: the section "FILE FORMATS FOR THE MNIST DATABASE" of Y. LeCun's MNIST page. Two zero bytes, the type (8:
unsigned byte), the number of dimensions, each size as a big-endian 32-bit integer, the data row by row.
"""

from __future__ import annotations

import os
import struct
from math import prod
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

from lib.arrays import Bytes
from lib.door.files import Gunzip, open_file
from lib.errors import BadInput
from lib.pictures.names import show_name

Holds = Literal["images", "labels"]

_MAGIC: dict[Holds, int] = {"images": 0x0803, "labels": 0x0801}
_GZIP = b"\x1f\x8b"
_HEADER = 16

_LARGEST = 47_040_016
MOST_BYTES = 100 << 20
"""Of a file, or of what it unpacks to: twice as many as MNIST's largest has."""


def header(array: Bytes) -> bytes:
    """The IDX header of an array of bytes: what comes before `array.tobytes()` in a file."""
    return struct.pack(f">I{array.ndim}I", 0x0800 | array.ndim, *array.shape)


def read_idx(path: Path, holds: Holds) -> Bytes:
    """An IDX file, gzipped or not: `[N, H, W]` images or `[N]` labels. What is not gzipped is memory-mapped.

    Raises:
        BadInput: the file is truncated, too long, damaged, no IDX file, or holds labels where images are wanted.
    """
    with open_file(path) as file:
        zipped = file.read(2) == _GZIP
        file.seek(0)
        if zipped:
            return _parse(_unpacked(file, path, holds), path, holds)
        size = os.fstat(file.fileno()).st_size
        _check_size(size, path)
        # the file that is open: another may have come to its place
        data: Bytes = np.memmap(file, np.uint8, mode="r") if size else np.empty(0, np.uint8)
        return _parse(data, path, holds)


def _unpacked(file: BinaryIO, path: Path, holds: Holds) -> Bytes:
    """What is gzipped, as far as its header promises, and one byte more."""
    stream = Gunzip(file, show_name(str(path)))
    start = stream.read(_HEADER)
    promised = _promised(start, holds)
    _check_size(promised, path)
    return np.frombuffer(start + stream.read(max(0, promised - len(start) + 1)), np.uint8)


def _promised(start: bytes, holds: Holds) -> int:
    """How many bytes a file that begins so has, if it is one of these."""
    magic = _MAGIC[holds]
    dimensions = magic & 0xFF
    end = 4 + 4 * dimensions
    if len(start) < end or int.from_bytes(start[:4], "big") != magic:
        return len(start)
    return end + prod(struct.unpack(f">{dimensions}I", start[4:end]))


def _check_size(size: int, path: Path) -> None:
    if size > MOST_BYTES:
        raise BadInput(
            f"{show_name(str(path))} has, or promises, {size:,} bytes, and MNIST's files have {_LARGEST:,} at most: it "
            "is none of them; bring pictures of your own as folder:DIR or as an .npz file"
        )


def _parse(data: Bytes, path: Path, holds: Holds) -> Bytes:
    magic = int.from_bytes(data[:4].tobytes(), "big") if len(data) >= 4 else None
    if magic != _MAGIC[holds]:
        other: Holds = "labels" if holds == "images" else "images"
        if magic == _MAGIC[other]:
            raise BadInput(f"{path} holds {other}, not {holds}: is it mislabelled? Give each file its own name back")
        if magic is None:
            raise BadInput(f"{path} is truncated: it has only {len(data)} bytes: fetch it again")
        raise BadInput(f"{path} is no IDX file of {holds}: it starts with {magic:#010x}, not {_MAGIC[holds]:#010x}")
    dimensions = magic & 0xFF
    start = 4 + 4 * dimensions
    if len(data) < start:
        raise BadInput(f"{path} is truncated: it ends within its header: fetch it again")
    shape = struct.unpack(f">{dimensions}I", data[4:start].tobytes())
    wanted = start + prod(shape)
    if len(data) != wanted:
        fault, held = ("truncated", len(data)) if len(data) < wanted else ("too long", "more")
        raise BadInput(f"{path} is {fault}: its header promises {wanted} bytes, it has {held}: fetch it again")
    return data[start:].reshape(shape)
