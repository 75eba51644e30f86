"""Pictures that people gave, or that were dreamed of them: small enough for a page, and nothing but their pixels."""

import io

from PIL import Image

from lib.pictures.files import first_frame

ENDING = ".webp"
LONGEST = 1600
"""Pixels: more than a page shows, and a twentieth of the bytes of a photograph as it comes from a camera."""
_QUALITY = 88


def preview(data: bytes, longest: int = LONGEST) -> bytes:
    """A picture file's first frame as WebP, upright, in sRGB, and its longest side at most `longest` pixels.

    Nothing else of the file is kept: a photograph says where it was taken, and a gallery is made to be given away. The
    same bytes give the same bytes. Raises BadInput as `lib.pictures.files.decode` does.
    """
    image = first_frame(data)
    image.thumbnail((longest, longest), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=_QUALITY)
    return buffer.getvalue()
