"""What carries a prediction, as a picture: the image, and beside it each map of attribution over its strokes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from lib.arrays import Bytes, Reals
from lib.draw.activation_tones import colours_of
from lib.draw.lettering import font, number, shorten, wrap
from lib.draw.paper import FAINT, INK, PAPER, png_bytes
from lib.draw.tones import enlarge
from lib.errors import BadInput
from lib.pictures.colours import luminance

_SIDE = 252  # px: about the longest side of a panel
_GAP = 22
_MARGIN = 16
_INK = 0.28  # how much of a map's colour the strokes of the image take away
_BAR = 10


@dataclass(frozen=True, eq=False)
class AttributionMap:
    """One method's answer, float [H, W]: positive where a pixel speaks for the class. `words` say what is seen."""

    name: str
    values: Reals
    words: str


def attribution_picture(image: Reals, maps: Sequence[AttributionMap], *, title: str, subtitle: str = "") -> bytes:
    """The image [H, W, C] and every map over it, side by side, as PNG.

    Red speaks for the class and blue against it; white does neither. Each map has a scale of its own, which goes as far
    to either side of 0. The strokes of the image darken what lies on them.

    Raises:
        BadInput: a map of another size than the image, or no map.
    """
    pixels = np.asarray(image, np.float64)
    if pixels.ndim != 3 or 0 in pixels.shape or not maps:
        raise BadInput(f"a picture of attribution needs an image [height, width, channels] and a map: {pixels.shape}")
    for part in maps:
        if part.values.shape != pixels.shape[:2]:
            raise BadInput(f"{part.name}: a map of {part.values.shape} does not suit an image of {pixels.shape[:2]}")
    light = _light(pixels)
    factor = max(1, round(_SIDE / max(light.shape)))
    wide, high = light.shape[1] * factor, light.shape[0] * factor
    content = (len(maps) + 1) * (wide + _GAP) - _GAP
    head, small = font(18, bold=True), font(13)
    subtitles = wrap(subtitle, small, content)
    captions = [wrap(part.words, font(12), wide) for part in maps]
    top = _MARGIN + 30 + 18 * len(subtitles) + 10
    below = 20 + _BAR + 20 + 16 * max(len(lines) for lines in captions)
    canvas = Image.new("RGB", (content + 2 * _MARGIN, top + high + below + _MARGIN), PAPER)
    draw = ImageDraw.Draw(canvas)
    draw.text((_MARGIN, _MARGIN + 16), shorten(title, head, content), font=head, fill=INK, anchor="ls")
    for place, line in enumerate(subtitles):
        draw.text((_MARGIN, _MARGIN + 40 + 18 * place), line, font=small, fill=FAINT, anchor="ls")
    canvas.paste(enlarge(_draw_plain(pixels), factor), (_MARGIN, top))
    draw.text((_MARGIN, top + high + 15), "the image", font=font(12, bold=True), fill=INK, anchor="ls")
    for place, (part, lines) in enumerate(zip(maps, captions, strict=True), start=1):
        left = _MARGIN + place * (wide + _GAP)
        furthest = _furthest(part.values)
        canvas.paste(enlarge(_draw_over(part.values, furthest, light), factor), (left, top))
        _draw_scale(canvas, draw, part.name, furthest, (left, top + high), wide)
        for at, line in enumerate(lines):
            y = top + high + 20 + _BAR + 32 + 16 * at
            draw.text((left, y), line, font=font(12), fill=FAINT, anchor="ls")
    return png_bytes(canvas)


def _furthest(values: Reals) -> float:
    """The value at the ends of a map's scale: nearly its greatest, so that one pixel does not fade all others."""
    finite = np.abs(values[np.isfinite(values)])
    return (float(np.quantile(finite, 0.995)) or float(finite.max())) if finite.size else 0.0


def _draw_over(values: Reals, furthest: float, light: Reals) -> Bytes:
    """uint8 [H, W, 3]: a map in red and blue, darker where the image has strokes."""
    table = colours_of("RdBu_r").astype(np.float64)
    shares = np.nan_to_num(values / (furthest or 1.0))
    colours = table[np.rint((np.clip(shares, -1, 1) + 1) / 2 * 255).astype(np.intp)]
    # what is rare is drawn, what is common is paper: white on black as well as black on white
    ink = light if light.mean() < 0.5 else 1 - light
    return np.rint(colours * (1 - _INK * ink[:, :, None])).astype(np.uint8)


def _light(pixels: Reals) -> Reals:
    """The image in greys from 0 to 1, [H, W]."""
    grey = luminance(pixels)[:, :, 0] if pixels.shape[2] in (1, 3) else pixels.mean(axis=2)
    low, high = float(grey.min()), float(grey.max())
    return np.asarray((grey - low) / (high - low or 1.0))


def _draw_plain(pixels: Reals) -> Bytes:
    """The image as it is, uint8 [H, W, 3]."""
    if pixels.shape[2] != 3:
        return np.rint(255 * _light(pixels)[:, :, None].repeat(3, axis=2)).astype(np.uint8)
    low, high = float(pixels.min()), float(pixels.max())
    return np.rint(255 * (pixels - low) / (high - low or 1.0)).astype(np.uint8)


def _draw_scale(
    canvas: Image.Image, draw: ImageDraw.ImageDraw, name: str, furthest: float, corner: tuple[int, int], wide: int
) -> None:
    left, upper = corner
    draw.text(
        (left, upper + 15), shorten(name, font(12, bold=True), wide), font=font(12, bold=True), fill=INK, anchor="ls"
    )
    table = colours_of("RdBu_r")
    bar = np.broadcast_to(table[np.linspace(0, 255, wide).astype(np.intp)][None], (_BAR, wide, 3))
    canvas.paste(Image.fromarray(np.ascontiguousarray(bar)), (left, upper + 20))
    for share, text, anchor in ((0, f"−{number(furthest)}", "ls"), (0.5, "0", "ms"), (1, f"+{number(furthest)}", "rs")):
        draw.text((left + share * wide, upper + 20 + _BAR + 13), text, font=font(11), fill=INK, anchor=anchor)
