"""JPEG 2000: a codestream, in boxes or bare. Its decoder makes a table of every tile, precinct and block first."""

import struct

from lib.errors import BadInput
from lib.pictures.structure.limits import check_parts, check_pixels

_MOST_TILES = 5_000
_MOST_PIECES = 200_000
"""Blocks, precincts and packets of all tiles together."""
_SIZE, _CODING, _CODING_OF_ONE, _TILE_PART, _DATA, _END = 0xFF51, 0xFF52, 0xFF53, 0xFF90, 0xFF93, 0xFFD9


def check(data: bytes) -> None:
    """Raise BadInput for a JPEG 2000 that is too large, or cut into too many pieces."""
    at = 0 if data.startswith(b"\xff\x4f\xff\x51") else _codestream(data)
    if at is None:
        return
    at += 2
    size = (0, 0, 0)
    markers = 0
    while at + 4 <= len(data):
        marker, length = struct.unpack_from(">HH", data, at)
        markers += 1
        check_parts(markers // 8)
        body = data[at + 4 : at + 2 + length]
        if marker == _SIZE and len(body) >= 36:
            size = _check_size(body)
        elif marker in (_CODING, _CODING_OF_ONE):
            _check_coding(body, size, whole=marker == _CODING)
        elif marker == _TILE_PART and len(body) >= 8:
            following = at + struct.unpack_from(">I", body, 2)[0]
            at = _check_tile_part(data, at + 2 + length, min(following, len(data)), size)
            if following <= at - 2:
                return  # the last one, up to the end
            at = following
            continue
        elif marker in (_DATA, _END):
            return
        at += 2 + length


def _codestream(data: bytes) -> int | None:
    """Where the codestream begins."""
    at, boxes = 0, 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if length == 1 and at + 16 <= len(data):
            length, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        boxes += 1
        check_parts(boxes)
        if kind == b"jp2c":
            return at + head
        if length < head:
            return None
        at += length
    return None


def _check_size(body: bytes) -> tuple[int, int, int]:
    """Width, height and tiles of the picture."""
    right, bottom, left, top, tile_width, tile_height, tile_left, tile_top, count = struct.unpack_from(">8IH", body, 2)
    width, height = max(0, right - left), max(0, bottom - top)
    check_pixels(width, height, format="JPEG2000")
    # tiles are counted from their own beginning, which may lie outside of the picture
    check_pixels(min(right - tile_left, tile_width), min(bottom - tile_top, tile_height), format="JPEG2000")
    tiles = -(-(right - tile_left) // max(1, tile_width)) * -(-(bottom - tile_top) // max(1, tile_height))
    if tiles > _MOST_TILES:
        raise BadInput(f"is too large: it is cut into more than {_MOST_TILES:,} tiles")
    if count > 4:
        raise BadInput("is truncated or damaged: it has more than four channels")
    return width, height, max(1, tiles)


def _check_tile_part(data: bytes, at: int, end: int, size: tuple[int, int, int]) -> int:
    """The place of a tile's data; its header may say anew how it is coded."""
    while at + 4 <= end:
        marker, length = struct.unpack_from(">HH", data, at)
        if marker == _DATA:
            break
        if marker in (_CODING, _CODING_OF_ONE):
            _check_coding(data[at + 4 : at + 2 + length], size, whole=marker == _CODING)
        at += 2 + max(2, length)
    return at + 2


def _check_coding(body: bytes, size: tuple[int, int, int], *, whole: bool) -> None:
    """Raise BadInput where blocks or precincts are so small that there are too many."""
    start = 5 if whole else 2  # behind the style, the order and the layers, or the channel and its style
    if len(body) < start + 5:
        return
    layers = struct.unpack_from(">H", body, 2)[0] if whole else 1
    levels, block_width, block_height = body[start], (body[start + 1] & 15) + 2, (body[start + 2] & 15) + 2
    width, height, tiles = size
    pixels = width * height
    blocks = pixels >> (block_width + block_height)
    precincts = tiles * (levels + 1)
    stated = body[start + 5 :] if body[0 if whole else 1] & 1 else b""
    for level, one in enumerate(stated[: levels + 1]):
        shrunk = 2 * (levels - level)
        precincts += (pixels >> shrunk) >> ((one & 15) + (one >> 4))
    if blocks > _MOST_PIECES or precincts * 4 > _MOST_PIECES * 4 or layers * precincts > 10 * _MOST_PIECES:
        raise BadInput("is too large: it is cut into hundreds of thousands of pieces")
