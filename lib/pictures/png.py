"""Pictures as PNG: no bit of them is lost, and the file says how it was made."""

import io
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from lib.arrays import Array, Bytes
from lib.pictures.about import KEY, exif_of, text_of, xmp_of
from lib.pictures.files import Picture

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEAD = len(_SIGNATURE) + 25  # with IHDR: 13 bytes of data, and 12 around them
_MOST_DELAY = 65535


def encode_png(picture: Picture, about: Mapping[str, Any] | None = None) -> bytes:
    """A picture as PNG, as animated PNG where it has several frames, with `about` in its metadata.

    `decoded` gives the same picture back. The same picture and `about` give the same bytes: there is no time, host or
    program in them. Raises ValueError or TypeError where `about` cannot be JSON.
    """
    stills = (_still(frame, alpha) for frame, alpha in _layers(picture))
    return _with_about(next(stills) if len(picture.frames) == 1 else _animate(stills, picture), about)


def first_rows(png: bytes, rows: int) -> bytes:
    """The same PNG with at most so many rows, those at its top, without decoding any.

    The rows lie in the file from the top, so whoever decodes it stops where its header says. An interlaced PNG, in
    which they do not, stays as it is, and so does an animated one, whose frames have sizes of their own.
    """
    header = png[len(_SIGNATURE) + 8 : _HEAD - 4]
    width, height, *kind, interlaced = struct.unpack(">IIBBBBB", header)
    if interlaced or height <= rows or _is_animated(png):
        return png
    return _SIGNATURE + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, rows, *kind, interlaced)) + png[_HEAD:]


def _is_animated(png: bytes) -> bool:
    return any(kind == b"acTL" for kind, _ in takewhile(lambda chunk: chunk[0] != b"IDAT", _chunks(png)))


def _layers(picture: Picture) -> Iterator[tuple[Array, Bytes | None]]:
    alphas = [None] * len(picture.frames) if picture.alpha is None else picture.alpha
    yield from zip(picture.frames, alphas, strict=True)


def _still(pixels: Array, alpha: Bytes | None) -> bytes:
    layers = pixels if alpha is None else np.dstack([pixels, alpha])
    buffer = io.BytesIO()
    # Run lengths of filtered rows: for photographs as small as level 6 makes them, in a quarter of the time.
    image = Image.fromarray(layers[:, :, 0] if layers.shape[2] == 1 else layers)
    image.save(buffer, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
    return buffer.getvalue()


def _with_about(png: bytes, about: Mapping[str, Any] | None) -> bytes:
    """The same PNG with texts and EXIF after its header."""
    if about is None:
        return png
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt(KEY, text_of(about))
    texts.add_itxt("XML:com.adobe.xmp", xmp_of(about).decode())
    exif = exif_of(about).removeprefix(b"Exif\0\0")
    more = b"".join(_chunk(kind, data) for kind, data, *_ in texts.chunks)
    return png[:_HEAD] + more + _chunk(b"eXIf", exif) + png[_HEAD:]


def _animate(stills: Iterator[bytes], picture: Picture) -> bytes:
    """Still PNGs of one kind as one animated PNG.

    Pillow could write it, but finds what differs between frames by their upper 8 bits, so that frames of 16 bits would
    be lost, and joins frames that are equal.
    """
    height, width = picture.frames.shape[1:3]
    parts = []
    sequence = 0
    for number, (png, duration) in enumerate(zip(stills, picture.durations, strict=True)):
        chunks = list(_chunks(png))
        if number == 0:
            parts += [_SIGNATURE, _chunk(*chunks[0])]
            parts.append(_chunk(b"acTL", struct.pack(">II", len(picture.frames), picture.loops)))
        # Every frame replaces all of the one before, its transparency too.
        parts.append(_chunk(b"fcTL", struct.pack(">IIIIIHHBB", sequence, width, height, 0, 0, *_delay(duration), 0, 0)))
        sequence += 1
        for kind, data in chunks:
            if kind != b"IDAT":
                continue
            if number == 0:
                parts.append(_chunk(kind, data))
            else:
                parts.append(_chunk(b"fdAT", struct.pack(">I", sequence) + data))
                sequence += 1
    return b"".join([*parts, _chunk(b"IEND", b"")])


def _delay(duration: int) -> tuple[int, int]:
    """Milliseconds as numerator and denominator of a second, each of 16 bits."""
    return (duration, 1000) if duration <= _MOST_DELAY else (min(round(duration / 1000), _MOST_DELAY), 1)


def _chunks(png: bytes) -> Iterable[tuple[bytes, bytes]]:
    at = len(_SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += 12 + length


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
