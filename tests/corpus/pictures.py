"""Hostile pictures, and what is answered to each: words that follow the file's name."""

import io
import os
import struct
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from lib.errors import BadInput
from tests.corpus.making import bound, link, pipe

Make = Callable[[Path], object]
"""Makes the file at a path."""

NO_PICTURE = "is not a picture"
TOO_LARGE = "is too large"
DAMAGED = "is truncated or damaged"
NO_FILE = "is no file"
READ = ""
"""What is read after all, as nothing in it does harm."""
EITHER = f"^$|{DAMAGED}"
"""What a decoder may or may not read: its first frame is whole, or what is missing is grey."""


def chunk(kind: bytes, data: bytes, length: int | None = None) -> bytes:
    """A chunk of a PNG, which may lie about its length."""
    stated = len(data) if length is None else length
    return struct.pack(">I", stated) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int, height: int, rows: bytes, *more: bytes, depth: int = 8, colour: int = 2, interlace: int = 0
) -> bytes:
    """A PNG of this header, whatever its pixels are."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return b"".join([b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), *more, chunk(b"IDAT", rows), chunk(b"IEND", b"")])


@cache
def zeros(count: int) -> bytes:
    """So many zeros, deflated, made piece by piece."""
    packer, piece = zlib.compressobj(6), bytes(1 << 20)
    packed = [packer.compress(piece[: min(1 << 20, count - at)]) for at in range(0, count, 1 << 20)]
    return b"".join([*packed, packer.flush()])


def saved(kind: str, size: tuple[int, int] = (40, 30), **options: object) -> bytes:
    """A sound picture of this kind."""
    values = np.arange(size[0] * size[1] * 3, dtype=np.uint32) * 7919 >> 3
    image = Image.fromarray(values.astype(np.uint8).reshape(size[1], size[0], 3))
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def written(data: bytes | Callable[[], bytes]) -> Make:
    """Makes a file of these bytes."""
    return lambda path: path.write_bytes(data() if callable(data) else data)


SMALL = png(1, 1, zlib.compress(bytes(4)))


def _eps() -> bytes:
    return b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(beacon) (w) file closefile\nshowpage\n"


def _tiff(entries: list[tuple[int, int, int, int]], more: bytes = b"", following: int = 0) -> bytes:
    """A little-endian TIFF of one directory: (tag, type, count, value) each."""
    table = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + struct.pack("<I", following) + more


def _tiff_of(
    width: int, height: int, *others: tuple[int, int, int, int], more: bytes = b"", following: int = 0
) -> bytes:
    own = {256: (256, 4, 1, width), 257: (257, 4, 1, height), 258: (258, 3, 1, 8), 259: (259, 3, 1, 1)}
    own |= {262: (262, 3, 1, 1), 277: (277, 3, 1, 1), 278: (278, 4, 1, height)}
    return _tiff([entry for _, entry in sorted((own | {one[0]: one for one in others}).items())], more, following)


def _many_pages() -> bytes:
    """100,000 directories of a 1x1 page."""
    entries = [(256, 3, 1, 1), (257, 3, 1, 1), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8)]
    entries += [(277, 3, 1, 1), (278, 3, 1, 1), (279, 4, 1, 1)]
    table = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    size = 2 + len(table) + 4
    pages = (struct.pack("<H", len(entries)) + table + struct.pack("<I", 8 + size * (n + 1)) for n in range(100_000))
    return b"II*\0" + struct.pack("<I", 8) + b"".join(pages)


def _growing_pages() -> bytes:
    """A page of one pixel, then 200 pages of 100 million each, of which each is almost nothing in the file."""
    pixels, count, size = zeros(100_000_000), 201, 2 + 9 * 12 + 4

    def directory(side: int, at: int, following: int) -> bytes:
        entries = [(256, 4, 1, side), (257, 4, 1, side), (258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1)]
        entries += [(273, 4, 1, at), (277, 3, 1, 1), (278, 4, 1, side), (279, 4, 1, len(pixels))]
        return (
            struct.pack("<H", len(entries))
            + b"".join(struct.pack("<HHII", *e) for e in entries)
            + struct.pack("<I", following)
        )

    start = 8 + count * size
    tables = [
        directory(1 if n == 0 else 10_000, start, 8 + (n + 1) * size if n + 1 < count else 0) for n in range(count)
    ]
    return b"II*\0" + struct.pack("<I", 8) + b"".join(tables) + pixels


def _tile_bomb() -> bytes:
    """A picture of 10x10 in one tile of 40,000x40,000, deflated."""
    return _tiff_of(
        10,
        10,
        (259, 3, 1, 8),
        (322, 4, 1, 40_000),
        (323, 4, 1, 40_000),
        (324, 4, 1, 300),
        (325, 4, 1, 2_000_000),
        more=bytes(300 - 8 - 2 - 11 * 12 - 4) + zeros(1 << 27),
    )


def _gif(frames: int, side: int = 1, inner: tuple[int, int] = (1, 1), more: bytes = b"") -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes(6)
    frame = b"\x21\xf9\x04\0\x01\0\0\0" + b"\x2c" + struct.pack("<HHHHB", 0, 0, *inner, 0) + b"\x02\x02\x44\x01\0"
    return head + more + frame * frames + b"\x3b"


def _gif_growing() -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)

    def frame(side: int) -> bytes:
        return (
            b"\x21\xf9\x04\0\x01\0\0\0" + b"\x2c" + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02\x02\x44\x01\0"
        )

    return head + frame(1) + frame(10_000) * 100 + b"\x3b"


def _gif_comments() -> bytes:
    return _gif(1, more=b"\x21\xfe" + (b"\x01a" * 2_000_000) + b"\0")


def _gif_comment_blocks() -> bytes:
    return _gif(1, more=b"\x21\xfe\x01a\0" * 400_000)


def _apng(claimed: int, frames: int) -> bytes:
    data = zlib.compress(bytes(4))
    parts = [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))]
    parts.append(chunk(b"acTL", struct.pack(">II", claimed, 0)))
    number = 0
    for n in range(frames):
        parts.append(chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, 1, 1, 0, 0, 1, 10, 0, 0)))
        parts.append(chunk(b"IDAT", data) if n == 0 else chunk(b"fdAT", struct.pack(">I", number + 1) + data))
        number += 1 if n == 0 else 2
    return b"".join([*parts, chunk(b"IEND", b"")])


def _scans() -> bytes:
    """A progressive JPEG of 8000x8000 whose empty refining scan comes 20,000 times."""
    buffer = io.BytesIO()
    Image.new("L", (8000, 8000)).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    at = data.rfind(b"\xff\xda")
    scan = data[at:-2]
    return data[:-2] + scan * 2_000 + b"\xff\xd9"


def _jpeg_with(*segments: bytes) -> bytes:
    plain = saved("JPEG")
    return plain[:2] + b"".join(segments) + plain[2:]


def _segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def _jpeg_sized(width: int, height: int) -> bytes:
    plain = bytearray(saved("JPEG"))
    at = plain.find(b"\xff\xc0")
    plain[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(plain)


def _exif_loop() -> bytes:
    """EXIF whose directories name each other and themselves, and whose orientation comes 60,000 times."""
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, 8) for tag in (0x8769, 0x8825, 0xA005, 0x14A))
    entries += struct.pack("<HHII", 0x0112, 3, 1, 77) * 4_000
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, 4_004) + entries + struct.pack("<I", 8)


def _jpeg2000(**changed: int) -> bytes:
    """A JPEG 2000 codestream of a sound picture with numbers of its size header changed."""
    plain = bytearray(saved("JPEG2000", no_jp2=True))
    places = {"width": 8, "height": 12, "tile_width": 24, "tile_height": 28}
    for name, value in changed.items():
        struct.pack_into(">I", plain, places[name], value)
    return bytes(plain)


def _jp2_boxes() -> bytes:
    return b"\0\0\0\x0cjP  \r\n\x87\n" + struct.pack(">I4s", 8, b"free") * 3_000_000


def _webp(frames: int) -> bytes:
    buffer = io.BytesIO()
    images = [Image.new("RGB", (1, 1), (n % 256, n // 256 % 256, 7)) for n in range(2)]
    images[0].save(buffer, "WEBP", save_all=True, append_images=images[1:], lossless=True)
    data = buffer.getvalue()
    at = data.find(b"ANMF")
    size = 8 + struct.unpack_from("<I", data, at + 4)[0]
    size += size % 2
    body = data[12:at] + data[at : at + size] * frames
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def _webp_header(width: int, height: int) -> bytes:
    body = (
        b"VP8X"
        + struct.pack("<IB3x", 10, 0x10)
        + (width - 1).to_bytes(3, "little")
        + (height - 1).to_bytes(3, "little")
    )
    body += (
        b"VP8L"
        + struct.pack("<I", 20)
        + b"\x2f"
        + struct.pack("<I", (width - 1 & 0x3FFF) | (height - 1 & 0x3FFF) << 14)
        + bytes(15)
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def _avif_sized(width: int, height: int, kind: str = "AVIF") -> bytes:
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    plain = bytearray(saved(kind, (64, 64)))
    at = plain.find(b"ispe")
    plain[at + 8 : at + 16] = struct.pack(">II", width, height)
    return bytes(plain)


def _heif_boxes() -> bytes:
    """Boxes within boxes, 20,000 deep."""
    inner = b""
    for _ in range(20_000):
        inner = struct.pack(">I4s", len(inner) + 12, b"meta") + bytes(4) + inner
    return struct.pack(">I4s4sI4s", 20, b"ftyp", b"heic", 0, b"mif1") + inner


def _bmp(width: int, height: int, compression: int = 0, body: bytes = b"", bits: int = 8) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(body), 0, 0, 0, 0)
    palette = bytes(1024) if bits == 8 else b""
    return (
        b"BM" + struct.pack("<IHHI", 54 + len(palette) + len(body), 0, 0, 54 + len(palette)) + header + palette + body
    )


def _link_to_fifo(path: Path) -> None:
    os.mkfifo(path.parent / "pipe")
    path.symlink_to("pipe")


def _sparse(size: int, start: bytes = b"") -> Make:
    def make(path: Path) -> None:
        with path.open("wb") as file:
            file.write(start)
            file.truncate(size)

    return make


RAW = 1 << 20
CASES: dict[str, tuple[Make, str]] = {
    # what is no file
    "fifo.png": (pipe, NO_FILE),
    "socket.png": (bound, NO_FILE),
    "link to a fifo.png": (_link_to_fifo, NO_FILE),
    "link to a device.png": (link("/dev/zero"), NO_FILE),
    "link to the terminal.png": (link("/dev/tty"), "is no file|cannot be read"),
    "link to itself.png": (lambda path: path.symlink_to(path.name), "cannot be read|circle"),
    "link to nothing.png": (link("nothing"), "cannot be read|is gone"),
    "link to memory.png": (link("/proc/self/mem"), "cannot be read|is empty|no file"),
    "forbidden folder.png": (lambda path: path.mkdir(), NO_FILE),
    # what no decoder may see
    "eps.png": (written(_eps()), NO_PICTURE),
    "eps of DOS.tif": (
        written(b"\xc5\xd0\xd3\xc6" + struct.pack("<6I", 32, len(_eps()), 0, 0, 0, 0) + b"\0" * 4 + _eps()),
        NO_PICTURE,
    ),
    "wmf.bmp": (written(b"\xd7\xcd\xc6\x9a" + bytes(200)), NO_PICTURE),
    "psd.png": (
        written(b"8BPS\0\x01" + bytes(6) + struct.pack(">HIIHH", 3, 30_000, 30_000, 8, 3) + bytes(40)),
        NO_PICTURE,
    ),
    "ico.png": (written(b"\0\0\x01\0\x01\0" + bytes(16) + SMALL), NO_PICTURE),
    "icns.png": (written(b"icns" + struct.pack(">I", 16) + b"ic10" + struct.pack(">I", 8)), NO_PICTURE),
    "pdf.jpg": (written(b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"), NO_PICTURE),
    "svg.png": (
        written(b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'),
        NO_PICTURE,
    ),
    "fli.gif": (written(struct.pack("<IHHHHHH", 200, 0xAF12, 1, 30_000, 30_000, 8, 3) + bytes(200)), NO_PICTURE),
    "sgi.png": (written(b"\x01\xda\x01\x01\0\x03" + struct.pack(">HHH", 60_000, 60_000, 3) + bytes(600)), NO_PICTURE),
    "zip.png": (written(b"PK\x03\x04" + bytes(60)), NO_PICTURE),
    "pickle.png": (written(b"cos\nsystem\n(S'touch beacon'\ntR."), NO_PICTURE),
    "script.png": (written(b"#!/bin/sh\ntouch beacon\n"), NO_PICTURE),
    "nothing.png": (written(b""), "is empty"),
    "one byte.png": (written(b"\x89"), NO_PICTURE),
    "a gigabyte of nothing.png": (_sparse(1 << 30), NO_PICTURE),
    "a gigabyte behind a header.png": (_sparse(1 << 30, SMALL[:33]), TOO_LARGE),
    "a terabyte.jpg": (_sparse(1 << 40, b"\xff\xd8\xff\xe0"), TOO_LARGE),
    # PNG
    "png header of 4 billion.png": (written(png(2**31 - 1, 2**31 - 1, b"")), TOO_LARGE),
    "png bomb.png": (written(lambda: png(30_000, 30_000, zeros(1 << 27))), TOO_LARGE),
    "png promises.png": (written(png(10_000, 10_000, zlib.compress(bytes(100)))), DAMAGED),
    "png bomb cut.png": (written(lambda: png(10_000, 10_000, zeros(10_000 * 30_001)[:-200])), DAMAGED),
    "png of no width.png": (written(png(0, 10, zlib.compress(bytes(10)))), DAMAGED),
    "png of no size.png": (written(png(0, 0, zlib.compress(b""))), DAMAGED),
    "png one pixel high.png": (written(png(2**30, 1, zlib.compress(bytes(100)))), TOO_LARGE),
    "png text bomb.png": (
        written(lambda: png(1, 1, zlib.compress(bytes(4)), chunk(b"zTXt", b"a\0\0" + zeros(1 << 27)))),
        DAMAGED,
    ),
    "png itxt bomb.png": (
        written(lambda: png(1, 1, zlib.compress(bytes(4)), chunk(b"iTXt", b"a\0\x01\0\0\0" + zeros(1 << 27)))),
        DAMAGED,
    ),
    "png icc bomb.png": (
        written(lambda: png(1, 1, zlib.compress(bytes(4)), chunk(b"iCCP", b"a\0\0" + zeros(1 << 27)))),
        DAMAGED,
    ),
    "png of many texts.png": (
        written(lambda: png(1, 1, zlib.compress(bytes(4)), *[chunk(b"tEXt", b"k%d\0v" % n) for n in range(400_000)])),
        DAMAGED,
    ),
    "png of empty chunks.png": (
        written(lambda: png(1, 1, zlib.compress(bytes(4)), chunk(b"prVt", b"") * 1_000_000)),
        DAMAGED,
    ),
    "png of empty idat.png": (written(lambda: png(1, 1, b"", chunk(b"IDAT", b"") * 1_000_000)), DAMAGED),
    "png chunk longer than all.png": (written(png(1, 1, b"", chunk(b"tEXt", b"", 2**31 - 1))), DAMAGED),
    "png chunk of 4 GB.png": (written(png(1, 1, b"", chunk(b"IDAT", b"", 2**32 - 1))), DAMAGED),
    "apng claims 4 billion.png": (written(_apng(2**31, 2)), TOO_LARGE),
    "apng of 100,000 frames.png": (written(lambda: _apng(100_000, 100_000)), TOO_LARGE),
    "apng lies.png": (written(_apng(9_000, 2)), DAMAGED),
    # JPEG
    "jpeg of 65,500.jpg": (written(_jpeg_sized(65_500, 65_500)), TOO_LARGE),
    "jpeg of no height.jpg": (written(_jpeg_sized(40, 0)), DAMAGED),
    "jpeg promises.jpg": (written(_jpeg_sized(10_000, 10_000)), DAMAGED),
    "jpeg of 2,000 scans.jpg": (written(_scans), TOO_LARGE),
    "jpeg of padding.jpg": (written(lambda: b"\xff\xd8" + b"\xff" * 20_000_000 + saved("JPEG")[2:]), DAMAGED),
    "jpeg of junk.jpg": (written(lambda: b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(20_000_000)), DAMAGED),
    "jpeg of segments.jpg": (written(lambda: _jpeg_with(_segment(0xE5, b"") * 2_000_000)), DAMAGED),
    "jpeg of comments.jpg": (written(lambda: _jpeg_with(_segment(0xFE, b"a") * 1_000_000)), DAMAGED),
    "jpeg exif in circles.jpg": (written(lambda: _jpeg_with(_segment(0xE1, _exif_loop()))), READ),
    "jpeg exif large.jpg": (
        written(lambda: _jpeg_with(*[_segment(0xE1, b"Exif\0\0II*\0" + b"\xff" * 65_000)] * 200)),
        READ,
    ),
    "jpeg mpf.jpg": (
        written(
            lambda: _jpeg_with(
                _segment(
                    0xE2,
                    b"MPF\0II*\0"
                    + struct.pack("<IH", 8, 2)
                    + struct.pack("<HHII", 0xB001, 4, 1, 2**32 - 1)
                    + struct.pack("<HHII", 0xB002, 7, 2**31, 8)
                    + bytes(4),
                )
            )
        ),
        READ,
    ),
    "jpeg icc hostile.jpg": (
        written(lambda: _jpeg_with(_segment(0xE2, b"ICC_PROFILE\0\x01\x01" + b"\xff" * 60_000))),
        READ,
    ),
    "jpeg cut.jpg": (written(saved("JPEG", (400, 300))[:900]), DAMAGED),
    # TIFF
    "tiff of 4 billion.tif": (written(_tiff_of(2**31, 2**31, (273, 4, 1, 8))), TOO_LARGE),
    "tiff promises.tif": (written(_tiff_of(10_000, 10_000, (273, 4, 1, 8))), DAMAGED),
    "tiff of 100,000 pages.tif": (written(_many_pages), TOO_LARGE),
    "tiff of growing pages.tif": (written(_growing_pages), "pages of different sizes"),
    "tiff in circles.tif": (written(_tiff_of(1, 1, (273, 4, 1, 8), (279, 4, 1, 1), following=8)), READ),
    "tiff tile bomb.tif": (written(_tile_bomb), TOO_LARGE),
    "tiff of tags.tif": (
        written(lambda: _tiff([(n % 65536, 2, 50_000_000, 8) for n in range(65_535)], bytes(60_000_000))),
        DAMAGED,
    ),
    "tiff of a million strips.tif": (
        written(
            lambda: _tiff_of(
                1,
                1_000_000,
                (278, 4, 1, 1),
                (273, 4, 1_000_000, 200),
                (279, 4, 1_000_000, 200),
                more=bytes(200) + struct.pack("<I", 8) * 1_000_000,
            )
        ),
        TOO_LARGE,
    ),
    "tiff of 65,535 samples.tif": (written(_tiff_of(10, 10, (277, 3, 1, 65_535), (273, 4, 1, 8))), DAMAGED),
    "tiff of no size.tif": (written(_tiff_of(0, 0, (273, 4, 1, 8))), DAMAGED),
    # GIF
    "gif of 100,000 frames.gif": (written(lambda: _gif(100_000)), TOO_LARGE),
    "gif of large frames.gif": (written(lambda: _gif(500, 60_000, (60_000, 60_000))), TOO_LARGE),
    "gif of growing frames.gif": (written(_gif_growing), "different sizes|is too large|is truncated"),
    "gif of a long comment.gif": (written(_gif_comments), DAMAGED),
    "gif of many comments.gif": (written(_gif_comment_blocks), DAMAGED),
    "gif of no size.gif": (written(_gif(1, 0, (0, 0))), DAMAGED),
    # WebP, AVIF, HEIC, JPEG 2000
    "webp of 16 million a side.webp": (written(_webp_header(2**24, 2**24)), f"{TOO_LARGE}|{DAMAGED}"),
    "webp promises.webp": (written(_webp_header(16_384, 16_384)), f"{TOO_LARGE}|{DAMAGED}"),
    "webp of 60,000 frames.webp": (written(lambda: _webp(60_000)), TOO_LARGE),
    "avif of 4 billion.avif": (written(lambda: _avif_sized(2**31, 2**31)), f"{TOO_LARGE}|{DAMAGED}"),
    "avif promises.avif": (written(lambda: _avif_sized(10_000, 10_000)), f"{TOO_LARGE}|{DAMAGED}"),
    "heic of 4 billion.heic": (written(lambda: _avif_sized(2**31, 2**31, "HEIF")), f"{TOO_LARGE}|{DAMAGED}"),
    "heic of deep boxes.heic": (written(_heif_boxes), DAMAGED),
    "jpeg 2000 of 4 billion.j2k": (written(lambda: _jpeg2000(width=2**31, height=2**31)), TOO_LARGE),
    "jpeg 2000 of 100 million tiles.j2k": (
        written(lambda: _jpeg2000(width=10_000, height=10_000, tile_width=1, tile_height=1)),
        f"{TOO_LARGE}|{DAMAGED}",
    ),
    "jpeg 2000 of 65,000 tiles.j2k": (
        written(lambda: _jpeg2000(width=255, height=255, tile_width=1, tile_height=1)),
        f"{TOO_LARGE}|{DAMAGED}",
    ),
    "jpeg 2000 promises.j2k": (
        written(lambda: _jpeg2000(width=5_000, height=5_000, tile_width=5_000, tile_height=5_000)),
        EITHER,
    ),
    "jpeg 2000 of boxes.jp2": (written(_jp2_boxes), DAMAGED),
    # BMP, PPM
    "bmp of 2 billion.bmp": (written(_bmp(2**31 - 1, 2**31 - 1)), TOO_LARGE),
    "bmp promises.bmp": (written(_bmp(10_000, 10_000)), DAMAGED),
    "bmp rle leaps.bmp": (written(_bmp(10_000, 10_000, 1, b"\0\x02\xff\xff" * 1_000)), TOO_LARGE),
    "bmp rle one by one.bmp": (written(lambda: _bmp(10_000, 10_000, 1, b"\x01\x07" * 10_000_000)), TOO_LARGE),
    "ppm of 4 billion.ppm": (written(b"P6 99999999 99999999 255\n"), TOO_LARGE),
    "ppm promises.ppm": (written(b"P6 10000 10000 255\n" + bytes(100)), DAMAGED),
    "ppm of a long number.ppm": (written(b"P6 " + b"9" * 1_000_000 + b" 1 255\n"), DAMAGED),
    "ppm of odd depth.ppm": (written(lambda: b"P6 4000 2500 254\n" + bytes(29_999_000)), DAMAGED),
    "ppm of words.ppm": (written(lambda: b"P3 4000 2500 255\n" + b"1 " * 29_999_000), f"{TOO_LARGE}|{DAMAGED}"),
    "ppm of comments.ppm": (written(lambda: b"P6 " + b"#a\n" * 5_000_000 + b"1 1 255\n\0\0"), DAMAGED),
}


def warm() -> None:
    """Import what reading pictures needs."""
    import PIL.AvifImagePlugin
    import PIL.GifImagePlugin
    import PIL.ImageCms
    import PIL.Jpeg2KImagePlugin
    import PIL.TiffImagePlugin
    import PIL.WebPImagePlugin  # noqa: F401

    import lib.data.picture_reading  # noqa: F401
    import tasks.session.originals  # noqa: F401
    from lib.pictures import heif

    heif.register()


def door(path: Path) -> None:
    """Read a picture as a data set does, and as a dream does, whatever came of the other."""
    from lib.data.picture_reading import read_head, read_picture
    from lib.pictures.files import decode, size_of
    from tasks.session.originals import read_original

    problems = []
    try:
        read_head(path)
        read_picture(path, (28, 28), 1, "crop", 28)
    except BadInput as problem:
        problems.append(str(problem))  # not the error itself, which holds what was being read
    try:
        data = read_original(path)
        size_of(data)
        decode(data)
    except BadInput as problem:
        problems.append(str(problem))  # not the error itself, which holds what was being read
    if problems:
        raise BadInput(problems[0])
