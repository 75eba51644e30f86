"""GIF: blocks of at most 255 bytes. A comment is joined piece by piece: a long one takes the square of its length."""

import struct

from lib.errors import BadInput
from lib.pictures.structure.limits import check_frames, check_parts, check_pixels

_MOST_COMMENT = 1 << 18


def check(data: bytes) -> None:
    """Raise BadInput for a GIF of too many frames, or whose comments would take too long."""
    if len(data) < 13:
        return
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + _colours(flags)
    frames = beside = comment = 0
    while at < len(data):
        if data[at] == 0x2C and at + 10 <= len(data):
            frames += 1
            left, top, inner_width, inner_height, flags = struct.unpack_from("<HHHHB", data, at + 1)
            width, height = max(width, left + inner_width), max(height, top + inner_height)
            at, _ = _skip(data, at + 11 + _colours(flags))
        elif data[at] == 0x21 and at + 2 < len(data):
            kind = data[at + 1]
            at, length = _skip(data, at + 2)
            if kind != 0xF9:  # how the next frame is shown
                beside += 1
                comment += length
        elif data[at] == 0x3B:
            break
        else:
            at += 1  # as Pillow does, but no further than is worth it
            beside += data[at - 1] != 0
        if frames % 1_000 == 0 or beside % 1_000 == 0:
            check_frames(frames)
            check_parts(beside)
    check_frames(frames)
    check_parts(beside)
    if comment > _MOST_COMMENT:
        raise BadInput("is truncated or damaged: it holds more comments than a GIF has")
    # a frame that is larger than the picture makes the picture larger
    check_pixels(width, height, max(1, frames))


def _colours(flags: int) -> int:
    """The bytes of a table of colours."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _skip(data: bytes, at: int) -> tuple[int, int]:
    """The place behind a chain of blocks, and how long they are together."""
    start = at
    while at < len(data) and data[at]:
        at += data[at] + 1
    return at + 1, at - start
