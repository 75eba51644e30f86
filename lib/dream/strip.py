"""The strip of a carved dream: how it came about, in six panels, as in the blog."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from lib.arrays import Bytes, Floats
from lib.draw.lettering import font, wrap
from lib.draw.paper import FAINT, INK, PAPER, png_bytes
from lib.draw.tones import to_uint8
from lib.dream.carve import Carved
from lib.pictures.resample import resize

_SIDE = 256  # px: the longest side of a panel
_LEAST_SIDE = 128  # px: a panel of a very long picture is stretched to this, so that there is something to see
_GAP = 8
_MARGIN = 14
_LINE = 17


def strip(carved: Carved, *, title: str = "") -> bytes:
    """The six panels beside each other, with captions, as PNG.

    The pattern in viridis, and of it only what the ascent changed; the pattern in grey; upscaled; with details; and
    with details and the picture's own width of the value distribution. The first three are drawn in squares, stretched
    to the picture's shape.
    """
    panels = _panels(carved)
    size = _size(*carved.adjusted.shape[:2])
    head, small = font(15, bold=True), font(12)
    content = len(panels) * (size[0] + _GAP) - _GAP
    titles = wrap(title, head, content)
    captions = [wrap(caption, small, size[0]) for caption, _, _ in panels]
    lines = max(len(caption) for caption in captions)
    top = _MARGIN + 22 * len(titles)
    canvas = Image.new("RGB", (content + 2 * _MARGIN, top + size[1] + 4 + _LINE * lines + _MARGIN), PAPER)
    draw = ImageDraw.Draw(canvas)
    for at, text in enumerate(titles):
        draw.text((_MARGIN, _MARGIN + 22 * at + 14), text, font=head, fill=INK, anchor="ls")
    for at, ((_, pixels, way), caption) in enumerate(zip(panels, captions, strict=True)):
        left = _MARGIN + at * (size[0] + _GAP)
        canvas.paste(Image.fromarray(pixels).resize(size, way), (left, top))
        for line, text in enumerate(caption):
            place = (left, top + size[1] + 4 + _LINE * line + 12)
            draw.text(place, text, font=small, fill=FAINT if line else INK, anchor="ls")
    return png_bytes(canvas)


def _panels(carved: Carved) -> Sequence[tuple[str, Bytes, Image.Resampling]]:
    squares, smooth = Image.Resampling.NEAREST, Image.Resampling.BICUBIC
    height, width = carved.pattern.shape[:2]
    pattern, size = carved.pattern, _size(*carved.adjusted.shape[:2])[::-1]

    def enlarge(pixels: Floats) -> Floats:
        return resize(pixels, *size)

    return [
        (f"pattern at {width}x{height}", to_uint8(pattern, _range_of(pattern)), squares),
        (
            "what the ascent changed",
            to_uint8(pattern - carved.start, _symmetric_range(pattern - carved.start)),
            squares,
        ),
        ("the pattern in grey", _grey(pattern, _range_of(pattern)), squares),
        ("upscaled", _grey(enlarge(carved.upscaled), _range_of(carved.upscaled)), smooth),
        ("with details", _grey(enlarge(carved.detailed), _range_of(carved.detailed)), smooth),
        ("with details, width of values adjusted", _grey(enlarge(carved.adjusted), (0.0, 1.0)), smooth),
    ]


def _size(height: int, width: int) -> tuple[int, int]:
    """(width, height) of the panels."""
    longest = max(height, width)
    return max(_LEAST_SIDE, round(_SIDE * width / longest)), max(_LEAST_SIDE, round(_SIDE * height / longest))


def _range_of(values: Floats) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _symmetric_range(values: Floats) -> tuple[float, float]:
    """A range about 0, so that the middle of the colours means: as it was."""
    most = float(np.abs(values).max())
    return -most, most


def _grey(pixels: Floats, window: tuple[float, float]) -> Bytes:
    """RGB [H, W, 3] of one channel in grey, or of three as they are; the window's ends are black and white."""
    low, high = window
    tones = np.rint(255 * np.clip((pixels - low) / max(high - low, 1e-6), 0, 1)).astype(np.uint8)
    return np.broadcast_to(tones, (*tones.shape[:2], 3)).copy()
