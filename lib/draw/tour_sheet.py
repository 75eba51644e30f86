"""The sheet of a map tour: one picture, dreamed once by every map of a layer."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from PIL import Image

from lib.arrays import Bytes, Pixels
from lib.draw.lettering import font, number, shorten, width
from lib.draw.sheet import SheetField, sheet
from lib.errors import BadInput
from lib.pictures.colours import white
from lib.verdict_colours import verdict_colour

Outcome = Literal["dreamed", "failed", "left"]

_COLOURS: dict[Outcome, tuple[int, int, int]] = {
    "dreamed": verdict_colour("responded"),
    "failed": verdict_colour("failed"),
    "left": verdict_colour("left"),
}
_SIDE = 192  # px: the longest side of a cell's picture


@dataclass(frozen=True)
class TourCell:
    """One map on the sheet.

    `image` is what it dreamed, uint8 or uint16 [H, W, 1 or 3], or None where it failed or was left. `gain` is by how
    much the objective rose.
    """

    index: int
    image: Pixels | None
    outcome: Outcome = "dreamed"
    gain: float | None = None

    def __post_init__(self) -> None:
        if (self.image is None) == (self.outcome == "dreamed"):
            raise BadInput(f"map {self.index} is said to be {self.outcome}, with {self.image is not None:d} pictures")


def tour_sheet(cells: Sequence[TourCell], *, title: str, subtitle: str, columns: int = 8) -> bytes:
    """All `cells` in their order, `columns` a row, as PNG.

    Above them stand `title` (the layer), `subtitle` (picture, model) and what became of how many maps. Under each
    dream stand its map's index and how much the objective rose; a map that failed or was left has a hatched field with
    that word.
    """
    found = Counter(cell.outcome for cell in cells)
    return sheet(
        [_field(cell) for cell in cells],
        title=title,
        subtitle=subtitle,
        counts=[(colour, f"{found[name]} {name}") for name, colour in _COLOURS.items() if found[name]],
        legend="Under each dream: the map, and by how much the objective rose.",
        columns=columns,
    )


def _field(cell: TourCell) -> SheetField:
    tile = None if cell.image is None else _tile(cell.image)
    mark = None if cell.outcome == "dreamed" else cell.outcome
    return SheetField(str(cell.index), partial(_gain, cell.gain), tile, _COLOURS[cell.outcome], mark)


def _tile(image: Pixels) -> Image.Image:
    tones: Bytes = np.rint(image * (255 / white(image))).astype(np.uint8)
    picture = Image.fromarray(np.broadcast_to(tones, (*tones.shape[:2], 3)).copy())
    share = _SIDE / max(picture.size)
    size = max(1, round(picture.width * share)), max(1, round(picture.height * share))
    return picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)


def _gain(gain: float | None, room: int) -> str:
    """In as many digits as fit."""
    sign = "+" if gain is not None and gain >= 0 else ""
    texts = [f"{sign}{number(gain, digits)}" for digits in (3, 2, 1)]
    return next((text for text in texts if width(text, font(11)) <= room), shorten(texts[-1], font(11), room))
