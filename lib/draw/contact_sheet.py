"""The contact sheet of a layer: one cell for every unit, whatever became of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image

from lib.arrays import Reals
from lib.draw.lettering import font, number, shorten, width
from lib.draw.sheet import SheetField, sheet
from lib.draw.tones import average_blocks, enlarge, to_uint8, tone_window
from lib.errors import BadInput
from lib.verdict_colours import VERDICTS, verdict_colour

_SIDE = 128  # px: the longest side of a cell's image, enlarged or averaged down by a whole number


@dataclass(frozen=True)
class SheetCell:
    """One unit on the sheet.

    `image` is its best OIP, float [H, W, C], or None where there is none. `response` is that OIP's, `response_ratio`
    the same over the best exemplar's.
    """

    index: int
    image: Reals | None
    verdict: str
    response: float | None = None
    response_ratio: float | None = None

    def __post_init__(self) -> None:
        verdict_colour(self.verdict)  # raises BadInput for a word that is no verdict


def contact_sheet(
    cells: Sequence[SheetCell],
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
    found = Counter(cell.verdict for cell in cells)
    return sheet(
        [_field(cell, bounds) for cell in cells],
        title=title,
        subtitle=subtitle,
        counts=[(verdict_colour(name), f"{found[name]} {name}") for name in VERDICTS if found[name]],
        legend=_legend(cells),
        columns=columns,
    )


def _field(cell: SheetCell, bounds: tuple[float, float] | None) -> SheetField:
    tile = None if cell.image is None else _tile(cell.image, bounds)
    mark = None if cell.verdict == "responded" else cell.verdict
    return SheetField(str(cell.index), partial(_figures, cell), tile, verdict_colour(cell.verdict), mark)


def _legend(cells: Sequence[SheetCell]) -> str:
    if any(cell.response_ratio is not None for cell in cells):
        return "Under each OIP: the unit, its response, and × the response ratio to the best exemplar."
    return "Under each OIP: the unit and its response."


def _tile(image: Reals, bounds: tuple[float, float] | None) -> Image.Image:
    values: Reals = np.asarray(image, dtype=np.float64)
    if values.ndim != 3 or 0 in values.shape:
        raise BadInput(f"an image has the shape [height, width, channels], none of them 0; this one has {values.shape}")
    longest = max(values.shape[:2])
    if longest > _SIDE:
        values = average_blocks(values, -(-longest // _SIDE))
    return enlarge(to_uint8(values, tone_window(values, bounds)), max(1, _SIDE // longest))


def _figures(cell: SheetCell, room: int) -> str:
    """Response and ratio, in as many digits as fit: a number is rounded more, or left out, but never cut."""
    ratio = f"×{number(cell.response_ratio)}" if cell.response_ratio is not None else ""
    for digits in (3, 2, 1):
        text = f"{number(cell.response, digits)} {ratio}".strip()
        if width(text, font(11)) <= room:
            return text
    return shorten(number(cell.response, 2), font(11), room)
