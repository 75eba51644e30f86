"""OIPs as pictures that a person can look at: float arrays in, PNG bytes out.

The same arrays give the same bytes: a PNG made here holds no time, no name of a program and no version. Everything is
plain Pillow without global state, so that many threads may draw at once.
"""

from collections.abc import Sequence

from PIL import Image, ImageDraw

from lib.arrays import Reals
from lib.draw.lettering import font, number, shorten, width
from lib.draw.paper import FAINT, INK, PAPER, png_bytes
from lib.draw.tones import enlarge, to_uint8, tone_window
from lib.errors import BadInput
from lib.verdict_colours import verdict_colour

_SIDE = 128  # px: small images are enlarged by the least whole number that brings their longest side to this
_PER_ROW = 8
_GAP = 8
_MARGIN = 10
_LEAST_WIDTH = 300  # px: so that a single small OIP still leaves room for the line of its verdict
_TITLE_WIDTH = 640  # px: up to here a picture is as wide as its unit's name; a longer name is shortened


def unit_picture(
    oips: Reals,
    responses: Sequence[float],
    *,
    title: str,
    verdict: str,
    response_ratio: float | None = None,
    bounds: tuple[float, float] | None = None,
    note: str = "",
) -> bytes:
    """The OIPs of one unit side by side, as PNG.

    `oips` [k, H, W, C] are shown on one window, so that they compare; small images are enlarged. Above them stand
    `title` (the unit: a name that is too long loses its middle) and the verdict with the response ratio, below each OIP
    its response, and at the bottom a `note`. A unit without OIPs, k = 0, gets a picture of its name and verdict.
    `bounds` as in `tone_window`.
    """
    if oips.ndim != 4 or len(oips) != len(responses):
        raise BadInput(f"a unit has one response for each OIP [k, H, W, C]; got {len(responses)} for {oips.shape}")
    count, height, wide = oips.shape[:3]
    factor = max(1, -(-_SIDE // max(height, wide, 1)))
    height, wide = height * factor, wide * factor
    window = tone_window(oips, bounds)

    name, words, digits = font(14, bold=True), font(12, bold=True), font(12)
    ratio = f"{number(response_ratio)} times the best exemplar's response" if response_ratio is not None else ""
    badge = width(verdict, words) + 12
    column = max(wide, max((width(number(float(r)), digits) for r in responses), default=0))
    columns = min(count, _PER_ROW)
    lines = min(width(title, name), _TITLE_WIDTH), badge + 8 + width(ratio, digits), width(note, digits)
    content = max(columns * (column + _GAP) - _GAP, *lines, _LEAST_WIDTH)
    rows = -(-count // _PER_ROW)
    top, line = _MARGIN + 48, 22
    bottom = top + (rows * (height + line) or line)
    size = (content + 2 * _MARGIN, bottom + (line if note else 0) + _MARGIN // 2)
    canvas = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(canvas)
    draw.text((_MARGIN, _MARGIN + 12), shorten(title, name, content), font=name, fill=INK, anchor="ls")
    draw.rectangle((_MARGIN, _MARGIN + 20, _MARGIN + badge, _MARGIN + 38), fill=verdict_colour(verdict))
    draw.text((_MARGIN + 6, _MARGIN + 33), verdict, font=words, fill=PAPER, anchor="ls")
    room = content - badge - 8
    draw.text((_MARGIN + badge + 8, _MARGIN + 33), shorten(ratio, digits, room), font=digits, fill=FAINT, anchor="ls")
    if not count:
        draw.text((_MARGIN, top + 12), "There is no OIP of this unit.", font=digits, fill=FAINT, anchor="ls")
    for place, (oip, response) in enumerate(zip(oips, responses, strict=True)):
        row, at = divmod(place, _PER_ROW)
        left, upper = _MARGIN + at * (column + _GAP), top + row * (height + line)
        picture = enlarge(to_uint8(oip, window), factor)
        canvas.paste(picture, (left + (column - wide) // 2, upper))
        text = number(float(response))
        draw.text((left + column // 2, upper + height + 15), text, font=digits, fill=INK, anchor="ms")
    if note:
        draw.text((_MARGIN, bottom + 13), shorten(note, digits, content), font=digits, fill=FAINT, anchor="ls")
    return png_bytes(canvas)
