"""PNG: chunks, each with its length. Pillow inflates texts and profiles to a megabyte each at most."""

import struct

from lib.errors import BadInput
from lib.pictures.structure.limits import LARGE, check_frames, check_parts, check_pixels

_MOST_CHUNKS = 200_000  # of pixels: encoders write 8 kB and more to each
_MOST_DEFLATED = 1_032  # bytes that one byte can become
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PIXELS = (b"IDAT", b"fdAT", b"fcTL")


def check(data: bytes) -> None:
    """Raise BadInput for a PNG that would take a decoder too long, or promises more than it can hold."""
    at, chunks, beside, size, frames, packed = 8, 0, 0, 0, 0, 0
    header = b""
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        length = min(length, len(data) - at - 8)
        chunks += 1
        if kind == b"IHDR":
            header = data[at + 8 : at + 8 + length]
            if len(header) == 13:
                check_pixels(*struct.unpack_from(">II", header))
        elif kind == b"acTL" and length >= 4:
            check_frames(struct.unpack_from(">I", data, at + 8)[0])
        elif kind == b"IDAT":
            packed += length
        elif kind == b"IEND":
            break
        frames += kind == b"fcTL"
        if kind not in _PIXELS:
            beside, size = beside + 1, size + length
        if chunks % 1_000 == 0 or chunks < 10:
            check_parts(beside, size)
            check_frames(frames)
            if chunks > _MOST_CHUNKS:
                raise BadInput("is truncated or damaged: its pixels lie in hundreds of thousands of pieces")
        at += 12 + length
    check_parts(beside, size)
    check_frames(frames)
    _check_promise(header, packed)


def _check_promise(header: bytes, packed: int) -> None:
    """Raise BadInput where so many bytes cannot become the pixels that the header promises."""
    if len(header) != 13:
        return
    width, height, depth, colour = struct.unpack_from(">IIBB", header)
    promised = height * ((width * depth * _CHANNELS.get(colour, 1) + 7) // 8)
    if width * height > LARGE and promised > _MOST_DEFLATED * (packed + 1_024):
        raise BadInput("is truncated or damaged: its header promises more pixels than it holds")
