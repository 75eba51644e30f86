"""IDX, the format in which MNIST is distributed: a magic number, the sizes, then the bytes.

Format: the section "FILE FORMATS FOR THE MNIST DATABASE" of Y. LeCun's MNIST page. Two zero bytes, the type (8:
unsigned byte), the number of dimensions, each size as a big-endian 32-bit integer, the data row by row.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import Literal

import numpy as np

from lib.arrays import Bytes
from lib.errors import BadInput

Holds = Literal["images", "labels"]

_MAGIC: dict[Holds, int] = {"images": 0x0803, "labels": 0x0801}
_GZIP = b"\x1f\x8b"


def header(array: Bytes) -> bytes:
    """The IDX header of an array of bytes: what comes before `array.tobytes()` in a file."""
    return struct.pack(f">I{array.ndim}I", 0x0800 | array.ndim, *array.shape)


def read_idx(path: Path, holds: Holds) -> Bytes:
    """An IDX file, gzipped or not: `[N, H, W]` images or `[N]` labels. What is not gzipped is memory-mapped.

    Raises:
        BadInput: the file is truncated, too long, damaged, no IDX file, or holds labels where images are wanted.
    """
    with path.open("rb") as file:
        zipped = file.read(2) == _GZIP
    data: Bytes
    if zipped:
        try:
            data = np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8)
        except (EOFError, OSError, zlib.error) as problem:
            raise BadInput(f"{path} is truncated or damaged ({problem}): fetch it again") from problem
    elif path.stat().st_size:
        data = np.memmap(path, np.uint8, mode="r")
    else:
        data = np.empty(0, np.uint8)
    return _parse(data, path, holds)


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
    wanted = start + int(np.prod(shape, dtype=object))
    if len(data) != wanted:
        fault = "truncated" if len(data) < wanted else "too long"
        raise BadInput(f"{path} is {fault}: its header promises {wanted} bytes, it has {len(data)}: fetch it again")
    return data[start:].reshape(shape)
