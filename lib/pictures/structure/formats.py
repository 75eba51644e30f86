"""Which formats are decoded, and what is looked at in a file of each before."""

from collections.abc import Callable

from lib.pictures.structure import bitmaps, boxes, gif, jpeg, jpeg2000, png, tiff


def _same(check: Callable[[bytes], None]) -> Callable[[bytes], bytes]:
    def checked(data: bytes) -> bytes:
        check(data)
        return data

    return checked


CHECKS: dict[str, Callable[[bytes], bytes]] = {
    "JPEG": _same(jpeg.check),
    "PNG": _same(png.check),
    "WEBP": _same(boxes.check_webp),
    "TIFF": _same(tiff.check),
    "BMP": _same(bitmaps.check_bmp),
    "GIF": _same(gif.check),
    "PPM": bitmaps.check_ppm,
    "JPEG2000": _same(jpeg2000.check),
    "AVIF": _same(boxes.check_media),
    "HEIF": _same(boxes.check_media),
}
"""No others, though Pillow knows some fifty: each is one more parser for what strangers have made, and some start
programs. HEIF is read by a plug-in (`lib/pictures/heif.py`). Each looks at a file's bytes and gives those that are
decoded; raises BadInput."""
