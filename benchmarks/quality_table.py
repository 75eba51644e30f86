"""Ways of drawing a unit, side by side: as a table of means, and as a sheet of pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.unit_pictures import Drawn, Quality

if TYPE_CHECKING:
    from PIL import Image

    from lib.arrays import Doubles, Floats

STRONG = "strong"
"""What responses are held against."""
PHOTOGRAPH = "best photograph"

_MOST = 128  # px: the side of a picture on the sheet, enlarged to by a whole number
_GAP, _MARGIN, _MOST_LEFT = 8, 14, 240


@dataclass
class Shown:
    """What was drawn of the units of one layer, by the name of the way, in the order of the table."""

    layer: str
    units: list[int]
    drawn: dict[str, Drawn] = field(default_factory=dict)
    quality: dict[str, Quality] = field(default_factory=dict)

    def ratio(self, way: str) -> Doubles:
        """Each unit's response over strong's; NaN where strong finds none."""
        strong = self.quality[STRONG].response
        return np.divide(self.quality[way].response, strong, out=np.full(len(strong), np.nan), where=strong > 0)


def table(layers: list[Shown]) -> list[dict[str, float | str]]:
    """A row for each way: how many units respond to their pictures, and means over all units of these layers.

    What is kept of no response is nothing that could be averaged: where not all respond, means are over those that do.
    """
    rows: list[dict[str, float | str]] = []
    weights = [len(layer.units) for layer in layers]
    for way in layers[0].quality:
        qualities = [layer.quality[way] for layer in layers]
        rows.append(
            {
                "way": way,
                "respond": float(sum((each.response > 0).sum() for each in qualities)),
                "over strong": _mean([layer.ratio(way) for layer in layers]),
                **{f"kept {move}": _mean([each.kept[move] for each in qualities]) for move in qualities[0].kept},
                "fine": _mean([each.fine for each in qualities]),
                "colour": _mean([each.colour for each in qualities]),
                "s a unit": float(np.average([layer.drawn[way].seconds for layer in layers], weights=weights)),
                "image-steps": float(np.average([layer.drawn[way].image_steps for layer in layers], weights=weights)),
            }
        )
    return rows


def print_table(title: str, rows: list[dict[str, float | str]]) -> None:
    """The rows in columns; what there is none of is a dash."""
    heads = list(rows[0])
    written = [[_written(head, row[head]) for head in heads] for row in rows]
    widths = [max(len(line[at]) for line in [heads, *written]) for at in range(len(heads))]
    print(f"\n{title}")
    for line in [heads, *written]:
        print(line[0].ljust(widths[0]), *(cell.rjust(wide) for cell, wide in zip(line[1:], widths[1:], strict=True)))


def write_sheet(file: Path, layers: list[Shown], *, title: str, subtitle: str) -> None:
    """Rows are units, columns are ways; under each picture its response over strong's, and what of it is kept."""
    from PIL import Image, ImageDraw

    from lib.draw.lettering import font, shorten, width, wrap
    from lib.draw.paper import FAINT, INK, PAPER, png_bytes

    ways = list(layers[0].drawn)
    small, plain, bold = font(11), font(13), font(18, bold=True)
    names = min(max(width(layer.layer, plain) for layer in layers), _MOST_LEFT) + 2 * _GAP
    rows, columns = layers[0].drawn[ways[0]].images.shape[1:3]
    times = max(1, _MOST // max(rows, columns))
    high, wide = times * rows, max(times * columns, _MOST)
    content = names + len(ways) * (wide + _GAP) - _GAP
    legend = (
        "Under each picture: its response over that of strong; then the shares of its own response that are kept under "
        "shifts of 2 px, turns of 4 degrees and blur of 1 px."
    )
    lines = [(text, bold, 26) for text in wrap(title, bold, content)]
    lines += [(text, plain, 20) for part in (subtitle, legend) for text in wrap(part, plain, content)]
    top = _MARGIN + sum(step for *_, step in lines) + _MARGIN
    row_high = high + 2 * 16 + _GAP
    units = sum(len(layer.units) for layer in layers)
    canvas = Image.new("RGB", (content + 2 * _MARGIN, top + 24 + units * row_high + _MARGIN), PAPER)
    draw = ImageDraw.Draw(canvas)
    y = _MARGIN
    for text, face, step in lines:
        draw.text((_MARGIN, y + step - 6), text, font=face, fill=INK, anchor="ls")
        y += step
    lefts = [_MARGIN + names + at * (wide + _GAP) for at in range(len(ways))]
    for way, left in zip(ways, lefts, strict=True):
        draw.text((left, top + 14), shorten(way, plain, wide), font=plain, fill=INK, anchor="ls")
    y = top + 24
    for layer in layers:
        for row, unit in enumerate(layer.units):
            draw.text((_MARGIN, y + 14), shorten(layer.layer, plain, _MOST_LEFT), font=plain, fill=INK, anchor="ls")
            draw.text((_MARGIN, y + 32), f"/{unit}", font=plain, fill=INK, anchor="ls")
            for way, left in zip(ways, lefts, strict=True):
                canvas.paste(_tile(layer.drawn[way].images[row], times), (left, y))
                kept = [share[row] for share in layer.quality[way].kept.values()]
                draw.text((left, y + high + 13), _response(layer, way, row), font=small, fill=INK, anchor="ls")
                shares = "kept " + "  ".join(_number(share) for share in kept)
                draw.text((left, y + high + 28), shares, font=small, fill=FAINT, anchor="ls")
            y += row_high
    file.write_bytes(png_bytes(canvas))


def _response(layer: Shown, way: str, row: int) -> str:
    if not layer.quality[way].response[row] > 0:
        return "no response"
    ratio = layer.ratio(way)[row]
    return f"{ratio:.2f} of strong" if np.isfinite(ratio) else "strong: no response"


def _tile(image: Floats, times: int) -> Image.Image:
    from PIL import Image

    from lib.pictures.network_input import as_bytes

    tones = as_bytes(image if image.shape[-1] == 3 else image[..., :1].repeat(3, axis=-1))
    return Image.fromarray(tones.repeat(times, axis=0).repeat(times, axis=1))


def _mean(parts: list[Doubles]) -> float:
    values = np.concatenate(parts)
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else float("nan")


def _written(head: str, value: float | str) -> str:
    if isinstance(value, str):
        return value
    if not np.isfinite(value):
        return "-"
    return (
        f"{value:.0f}"
        if head in ("image-steps", "respond")
        else f"{value:.1f}"
        if head == "s a unit"
        else f"{value:.2f}"
    )


def _number(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "-"
