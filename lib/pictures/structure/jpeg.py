"""JPEG: segments before the first scan, and scans, of which a progressive one has about ten."""

import re
import struct

from lib.errors import BadInput
from lib.pictures.structure.limits import LARGE, check_held, check_parts, check_pixels

_JUNK = "is truncated or damaged: there are bytes between its segments that belong to none"
_MOST_SCANS = 100
_MOST_PADDING = 1 << 16
_NEXT = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""A marker that ends a scan: a byte of pixels that looks like one is followed by 0, and restarts belong to the scan."""
_ALONE = frozenset([0x01, *range(0xD0, 0xD9)])
_START_OF_SCAN, _END = 0xDA, 0xD9
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WHOLE_AT_ONCE = frozenset([0xC2, 0xC6, 0xCA, 0xCE])
"""Progressive ones: all coefficients are held until the last scan."""
_ARITHMETIC = frozenset(range(0xC9, 0xD0))
_MOST_OF_A_BYTE = 512  # pixels: a block of 64 takes a bit at least


def check(data: bytes) -> None:
    """Raise BadInput for a JPEG that would take a decoder too long, or a large one that ends too early."""
    at, segments, scans, padding, size = 2, 0, 0, 0, 0
    pixels = code = frame = 0
    while at + 4 <= len(data):
        found = data.find(b"\xff", at)
        if found < 0:
            if scans == 0 and len(data) - at > _MOST_PADDING:
                raise BadInput(_JUNK)
            break
        marker = found + 1
        while marker < len(data) and data[marker] == 0xFF and marker - found <= _MOST_PADDING:
            marker += 1
        padding += marker - at - 1
        if padding > _MOST_PADDING:
            raise BadInput(_JUNK)
        if marker >= len(data):
            break
        code = data[marker]
        at = marker + 1
        if code == _END:
            break
        if code in _ALONE or code == 0:
            padding += 2
            continue
        if at + 2 > len(data):
            break
        length = struct.unpack_from(">H", data, at)[0]
        if code in _FRAMES and length >= 8:
            frame, pixels = code, _check_frame(code, data[at : at + length])
        segments, size = segments + 1, size + length
        if scans == 0:
            check_parts(segments, size)
        at += length
        if code == _START_OF_SCAN:
            scans += 1
            if scans > _MOST_SCANS:
                raise BadInput(f"is too large: it has more than {_MOST_SCANS} scans, each over all of its pixels")
            following = _NEXT.search(data, at)
            if following is None:
                break
            at = following.start()
    if pixels > LARGE and code != _END:
        raise BadInput("is truncated or damaged: it ends before its last pixel")
    if pixels > LARGE and frame not in _ARITHMETIC and pixels // _MOST_OF_A_BYTE > len(data):
        raise BadInput("is truncated or damaged: its header promises more pixels than it holds")


def _check_frame(code: int, segment: bytes) -> int:
    """The pixels that a header of a frame promises. Raises BadInput for too many."""
    height, width, count = struct.unpack_from(">HHB", segment, 3)
    check_pixels(width, height)
    if code in _WHOLE_AT_ONCE and len(segment) >= 8 + 3 * count:
        sampled = [segment[9 + 3 * number] for number in range(count)]
        shares = [(one >> 4) * (one & 15) for one in sampled]
        most = max((one >> 4 for one in sampled), default=1) * max((one & 15 for one in sampled), default=1)
        held = 2 * width * height * sum(shares) // max(1, most)
        check_held(held + width * height * (1 if count == 1 else 4))
    return width * height
