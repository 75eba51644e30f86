"""A file that gives no more at once than may be: for readers that ask for as many bytes as the file tells them to."""

from __future__ import annotations

import io
from typing import BinaryIO

from lib.door import limits


class TooMuch(Exception):
    """A reader asked for more than it may have, because the file said so."""


class Pieces(io.RawIOBase):
    """A file, in pieces of at most `piece` bytes and `total` altogether, until `free` it."""

    def __init__(self, file: BinaryIO, piece: int, total: int = limits.MOST_FILE) -> None:
        super().__init__()
        self._file = file
        self.piece: int | None = piece
        self._left = total
        self.refused = False

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def free(self) -> None:
        """Give whatever is asked for, from now on."""
        self.piece = None

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """The next bytes."""
        self._take(len(buffer))
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, size: int | None = -1) -> bytes:
        """The next bytes, or all that are left."""
        if size is None or size < 0:
            here = self._file.tell()
            size = max(self._file.seek(0, io.SEEK_END) - here, 0)
            self._file.seek(here)
        self._take(size)
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Where it is."""
        return self._file.tell()

    def _take(self, size: int) -> None:
        if self.piece is None:
            return
        self._left -= size
        if size > self.piece or self._left < 0:
            self.refused = True
            raise TooMuch
