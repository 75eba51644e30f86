"""Files of boxes or chunks, each with its length: WebP (RIFF), AVIF and HEIC (ISO media files)."""

import struct
from collections.abc import Iterator

from lib.errors import BadInput
from lib.pictures.structure.limits import check_frames, check_parts, check_pixels

_DEEPEST = 8
_HOLDING = frozenset([b"meta", b"iprp", b"ipco", b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"edts"])


def check_webp(data: bytes) -> None:
    """Raise BadInput for a WebP of too many frames or pixels."""
    at, frames, parts = 12, 0, 0
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 18]
        if kind == b"VP8X" and len(body) == 10:
            check_pixels(
                int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1, format="WEBP"
            )
        frames += kind == b"ANMF"
        parts += kind != b"ANMF"
        check_frames(frames)
        check_parts(parts)
        at += 8 + length + length % 2


def check_media(data: bytes) -> None:
    """Raise BadInput for an AVIF or HEIC whose boxes are too many or too deep, or whose picture is too large."""
    for parts, (kind, start, _) in enumerate(_boxes(data, 0, len(data), 0)):
        check_parts(parts)
        if kind == b"ispe" and start + 12 <= len(data):
            width, height = struct.unpack_from(">II", data, start + 4)
            check_pixels(width, height, format="AVIF")


def _boxes(data: bytes, at: int, end: int, depth: int) -> Iterator[tuple[bytes, int, int]]:
    """All boxes between two places: what they are called, and where what they hold begins and ends."""
    if depth > _DEEPEST:
        raise BadInput("is truncated or damaged: its boxes are nested too deeply")
    while at + 8 <= end:
        length, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if length == 1 and at + 16 <= end:
            length, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        if length == 0:
            length = end - at
        if length < head:
            return
        inner_end = min(at + length, end)
        yield kind, at + head, inner_end
        if kind in _HOLDING:
            yield from _boxes(data, at + head + (4 if kind == b"meta" else 0), inner_end, depth + 1)
        at += length
