"""BMP and PPM: numbers and pixels, which Pillow reads one by one in Python where they are run lengths or words."""

import re
import struct

import numpy as np

from lib.errors import BadInput
from lib.pictures.structure.limits import LARGE, check_pixels

_RUN_LENGTHS = (1, 2)
_MOST_RUN_LENGTHS = 4 << 20
"""Bytes of run lengths: half a second for a megabyte."""
_MOST_RUN_PIXELS = 1 << 24
_MOST_WORDS = 16 << 20
"""Bytes of a PPM whose numbers are written out."""
_HEAD = 1 << 16
_COMMENT = rb"(?:\s|#[^\n\r]*[\n\r])+"
_PPM = re.compile(rb"P([1-6])" + (_COMMENT + rb"(\d{1,10})") * 2)
_DEPTH = re.compile(_COMMENT + rb"(\d{1,5})\s")


def check_bmp(data: bytes) -> None:
    """Raise BadInput for a BMP that promises more than it holds, or whose run lengths would take too long."""
    if len(data) < 34 or struct.unpack_from("<I", data, 14)[0] < 40:
        return
    width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    check_pixels(abs(width), abs(height))
    if compression in _RUN_LENGTHS:
        if len(data) > _MOST_RUN_LENGTHS or abs(width * height) > _MOST_RUN_PIXELS:
            raise BadInput(
                "is too large: it is a BMP of run lengths, of which only small ones are read: save it as PNG"
            )
    elif abs(width * height) > LARGE and abs(height) * (abs(width) * bits // 8) > len(data):
        raise BadInput("is truncated or damaged: its header promises more pixels than it holds")


def check_ppm(data: bytes) -> bytes:
    """The same picture, of a depth that Pillow decodes at once.

    Raises BadInput where its header cannot be read, it promises more than it holds, or its words would take too long.
    """
    head = data[:_HEAD]
    found = _PPM.match(head)
    if found is None:
        if len(data) > _HEAD:  # nor does Pillow find it, but byte by byte
            raise BadInput("is truncated or damaged: not even its size can be read")
        return data
    kind, width, height = (int(part) for part in found.groups())
    check_pixels(width, height)
    if kind <= 3:
        if len(data) > _MOST_WORDS:
            raise BadInput(
                f"is too large: at most {_MOST_WORDS >> 20} MB of a PPM of words are read: save it in binary"
            )
        return data
    depth = 1
    at = found.end() + 1
    if kind != 4:
        stated = _DEPTH.match(head, found.end())
        depth, at = (int(stated[1]), stated.end()) if stated else (0, at)
        if not 1 <= depth <= 65535:
            return data
    channels = 3 if kind == 6 else 1
    row = (width + 7) // 8 if kind == 4 else width * channels * (1 if depth < 256 else 2)
    if width * height > LARGE and row * height > len(data) - at:
        raise BadInput("is truncated or damaged: its header promises more pixels than it holds")
    if kind == 4 or depth == 255 or (kind == 5 and depth == 65535):
        return data
    return _at_full_depth(data[at : at + row * height], kind, width, height, depth)


def _at_full_depth(body: bytes, kind: int, width: int, height: int, depth: int) -> bytes:
    """A PPM of the same tones, which run to 255, or to 65535 where grey is deeper: Pillow's own way, but at once."""
    most = 65535 if kind == 5 and depth > 255 else 255
    tones = np.minimum(np.rint(np.arange(65536 if depth > 255 else 256) / depth * most), most)
    tones = tones.astype(">u2" if most > 255 else np.uint8)
    numbers = np.frombuffer(body[: len(body) // 2 * 2] if depth > 255 else body, ">u2" if depth > 255 else np.uint8)
    return b"P%d %d %d %d\n" % (kind, width, height, most) + tones[numbers].tobytes()
