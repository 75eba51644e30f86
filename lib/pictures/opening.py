"""The bytes of a file that should be a picture: of no other kind of thing, and of no file that cannot be one."""

import os
import stat
from pathlib import Path

from lib.door.roots import opened_within
from lib.errors import BadInput
from lib.pictures.signatures import FIRST, format_of
from lib.pictures.structure.limits import MOST_BYTES


class NoFile(BadInput):
    """A folder, a pipe, a socket or a device where a file should be."""


NO_SIZE = "is truncated or damaged: not even its size can be read"
_BEGINNINGS = (b"\xff\xd8", b"\x89PNG", b"RIFF", b"II*\0", b"MM\0*", b"BM", b"GIF8")


def read_picture_file(path: Path) -> bytes:
    """The bytes of a file, of which the first are looked at before the others are read.

    A pipe would be waited for, and a device never ends: neither is opened. Links are followed.

    Raises:
        NoFile: what lies there is none.
        BadInput: there is no such file, it cannot be read, it is no picture, or too large for one. The words can follow
            its name.
    """
    try:
        _check_kind(path.stat().st_mode)
        # what has become a pipe since is opened without waiting for its writer
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            _check_kind(status.st_mode)
            if not opened_within(handle):
                raise BadInput("is a link to a place that may not be used here")
            start = file.read(FIRST)
            tell_format(start)
            if status.st_size > MOST_BYTES:
                raise BadInput(f"is too large: at most {MOST_BYTES >> 20} MB of a picture are read")
            return start + file.read(MOST_BYTES)
    except (OSError, ValueError) as problem:
        raise BadInput(f"cannot be read: {getattr(problem, 'strerror', None) or problem}") from problem


def tell_format(start: bytes) -> str:
    """The format of a picture, as Pillow calls it, by its first bytes. Raises BadInput where it is none."""
    if not start:
        raise BadInput("is empty: the file has 0 bytes")
    name = format_of(start)
    if name is not None:
        return name
    if start.startswith(_BEGINNINGS):
        raise BadInput(NO_SIZE)
    raise BadInput("is not a picture: JPEG, PNG, WebP, TIFF, BMP, GIF, PPM, JPEG 2000, AVIF and HEIC can be read")


def _check_kind(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise NoFile("is no file")
