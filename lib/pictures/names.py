"""Names of picture files in a form that can be printed, logged and put into JSON, whatever bytes they are of.

A file's name is bytes; Python hands them out as text in which a byte that is no UTF-8 is a lone surrogate
(`os.fsdecode`). Such a text can neither be printed nor stored in JSON. Its shown form can, and no two names share one.
"""

from __future__ import annotations

import hashlib
import os
import re
from urllib.parse import quote, unquote_to_bytes

LONGEST = 250
"""Bytes of a file's name: nearly every file system takes 255, and some are left for another ending."""

_SAFE = " _.+@=,()-"
_HIDDEN = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # control characters
    "\u2028\u2029\ufeff"  # line and paragraph separators, a byte order mark
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks of direction, by which gnp.exe reads as exe.png
    "\udc80-\udcff"  # bytes that are no UTF-8
    "]"
    # A percent sign that would be taken for the beginning of an escape.
    "|%(?=[0-9A-Fa-f]{2})"
)
"""Named one by one: what Python calls printable grows with every version of Unicode, and a name must stay the same."""


def show_name(name: str) -> str:
    """A file's name or relative path as people and JSON can have it.

    `name` is as Python gives it (`os.fsdecode`). Bytes that are no UTF-8, control characters and marks that change the
    direction of writing become %XX, a percent sign becomes %25 where it would look like one of these; all else, emoji
    and spaces too, stays as it is.

    >>> shown("100 %.png"), shown("caf\\udce9.png"), shown("two\\nlines %41.png")
    ('100 %.png', 'caf%E9.png', 'two%0Alines %2541.png')
    """
    return _HIDDEN.sub(lambda found: "".join(f"%{byte:02X}" for byte in _bytes(found[0])), name)


def parse_name(shown_name: str) -> str:
    """The name that `show_name` made this of, as Python would give it."""
    return unquote_to_bytes(_bytes(shown_name)).decode("utf-8", "surrogateescape")


def safe(name: str) -> str:
    """Any name, as of a layer, as a relative path that leads nowhere else: odd characters become %XX, slashes stay.

    Different names stay different.
    """
    return "/".join(
        quote(part, safe=_SAFE) if part.strip(".") else "%2E" * len(part) or "%" for part in name.split("/")
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


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


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
