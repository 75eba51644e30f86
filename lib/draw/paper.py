"""What all drawn pictures have in common: paper, ink, the colours of verdicts, and bytes that stay the same."""

import io
import zlib

from PIL import Image

from lib.errors import BadInput

PAPER = (255, 255, 255)
INK = (25, 25, 25)
FAINT = (110, 110, 110)
VERDICT_COLOURS = {
    "responded": (0, 114, 90),
    "unreached": (176, 96, 0),
    "silent": (70, 90, 125),
    "dead": (40, 40, 40),
    "failed": (190, 20, 40),
    "left": (115, 115, 115),
}
"""Dark enough for white words on them."""


def verdict_colour(verdict: str) -> tuple[int, int, int]:
    """The colour of a verdict, or of `failed`, or of `left`: not yet made when the time was over."""
    if verdict not in VERDICT_COLOURS:
        raise BadInput(f"verdict {verdict!r} is none of {', '.join(VERDICT_COLOURS)}")
    return VERDICT_COLOURS[verdict]


def png_bytes(picture: Image.Image) -> bytes:
    """`picture` as PNG with nothing but its pixels: no text, no time, no program."""
    buffer = io.BytesIO()
    # Pillow's own choice (level 6, filtered) takes these pictures twice the time and saves hardly a byte.
    picture.save(buffer, "PNG", compress_level=3, compress_type=zlib.Z_DEFAULT_STRATEGY)
    return buffer.getvalue()
