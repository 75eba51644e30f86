"""Some rows of a large array of a remote store, without fetching all of it.

Whoever stores such an array says of each piece of its bytes what its SHA-256 is, so that a piece can be verified by
itself, as a blob is as a whole.
"""

import io
import math
import tempfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import BlobCorrupt, BlobMissing
from storage.files import Files
from storage.mishaps.patience import get_on
from storage.names import blob_path
from storage.record import Output

if TYPE_CHECKING:
    from storage.document import Json

PIECE = 64 * 2**20
"""Bytes of a piece; an array of fewer is fetched as a whole."""
_ATTRIBUTE = "pieces"


def pieces_of(data: bytes | Path) -> "dict[str, Json]":
    """What the attributes of an output say of its bytes, or of those of its file, so that `Rows` can be had of it;
    nothing of a small one."""
    with data.open("rb") if isinstance(data, Path) else io.BytesIO(data) as file:
        if file.seek(0, io.SEEK_END) <= PIECE:
            return {}
        file.seek(0)
        digests: list[Json] = []
        while piece := file.read(PIECE):
            get_on()
            digests.append(sha256(piece).hexdigest())
    return {_ATTRIBUTE: {"bytes": PIECE, "sha256": digests}}


def has_pieces(output: Output) -> bool:
    """Whether `Rows` can be had of an output."""
    return _ATTRIBUTE in output.attributes and output.shape is not None and output.dtype is not None


class Rows:
    """The array of an output with `has_pieces`, of which each piece is fetched and verified when it is first asked for.

    What is fetched is kept in a file without a name, in this machine's cache, until the object is gone. Any number of
    threads may share it. Asking raises BlobMissing, BlobCorrupt and StoreUnusable.
    """

    def __init__(self, files: Files, output: Output, cache: Path) -> None:
        about: Any = output.attributes[_ATTRIBUTE]
        assert output.shape is not None
        assert output.dtype is not None
        self.shape = output.shape
        self.dtype = np.dtype(output.dtype)
        self._files, self._output = files, output
        self._piece: int = about["bytes"]
        self._digests: Sequence[str] = about["sha256"]
        self._row = self.dtype.itemsize * math.prod(self.shape[1:])
        self._begin = output.size - self._row * self.shape[0]  # after the head of the `.npy`
        self._file = tempfile.TemporaryFile(dir=cache)  # noqa: SIM115 - it is closed with this object
        self._fetched: set[int] = set()
        self._lock = Lock()

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any, /) -> Any:
        """A row by its number, or those of a slice, in C order."""
        wanted = range(len(self))[key]
        if isinstance(wanted, int):
            return self._rows(wanted, wanted + 1)[0]
        if not wanted:
            return self._rows(0, 0)
        ends = wanted[0], wanted[-1]
        return self._rows(min(ends), max(ends) + 1)[:: wanted.step]

    def _rows(self, first: int, last: int) -> Any:
        begin, size = self._begin + first * self._row, (last - first) * self._row
        with self._lock:
            if size:
                for number in range(begin // self._piece, (begin + size - 1) // self._piece + 1):
                    self._fetch(number)
            self._file.seek(begin)
            data = self._file.read(size)
        return np.frombuffer(data, self.dtype).reshape(last - first, *self.shape[1:])

    def _fetch(self, number: int) -> None:
        if number in self._fetched:
            return
        first = number * self._piece
        digest = self._output.digest
        what = f"blob {digest} in the store {self._files.root}"
        try:
            data = self._files.read_range(blob_path(digest), first, first + self._piece)
        except FileNotFoundError:
            raise BlobMissing(f"{what} is not there: run again what makes it", digest) from None
        if sha256(data).hexdigest() != self._digests[number]:
            raise BlobCorrupt(
                f"{what} is damaged (its bytes from {first} on do not match their digest) and was not used: run "
                "`dreamsweep verify` to set it aside, then run again what makes it",
                digest,
            )
        self._file.seek(first)
        self._file.write(data)
        self._fetched.add(number)
