"""TIFF: directories of tags, one a page. Pillow reads no more of their values than the file holds."""

import struct

from lib.errors import BadInput
from lib.pictures.structure.limits import LARGE, check_frames, check_held, check_pixels

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_NUMBERS = {1: "B", 3: "H", 4: "I", 16: "Q"}
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _COLOURS, _SAMPLES, _ROWS = 256, 257, 258, 259, 262, 277, 278
_STRIPS, _TILE_WIDTH, _TILE_HEIGHT, _TILES = 273, 322, 323, 324
_KNOWN = frozenset(
    [_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _COLOURS, _SAMPLES, _ROWS, _STRIPS, _TILE_WIDTH, _TILE_HEIGHT, _TILES]
)
_PLAIN = 1
_HALVED = 6  # YCbCr, of which colours may have fewer pixels
_MOST_TAGS = 4_000
"""Of a directory. Photographs have fewer than a hundred."""
_MOST_PIECES = 100_000
"""Strips or tiles of what is not compressed: Pillow decodes one after the other."""
_SMALLEST_TILES = 1 << 22


def check(data: bytes) -> None:
    """Raise BadInput for a TIFF of too many pages, or of pages or tiles that are too large."""
    order = ">" if data[:2] == b"MM" else "<"
    big = data[2:4] in (b"\0+", b"+\0")
    seen: set[int] = set()
    at = struct.unpack_from(order + ("Q" if big else "I"), data.ljust(16, b"\0"), 8 if big else 4)[0]
    while at and at not in seen and at < len(data):
        seen.add(at)
        check_frames(len(seen))
        tags, at = _directory(data, at, order, big)
        _check_page(tags, len(data))


def _directory(data: bytes, at: int, order: str, big: bool) -> tuple[dict[int, tuple[int, int]], int]:
    """The known tags of a directory, (how many values, the first of them), and where the next one lies."""
    form, length, head = ("HHQ", 20, 8) if big else ("HHI", 12, 2)
    if at + head > len(data):
        return {}, 0
    count = struct.unpack_from(order + ("Q" if big else "H"), data, at)[0]
    if count > _MOST_TAGS:
        raise BadInput(f"is truncated or damaged: one of its pages has more than {_MOST_TAGS:,} tags")
    at += head
    tags: dict[int, tuple[int, int]] = {}
    for place in range(at, min(at + count * length, len(data) - length + 1), length):
        tag, kind, values = struct.unpack_from(order + form, data, place)
        if tag in _KNOWN and tag not in tags:
            first = _first(data, place + (12 if big else 8), kind, values, order, big)
            if first is not None:
                tags[tag] = values, first
    at += count * length
    following = order + ("Q" if big else "I")
    return tags, struct.unpack_from(following, data, at)[0] if at + struct.calcsize(following) <= len(data) else 0


def _first(data: bytes, place: int, kind: int, values: int, order: str, big: bool) -> int | None:
    if kind not in _NUMBERS or values == 0:
        return None
    if values * _SIZES[kind] > (8 if big else 4):
        place = struct.unpack_from(order + ("Q" if big else "I"), data, place)[0]
    if place + _SIZES[kind] > len(data):
        return None
    number: int = struct.unpack_from(order + _NUMBERS[kind], data, place)[0]
    return number


def _check_page(tags: dict[int, tuple[int, int]], size: int) -> None:
    def value(tag: int, default: int = 0) -> int:
        return tags[tag][1] if tag in tags else default

    width, height = value(_WIDTH), value(_HEIGHT)
    check_pixels(width, height)
    plain = value(_COMPRESSION, _PLAIN) == _PLAIN
    samples, bits = max(1, value(_SAMPLES, 1)), max(1, value(_BITS, 1))
    pieces = max((tags[tag][0] for tag in (_STRIPS, _TILES) if tag in tags), default=0)
    if plain and pieces > _MOST_PIECES:
        raise BadInput(f"is too large: it lies in more than {_MOST_PIECES:,} pieces")
    promised = (width * bits * samples + 7) // 8 * height
    if plain and pieces and width * height > LARGE and promised > size and value(_COLOURS) != _HALVED:
        raise BadInput("is truncated or damaged: its header promises more pixels than it holds")
    if _TILES in tags or _TILE_WIDTH in tags:
        tile_width, tile_height = value(_TILE_WIDTH), value(_TILE_HEIGHT)
        area = tile_width * tile_height
        if area > max(_SMALLEST_TILES, (width + 16) * (height + 16)):
            raise BadInput(f"is too large: its tiles of {tile_width}x{tile_height} are larger than the picture")
    else:
        area = width * min(height, value(_ROWS, height) or height)
    if not plain:
        check_held(area * samples * bits // 8 + width * height * (1 if samples == 1 and bits <= 8 else 4))
