"""The contact sheet of a layer: one cell for every unit, whatever became of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from lib.errors import BadInput
from lib.lettering import font, number, shorten, width, wrap
from lib.pictures import (
    FAINT,
    INK,
    PAPER,
    VERDICT_COLOURS,
    Floats,
    enlarged,
    png_bytes,
    to_uint8,
    tone_window,
    verdict_colour,
)

_SIDE = 128  # px: the longest side of a cell's image, enlarged or averaged down by a whole number
_LEAST_SIDE = 104  # px: so that index, response and ratio stand in one line under the image
_GAP = 8
_MARGIN = 14
_LINE = 18
_LEAST_WIDTH = 560  # px: so that a layer of one unit still has a legible title
_FRAME = 3


@dataclass(frozen=True)
class Cell:
    """One unit on the sheet.

    `image` is its best OIP, float [H, W, C], or None where there is none. `response` is that OIP's, `response_ratio`
    the same over the best exemplar's.
    """

    index: int
    image: Floats | None
    verdict: str
    response: float | None = None
    response_ratio: float | None = None

    def __post_init__(self) -> None:
        verdict_colour(self.verdict)  # raises BadInput for a word that is no verdict


def contact_sheet(
    cells: Sequence[Cell],
    *,
    title: str,
    subtitle: str,
    columns: int = 8,
    bounds: tuple[float, float] | None = None,
) -> bytes:
    """All `cells` in their order, `columns` a row, as PNG.

    Above them stand `title` (the layer), `subtitle` (model, data set) and how many units have which verdict. Under each
    image stand its unit's index, response and response ratio. A unit that did not respond has its verdict as a word in
    a bar, a frame round its OIP, and a hatched field where it has none: each verdict with its own hatching, so that the
    sheet can be read without colours. Each OIP has its own `tone_window`, with `bounds` as there.
    """
    if not cells:
        raise BadInput("a contact sheet wants at least one cell")
    if columns < 1:
        raise BadInput(f"a contact sheet wants at least one column, not {columns}")
    tiles = [None if cell.image is None else _tile(cell.image, bounds) for cell in cells]
    wide = max([_LEAST_SIDE, *(tile.width for tile in tiles if tile)])
    high = max((tile.height for tile in tiles if tile), default=_LEAST_SIDE)
    high = max(high, _LEAST_SIDE // 2)
    columns_used = min(columns, len(cells))
    content = max(columns_used * (wide + _GAP) - _GAP, _LEAST_WIDTH)

    head, small = font(18, bold=True), font(13)
    heads, subs, legend = (
        wrap(title, head, content),
        wrap(subtitle, small, content),
        wrap(_legend(cells), small, content),
    )
    counts = _rows_of_counts(cells, content)
    top = _MARGIN + 26 * len(heads) + 20 * (len(subs) + len(counts) + len(legend)) + _MARGIN
    rows = [cells[first : first + columns] for first in range(0, len(cells), columns)]
    # Only rows in which a verdict is to be told need the line for it.
    heights = [high + (1 if all(cell.verdict == "responded" for cell in row) else 2) * _LINE + _GAP for row in rows]
    canvas = Image.new("RGB", (content + 2 * _MARGIN, top + sum(heights) - _GAP + _MARGIN), PAPER)
    draw = ImageDraw.Draw(canvas)

    y = _MARGIN
    for text in heads:
        draw.text((_MARGIN, y + 18), text, font=head, fill=INK, anchor="ls")
        y += 26
    for text in subs:
        draw.text((_MARGIN, y + 14), text, font=small, fill=INK, anchor="ls")
        y += 20
    for row_of_counts in counts:
        _draw_counts(draw, row_of_counts, y)
        y += 20
    for text in legend:
        draw.text((_MARGIN, y + 14), text, font=small, fill=FAINT, anchor="ls")
        y += 20

    upper, waiting = top, iter(tiles)
    for row, height in zip(rows, heights, strict=True):
        for column, cell in enumerate(row):
            corner = (_MARGIN + column * (wide + _GAP), upper)
            _draw_cell(canvas, draw, cell, next(waiting), corner, (wide, high))
        upper += height
    return png_bytes(canvas)


def _legend(cells: Sequence[Cell]) -> str:
    if any(cell.response_ratio is not None for cell in cells):
        return "Under each OIP: the unit, its response, and × the response ratio to the best exemplar."
    return "Under each OIP: the unit and its response."


def _tile(image: Floats, bounds: tuple[float, float] | None) -> Image.Image:
    values = np.asarray(image, dtype=np.float64)
    if values.ndim != 3 or 0 in values.shape:
        raise BadInput(f"an image has the shape [height, width, channels], none of them 0; this one has {values.shape}")
    longest = max(values.shape[:2])
    if longest > _SIDE:
        values = _averaged(values, -(-longest // _SIDE))
    return enlarged(to_uint8(values, tone_window(values, bounds)), max(1, _SIDE // longest))


def _averaged(image: Floats, block: int) -> Floats:
    """[H, W, C] with every `block` by `block` pixels as their mean; the last ones with what is there.

    Before the tones are chosen, not after: fine structure that averages out would leave a flat grey.
    """
    height, wide, channels = image.shape
    padding = ((0, -height % block), (0, -wide % block), (0, 0))
    padded = np.pad(image, padding, mode="edge")
    shape = (padded.shape[0] // block, block, padded.shape[1] // block, block, channels)
    with np.errstate(invalid="ignore", over="ignore"):  # an infinite pixel makes its block NaN or infinite: marked
        return np.asarray(padded.reshape(shape).mean(axis=(1, 3)))


def _rows_of_counts(cells: Sequence[Cell], content: int) -> list[list[tuple[str, str]]]:
    """(verdict, words) of every verdict that occurs, in rows that fit into `content` pixels."""
    found = Counter(cell.verdict for cell in cells)
    rows: list[list[tuple[str, str]]] = [[]]
    used = 0
    for verdict in VERDICT_COLOURS:
        if not found[verdict]:
            continue
        words = f"{found[verdict]} {verdict}"
        takes = _width_of_count(words)
        if rows[-1] and used + takes > content:
            rows.append([])
            used = 0
        rows[-1].append((verdict, words))
        used += takes
    return rows


def _width_of_count(words: str) -> int:
    return 18 + width(words, font(13, bold=True)) + 18


def _draw_counts(draw: ImageDraw.ImageDraw, row: list[tuple[str, str]], y: int) -> None:
    x = _MARGIN
    for verdict, words in row:
        draw.rectangle((x, y + 3, x + 12, y + 15), fill=verdict_colour(verdict))
        draw.text((x + 18, y + 14), words, font=font(13, bold=True), fill=INK, anchor="ls")
        x += _width_of_count(words)


def _draw_cell(
    canvas: Image.Image,
    draw: ImageDraw.ImageDraw,
    cell: Cell,
    tile: Image.Image | None,
    corner: tuple[int, int],
    size: tuple[int, int],
) -> None:
    (left, upper), (wide, high) = corner, size
    colour = verdict_colour(cell.verdict)
    if tile is None:
        canvas.paste(_hatched(cell.verdict, size), corner)
    else:
        canvas.paste(tile, (left + (wide - tile.width) // 2, upper + (high - tile.height) // 2))
    lower = upper + high
    if cell.verdict != "responded":
        # Outside the image, of which nothing is to be hidden.
        outer = (left - _FRAME, upper - _FRAME, left + wide - 1 + _FRAME, lower - 1)
        draw.rectangle(outer, outline=colour, width=_FRAME)
        draw.rectangle((left - _FRAME, lower, left + wide - 1 + _FRAME, lower + _LINE - 1), fill=colour)
        words = font(12, bold=True)
        draw.text((left + wide // 2, lower + 13), cell.verdict, font=words, fill=PAPER, anchor="ms")
        lower += _LINE
    bold, plain = font(12, bold=True), font(11)
    index = shorten(str(cell.index), bold, wide)
    draw.text((left, lower + 13), index, font=bold, fill=INK, anchor="ls")
    room = wide - width(index, bold) - 6
    draw.text((left + wide - 1, lower + 13), _figures(cell, room), font=plain, fill=FAINT, anchor="rs")


def _figures(cell: Cell, room: int) -> str:
    """Response and ratio, in as many digits as fit: a number is rounded more, or left out, but never cut."""
    ratio = f"×{number(cell.response_ratio)}" if cell.response_ratio is not None else ""
    for digits in (3, 2, 1):
        text = f"{number(cell.response, digits)} {ratio}".strip()
        if width(text, font(11)) <= room:
            return text
    return shorten(number(cell.response, 2), font(11), room)


def _hatched(verdict: str, size: tuple[int, int]) -> Image.Image:
    """A field for a unit without an image: another pattern for each verdict."""
    y, x = np.mgrid[: size[1], : size[0]]
    rising, falling = (x + y) % 14 < 2, (x - y) % 14 < 2
    patterns = {
        "responded": np.zeros_like(rising),
        "unreached": (x % 10 < 3) & (y % 10 < 3),
        "silent": y % 10 < 2,
        "dead": rising | falling,
        "failed": (x + y) % 16 < 7,
        "left": x % 14 < 3,
    }
    colour, paper = np.array(verdict_colour(verdict)), np.array(PAPER)
    pale = np.rint(paper + 0.35 * (colour - paper)).astype(np.uint8)
    return Image.fromarray(np.where(patterns[verdict][:, :, None], pale, np.uint8(245)).astype(np.uint8))
