"""The OIPs of one unit at several checkpoints, as frames and as a film in which the training passes."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from lib.arrays import Bytes, Reals
from lib.draw.lettering import font, shorten
from lib.draw.paper import INK, PAPER, png_bytes
from lib.draw.tones import enlarge, to_uint8, tone_window
from lib.pictures.animation import animation

ENDING = ".webp"
SECONDS_A_FRAME = 0.6
_SIDE = 160  # px: small images are enlarged by the least whole number that brings their longest side to this
_LINE = 20  # px: of the caption


def frames(images: Sequence[Reals], bounds: tuple[float, float] | None = None) -> list[bytes]:
    """Images [H, W, C] of one size as PNG, one a frame, all on one scale of tones, so that they compare.

    `bounds` as in `lib.draw.tones.tone_window`. Nothing is enlarged: a page shows every pixel as a square.
    """
    return [png_bytes(Image.fromarray(pixels)) for pixels in _pixels(images, bounds)]


def film(images: Sequence[Reals], captions: Sequence[str], bounds: tuple[float, float] | None = None) -> bytes:
    """The same images after each other as animated WebP, each with its caption below and the share of time passed.

    Raises BadInput where there are none or they differ in size.
    """
    shown = _pixels(images, bounds)
    drawn = (
        _with_caption(pixels, caption, (number + 1) / len(shown))
        for number, (pixels, caption) in enumerate(zip(shown, captions, strict=True))
    )
    return animation(drawn, "webp", seconds=SECONDS_A_FRAME)


def _pixels(images: Sequence[Reals], bounds: tuple[float, float] | None) -> list[Bytes]:
    window = tone_window(np.stack(images), bounds) if len({image.shape for image in images}) == 1 else None
    return [to_uint8(image, window) for image in images]


def _with_caption(pixels: Bytes, caption: str, passed: float) -> Bytes:
    picture = enlarge(pixels, max(1, -(-_SIDE // max(pixels.shape[:2]))))
    canvas = Image.new("RGB", (picture.width, picture.height + _LINE), PAPER)
    canvas.paste(picture)
    draw = ImageDraw.Draw(canvas)
    face = font(12)
    draw.text((2, canvas.height - 4), shorten(caption, face, picture.width - 4), font=face, fill=INK, anchor="ls")
    draw.rectangle((0, picture.height, round(passed * (picture.width - 1)), picture.height + 2), fill=INK)
    return np.asarray(canvas)
