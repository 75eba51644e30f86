"""Names of picture files in a form that can be printed, logged and put into JSON, whatever bytes they are of.

A file's name is bytes; Python hands them out as text in which a byte that is no UTF-8 is a lone surrogate
(`os.fsdecode`). Such a text can neither be printed nor stored in JSON. Its shown form can, and no two names share one.
"""

from __future__ import annotations

import hashlib
import os
from urllib.parse import quote, unquote_to_bytes

from lib.printable import bytes_of, show_name

__all__ = ["ENDINGS", "fitting", "is_nobodys", "may_be_picture", "parse_name", "safe", "show_name"]

LONGEST = 250
"""Bytes of a file's name: nearly every file system takes 255, and some are left for another ending."""

_SAFE = " _.+@=,()-"


def parse_name(shown_name: str) -> str:
    """The name that `show_name` made this of, as Python would give it."""
    return unquote_to_bytes(bytes_of(shown_name)).decode("utf-8", "surrogateescape")


def safe(name: str) -> str:
    """Any name, as of a layer, as a relative path that leads nowhere else: odd characters become %XX, slashes stay.

    Different names stay different.
    """
    return "/".join(
        quote(bytes_of(part), safe=_SAFE) if part.strip(".") else "%2E" * len(part) or "%" for part in name.split("/")
    )


def fitting(path: str, ending: str) -> str:
    """A path, as Python has it, and what it ends in, of which every part is short enough for a file system.

    What is too long is cut, and has the beginning of its digest in the end, so that it stays unique; the ending stays.
    """
    *above, last = os.fsencode(path).split(b"/")
    return os.fsdecode(b"/".join([*(_cut(part, b"") for part in above), _cut(last, os.fsencode(ending))]))


def _cut(name: bytes, ending: bytes) -> bytes:
    if len(name) + len(ending) <= LONGEST:
        return name + ending
    mark = b"~%s%s" % (hashlib.sha256(name).hexdigest()[:8].encode(), ending)
    # between characters, where the name is of any
    return name[: LONGEST - len(mark)].decode("utf-8", "ignore").encode() + mark


ENDINGS = {
    *(".png", ".apng", ".gif", ".webp", ".bmp", ".dib"),
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".j2k", ".jpx", ".jpf"),
    *(".tif", ".tiff", ".pbm", ".pgm", ".ppm", ".pnm"),
    *(".avif", ".heic", ".heif", ".hif"),
}
"""Of files that are pictures by their names."""


def may_be_picture(name: str) -> bool:
    """Whether only a look into a file of this name tells if it is a picture: its name has no ending, or a number."""
    ending = os.path.splitext(name)[1]  # noqa: PTH122
    return not ending.strip(".0123456789") and not name.startswith(".")


def is_nobodys(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or one that systems leave: nobody put it there."""
    return name.startswith(".") or name.lower() in _LEFT_BY_SYSTEMS


_LEFT_BY_SYSTEMS = {
    *("__macosx", "__pycache__", "@eadir", "$recycle.bin", "system volume information", "lost+found"),
    *("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"),
}
