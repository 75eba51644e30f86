"""A sheet of many pictures: a head, and one cell for everything that there was to show, whatever became of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from lib.draw.lettering import font, shorten, width, wrap
from lib.draw.paper import FAINT, INK, PAPER, png_bytes
from lib.errors import BadInput

Colour = tuple[int, int, int]

_LEAST_SIDE = 104  # px: so that index, response and ratio stand in one line under the image
_GAP = 8
_MARGIN = 14
_LINE = 18
_LEAST_WIDTH = 560  # px: so that a layer of one unit still has a legible title
_FRAME = 3


@dataclass(frozen=True)
class SheetField:
    """A cell as it is drawn.

    `name` stands under its lower left corner, `figures` under its right one: as many digits as fit into the pixels that
    are left. `tile` is its picture; where there is none, the field is hatched. `mark` is a word for what is not as it
    should be, which stands in a bar under the picture, with a frame round it, in `colour`.
    """

    name: str
    figures: Callable[[int], str]
    tile: Image.Image | None
    colour: Colour
    mark: str | None = None


def sheet(
    fields: Sequence[SheetField],
    *,
    title: str,
    subtitle: str,
    counts: Sequence[tuple[Colour, str]],
    legend: str,
    columns: int,
) -> bytes:
    """All fields in their order, `columns` a row, as PNG; above them title, subtitle, counts with colours, and legend.

    Raises:
        BadInput: no field, or no column.
    """
    if not fields:
        raise BadInput("a contact sheet needs at least one cell")
    if columns < 1:
        raise BadInput(f"a contact sheet needs at least one column, not {columns}")
    tiles = [field.tile for field in fields if field.tile]
    wide = max([_LEAST_SIDE, *(tile.width for tile in tiles)])
    high = max((tile.height for tile in tiles), default=_LEAST_SIDE)
    high = max(high, _LEAST_SIDE // 2)
    columns_used = min(columns, len(fields))
    content = max(columns_used * (wide + _GAP) - _GAP, _LEAST_WIDTH)

    head, small = font(18, bold=True), font(13)
    heads, subs, legends = wrap(title, head, content), wrap(subtitle, small, content), wrap(legend, small, content)
    counted = _rows_of_counts(counts, content)
    top = _MARGIN + 26 * len(heads) + 20 * (len(subs) + len(counted) + len(legends)) + _MARGIN
    rows = [fields[first : first + columns] for first in range(0, len(fields), columns)]
    # Only rows in which there is a mark need the line for it.
    heights = [high + (2 if any(field.mark for field in row) else 1) * _LINE + _GAP for row in rows]
    canvas = Image.new("RGB", (content + 2 * _MARGIN, top + sum(heights) - _GAP + _MARGIN), PAPER)
    draw = ImageDraw.Draw(canvas)

    y = _MARGIN
    for text in heads:
        draw.text((_MARGIN, y + 18), text, font=head, fill=INK, anchor="ls")
        y += 26
    for text in subs:
        draw.text((_MARGIN, y + 14), text, font=small, fill=INK, anchor="ls")
        y += 20
    for row_of_counts in counted:
        _draw_counts(draw, row_of_counts, y)
        y += 20
    for text in legends:
        draw.text((_MARGIN, y + 14), text, font=small, fill=FAINT, anchor="ls")
        y += 20

    upper = top
    for row, height in zip(rows, heights, strict=True):
        for column, field in enumerate(row):
            _draw_field(canvas, draw, field, (_MARGIN + column * (wide + _GAP), upper), (wide, high))
        upper += height
    return png_bytes(canvas)


def _rows_of_counts(counts: Sequence[tuple[Colour, str]], content: int) -> list[list[tuple[Colour, str]]]:
    """The counts in rows that fit into `content` pixels."""
    rows: list[list[tuple[Colour, str]]] = [[]]
    used = 0
    for colour, words in counts:
        takes = _width_of_count(words)
        if rows[-1] and used + takes > content:
            rows.append([])
            used = 0
        rows[-1].append((colour, words))
        used += takes
    return rows


def _width_of_count(words: str) -> int:
    return 18 + width(words, font(13, bold=True)) + 18


def _draw_counts(draw: ImageDraw.ImageDraw, row: list[tuple[Colour, str]], y: int) -> None:
    x = _MARGIN
    for colour, words in row:
        draw.rectangle((x, y + 3, x + 12, y + 15), fill=colour)
        draw.text((x + 18, y + 14), words, font=font(13, bold=True), fill=INK, anchor="ls")
        x += _width_of_count(words)


def _draw_field(
    canvas: Image.Image,
    draw: ImageDraw.ImageDraw,
    field: SheetField,
    corner: tuple[int, int],
    size: tuple[int, int],
) -> None:
    (left, upper), (wide, high) = corner, size
    if field.tile is None:
        canvas.paste(_hatch(field.mark, field.colour, size), corner)
    else:
        canvas.paste(field.tile, (left + (wide - field.tile.width) // 2, upper + (high - field.tile.height) // 2))
    lower = upper + high
    if field.mark is not None:
        # Outside the image, of which nothing is to be hidden.
        outer = (left - _FRAME, upper - _FRAME, left + wide - 1 + _FRAME, lower - 1)
        draw.rectangle(outer, outline=field.colour, width=_FRAME)
        draw.rectangle((left - _FRAME, lower, left + wide - 1 + _FRAME, lower + _LINE - 1), fill=field.colour)
        words = font(12, bold=True)
        draw.text((left + wide // 2, lower + 13), field.mark, font=words, fill=PAPER, anchor="ms")
        lower += _LINE
    bold, plain = font(12, bold=True), font(11)
    name = shorten(field.name, bold, wide)
    draw.text((left, lower + 13), name, font=bold, fill=INK, anchor="ls")
    figures = field.figures(wide - width(name, bold) - 6)
    draw.text((left + wide - 1, lower + 13), figures, font=plain, fill=FAINT, anchor="rs")


def _hatch(mark: str | None, colour: Colour, size: tuple[int, int]) -> Image.Image:
    """A field for what has no image: another pattern for each mark."""
    y, x = np.mgrid[: size[1], : size[0]]
    rising, falling = (x + y) % 14 < 2, (x - y) % 14 < 2
    patterns = {
        "unreached": (x % 10 < 3) & (y % 10 < 3),
        "silent": y % 10 < 2,
        "dead": rising | falling,
        "failed": (x + y) % 16 < 7,
        "left": x % 14 < 3,
    }
    pattern = patterns.get(mark or "", np.zeros_like(rising))
    ink, paper = np.array(colour), np.array(PAPER)
    pale = np.rint(paper + 0.35 * (ink - paper)).astype(np.uint8)
    return Image.fromarray(np.where(pattern[:, :, None], pale, np.uint8(245)).astype(np.uint8))
