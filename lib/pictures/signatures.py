"""What a file is by its first bytes, whatever it is called."""

import os
from pathlib import Path

FIRST = 48
"""How many bytes of a file tell what it is."""

_BEGINNINGS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG": "PNG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II\0*": "TIFF",  # of numbers that are not in the order that it says, as some scanners wrote
    b"MM*\0": "TIFF",
    b"II+\0": "TIFF",  # BigTIFF
    b"MM\0+": "TIFF",
    b"GIF8": "GIF",
    b"\xff\x4f\xff\x51": "JPEG2000",
    b"\0\0\0\x0cjP  ": "JPEG2000",
}
_HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_AVIF = {b"avif", b"avis"}


def format_of(start: bytes) -> str | None:
    """The format of a picture, as Pillow calls it, by the file's first bytes; None where it is no picture's.

    A BMP and a PPM begin with two letters that a text may begin with as well: what follows must fit them too.
    """
    for beginning, name in _BEGINNINGS.items():
        if start.startswith(beginning):
            return name
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WEBP"
    if start[4:8] == b"ftyp":
        # the first of the brands, its version, and those that it is compatible with, up to the length of the box
        length = int.from_bytes(start[:4], "big")
        brands = {start[at : at + 4] for at in (8, *range(16, min(length, len(start)), 4))}
        return "AVIF" if brands & _AVIF else "HEIF" if brands & _HEIF else None
    if start[:2] == b"BM" and start[6:10] == bytes(4):
        return "BMP"
    if start[:1] == b"P" and start[1:2] in b"123456" and start[2:3].isspace() and start[2:3]:
        return "PPM"
    return None


def begins_like_picture(path: Path) -> bool:
    """Whether a file can be read and begins like a picture."""
    try:
        if not path.is_file():  # a pipe would be waited for
            return False
        # and what has become one since is opened without waiting for its writer
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            return format_of(file.read(FIRST) or b"") is not None
    except OSError:
        return False
