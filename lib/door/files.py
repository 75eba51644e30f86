"""A file as it is before it is read: what kind of thing lies there, and how many bytes it can give.

A named pipe waits for ever, a device may have no end or do something when it is opened, a folder is none. All of these
are told from their kind, which is looked at before the file is opened and again when it is: what lies there may change
in between. Nothing here waits.
"""

from __future__ import annotations

import os
import stat
import zlib
from pathlib import Path
from typing import BinaryIO

from lib.door import limits
from lib.door.roots import opened_within
from lib.errors import BadInput
from lib.printable import show_name

_GZIP = 31  # for zlib: a stream with the head and foot of gzip


class IsFolder(BadInput):
    """A folder where a file was named: who asked may know better what to do with it."""


_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def open_file(path: Path | str, name: str | None = None, most: int = limits.MOST_FILE) -> BinaryIO:
    """A regular file, opened for reading; its place is the beginning.

    Args:
        path: where it lies. Links are followed.
        name: what messages call it; by default the path, shown safely.
        most: bytes that it may have.

    Raises:
        IsFolder: a folder lies there.
        BadInput: nothing does, nothing that is a regular file, or one that is too large.
    """
    name = name or show_name(str(path))
    try:
        # first from outside: opening a device may already do something
        _check_kind(Path(path).stat().st_mode, name)
        # and what has become a pipe since is opened without waiting for its writer
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except FileNotFoundError as problem:
        raise BadInput(f"there is no file {name}: check how its name is written") from problem
    except (OSError, ValueError) as problem:
        raise _unreadable(name, problem) from problem
    file = os.fdopen(handle, "rb")
    try:
        about = os.fstat(handle)
        _check_kind(about.st_mode, name)
        if not opened_within(handle):
            raise BadInput(
                f"{name} is a link to a place that may not be used here: dreamsweep up --allow PLACE allows it"
            )
        if about.st_size > most:
            raise BadInput(
                f"{name} has {about.st_size / limits.GB:,.1f} GB, and at most {most / limits.GB:,.3g} are read"
            )
    except BaseException:
        file.close()
        raise
    return file


def read_file(path: Path | str, name: str | None = None, most: int = limits.MOST_FILE) -> bytes:
    """All bytes of a regular file: those that it had when it was opened. Raises BadInput as `open_file` does."""
    name = name or show_name(str(path))
    with open_file(path, name, most) as file:
        size = os.fstat(file.fileno()).st_size
        try:
            data = file.read(size + 1)
        except OSError as problem:
            raise _unreadable(name, problem) from problem
    # files of /proc claim 0 bytes and give any number
    if data is None or len(data) > size:
        raise BadInput(f"{name} gives more bytes than it has: make a copy of it when it is whole, and name that")
    return data


class Gunzip:
    """The bytes in a gzip stream, in order, as many as are asked for: no more is unpacked, and no bomb.

    `file` stands at the beginning of the stream. Several streams one after the other are read as one, as gzip does.
    """

    def __init__(self, file: BinaryIO, name: str, most: int = limits.MOST_UNPACKED) -> None:
        self._file, self._name, self._most = file, name, most
        self._unpacker = zlib.decompressobj(wbits=_GZIP)
        self._packed = b""
        self._taken = self._given = self._streams = 0

    def read(self, count: int) -> bytes:
        """The next bytes: `count` of them, or fewer where the stream ends. Raises BadInput for a damaged stream."""
        parts: list[bytes] = []
        while count > 0 and (part := self._next(min(count, limits.MB))):
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _next(self, count: int) -> bytes:
        """At most so many bytes; none at the end."""
        while True:
            ended = not self._packed and not self._fill()
            if self._unpacker.eof:
                # what fills a tape's last block is no stream
                self._packed = self._packed.lstrip(b"\0")
                if ended:
                    return b""
                if not self._packed:
                    continue
                self._unpacker = zlib.decompressobj(wbits=_GZIP)
                self._streams += 1
            elif ended:
                raise BadInput(f"{self._name} ends before it is whole: get it again")
            try:
                part = self._unpacker.decompress(self._packed, count)
            except zlib.error as problem:
                raise BadInput(f"{self._name} is damaged, or no gzip file: get it again") from problem
            self._packed = self._unpacker.unused_data if self._unpacker.eof else self._unpacker.unconsumed_tail
            self._given += len(part)
            self._check()
            if part:
                return part

    def _fill(self) -> bool:
        """Take more of the file, where there is more."""
        self._packed = self._file.read(limits.MB // 4)
        self._taken += len(self._packed)
        return bool(self._packed)

    def _check(self) -> None:
        bomb = self._given > limits.FREELY_UNPACKED and self._given > limits.MOST_EXPANSION * self._taken
        if bomb or self._given > self._most or self._streams > limits.MOST_STREAMS:
            raise BadInput(
                f"{self._name} unpacks to far more than it holds, as a decompression bomb does, or to more than is "
                "read: unpack it yourself, and name what is in it"
            )


def _check_kind(mode: int, name: str) -> None:
    if stat.S_ISDIR(mode):
        raise IsFolder(f"{name} is a folder: name a file in it")
    for is_kind, kind in _KINDS:
        if is_kind(mode):
            raise BadInput(f"{name} is {kind}, and no file: write what it gives into a file, and name that")


def _unreadable(name: str, problem: Exception) -> BadInput:
    reason = problem.strerror if isinstance(problem, OSError) else str(problem)
    return BadInput(f"{name} cannot be read: {reason}")
