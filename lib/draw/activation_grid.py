"""The activations of a layer as a picture: one grid of all its maps or nodes an image, several images on one scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from lib.arrays import Array, Bytes, Reals
from lib.draw.activation_marks import MARK_COLOURS, MARK_WORDS, Kind, Marks, circle, kinds_of, patterns_of
from lib.draw.activation_tones import BLOGS_CLIP, Scale, as_maps, colours_of, scale_of, standardise_maps, tiles
from lib.draw.lettering import font, number, shorten, width, wrap
from lib.draw.paper import FAINT, INK, PAPER, png_bytes
from lib.errors import BadInput

_CELL = 40  # px: about the longest side of a map; small ones are enlarged to it, by a whole number
_LARGEST = 64  # px: larger maps are averaged down to this
_GAP = 6
_NUMBER = 15  # px below each map, for its unit's number
_BETWEEN = 30  # px between the grids of two images
_MARGIN = 16
_THUMB = 56
_LEAST_WIDTH = 620
_SCREEN = 2500
_MANY = 512  # units: from here on the rows of a grid are longer


@dataclass(frozen=True)
class GridGroup:
    """Images that belong together: a heading, and how many of them."""

    heading: str
    images: int


def activation_grid(
    values: Sequence[Reals],
    *,
    layer: str,
    titles: Sequence[str],
    subtitle: str = "",
    images: Sequence[Array] | None = None,
    groups: Sequence[GridGroup] | None = None,
    per_row: int | None = None,
    standardise: bool = False,
    clip: tuple[float, float] | None = None,
    colours: str = "viridis",
    marks: Sequence[Marks | None] | None = None,
) -> bytes:
    """All units of one layer for each of some images, as PNG: side by side, top-down, on one scale of colours.

    Args:
        values: an image's activations each: [h, w, units] for maps, [units] for nodes, of which each is one cell.
        titles: one an image, above its grid.
        images: the images themselves [H, W, C], shown small beside their titles.
        groups: each begins a new row; together they have all images. None: rows of up to four.
        per_row: maps a row; None for 8, or more (16, 32, ...) where a layer has more than 512.
        standardise: each map to zero mean and unit variance first, as the blog can (`lib.draw.activation_tones`).
        clip: the values at both ends of the scale; None for -2 and 2 if standardised, otherwise for all there are.
        colours: the name of any colour map of matplotlib.
        marks: what to encircle, one an image.

    Raises:
        BadInput: no image, unequal shapes or numbers of things, unknown colours.
    """
    maps: Sequence[Reals] = [as_maps(part) for part in values]
    _check(maps, values, titles, images, groups, marks)
    table = colours_of(colours)
    if standardise:
        maps = [standardise_maps(part) for part in maps]
        clip = clip or BLOGS_CLIP
    scale = scale_of(maps, clip)
    grid = _Grid.of(maps[0].shape, per_row)
    rows = [group.images for group in groups] if groups else _rows_of(len(maps), grid)
    head = _Head(layer, subtitle, scale, table, _unit_of(grid.shape, standardise), kinds_of(marks))
    wide = max(max(rows) * (grid.wide + _BETWEEN) - _BETWEEN, _LEAST_WIDTH)
    captions = [_Caption(title, None if images is None else images[at], grid.wide) for at, title in enumerate(titles)]
    caption_height = max(caption.height for caption in captions)
    row_height = caption_height + grid.high + _BETWEEN
    heading = 34 if groups else 0
    top = _MARGIN + head.height(wide)
    bottom = top + len(rows) * (row_height + heading) - _BETWEEN
    canvas = Image.new("RGB", (wide + 2 * _MARGIN, bottom + _MARGIN), PAPER)
    draw = ImageDraw.Draw(canvas)
    head.draw(canvas, draw, wide)
    at = 0
    for row, count in enumerate(rows):
        upper = top + row * (row_height + heading)
        if groups:
            _draw_heading(draw, groups[row].heading, upper, wide)
        for column in range(count):
            left, below = _MARGIN + column * (grid.wide + _BETWEEN), upper + heading
            captions[at].draw(canvas, draw, (left, below))
            drawn = grid.draw_maps(maps[at], scale, table, marks[at] if marks else None)
            canvas.paste(drawn, (left - _GAP, below + caption_height))
            at += 1
    return png_bytes(canvas)


@dataclass(frozen=True)
class _Grid:
    """Where the cells of one image lie."""

    shape: tuple[int, int, int]
    per_row: int
    factor: int
    block: int

    @staticmethod
    def of(shape: tuple[int, ...], per_row: int | None) -> "_Grid":
        high, wide, units = shape
        longest = max(high, wide)
        block = -(-longest // _LARGEST)
        if per_row is None:
            per_row = 8
            while units > per_row * _MANY // 8:
                per_row *= 2
        if per_row < 1:
            raise BadInput(f"a grid needs at least one map per row, not {per_row}")
        return _Grid((high, wide, units), min(per_row, units), max(1, round(_CELL / longest)), block)

    @property
    def cell(self) -> tuple[int, int]:
        """Width and height of the picture of a map."""
        high, wide, _ = self.shape
        return -(-wide // self.block) * self.factor, -(-high // self.block) * self.factor

    @property
    def pitch(self) -> tuple[int, int]:
        """From one map to the next."""
        wide, high = self.cell
        room = width(str(self.shape[2] - 1), font(10))  # a long thin map still has room for its number
        return max(wide, room) + _GAP, high + _NUMBER + 3

    @property
    def wide(self) -> int:
        return self.per_row * self.pitch[0] - _GAP

    @property
    def high(self) -> int:
        return -(-self.shape[2] // self.per_row) * self.pitch[1]

    def corner(self, unit: int) -> tuple[int, int]:
        """The upper left corner of a map, within a picture that has a gap all round for circles."""
        row, column = divmod(unit, self.per_row)
        return _GAP + column * self.pitch[0], _GAP + row * self.pitch[1]

    def draw_maps(self, maps: Reals, scale: Scale, table: Bytes, marks: Marks | None) -> Image.Image:
        picture = np.array(_numbers(self))
        wide, high = self.cell
        for unit, tile in enumerate(tiles(maps, scale, table, factor=self.factor, block=self.block)):
            left, upper = self.corner(unit)
            picture[upper : upper + high, left : left + wide] = tile
        drawn = Image.fromarray(picture)
        for kind, pattern in patterns_of(marks):
            stamp = circle(MARK_COLOURS[kind], self._radius())
            for row, column, unit in np.argwhere(as_maps(pattern)).tolist():
                left, upper = self.corner(unit)
                x, y = (left + self._middle(column), upper + self._middle(row))
                drawn.paste(stamp, (x - stamp.width // 2, y - stamp.height // 2), stamp)
        return drawn

    def _middle(self, position: int) -> int:
        return int((position + 0.5) * self.factor / self.block)

    def _radius(self) -> int:
        return min(16, max(7, round(0.62 * self.factor)))


def _rows_of(count: int, grid: _Grid) -> list[int]:
    """How many images stand in each row: four, or as many as a wide screen holds."""
    most = max(1, min(4, _SCREEN // (grid.wide + _BETWEEN)))
    return [min(most, count - first) for first in range(0, count, most)]


@lru_cache(maxsize=4)
def _numbers(grid: _Grid) -> Image.Image:
    """The paper of a grid: the number of each unit below where its map comes."""
    canvas = Image.new("RGB", (grid.wide + 2 * _GAP, grid.high + 2 * _GAP), PAPER)
    draw = ImageDraw.Draw(canvas)
    wide, high = grid.cell
    for unit in range(grid.shape[2]):
        left, upper = grid.corner(unit)
        draw.text((left + wide // 2, upper + high + 11), str(unit), font=font(10), fill=FAINT, anchor="ms")
    return canvas


def _unit_of(shape: tuple[int, int, int], standardise: bool) -> str:
    """What the numbers of the scale are."""
    if not standardise:
        return "activation"
    return f"standard deviations from the mean of the {'map' if shape[0] * shape[1] > 1 else 'layer'}"


@dataclass(frozen=True, eq=False)
class _Head:
    """The name of the layer, the scale of colours, and what the circles mean."""

    layer: str
    subtitle: str
    scale: Scale
    table: Bytes
    unit: str
    kinds: list[Kind]

    def height(self, room: int) -> int:
        return 30 + 18 * len(wrap(self.subtitle, font(13), room)) + 46 + 22 * len(self.kinds) + 10

    def draw(self, canvas: Image.Image, draw: ImageDraw.ImageDraw, room: int) -> None:
        name = font(20, bold=True)
        draw.text((_MARGIN, _MARGIN + 18), shorten(self.layer, name, room), font=name, fill=INK, anchor="ls")
        y = _MARGIN + 30
        for line in wrap(self.subtitle, font(13), room):
            draw.text((_MARGIN, y + 12), line, font=font(13), fill=FAINT, anchor="ls")
            y += 18
        long, small = 256, font(12)
        bar = np.broadcast_to(self.table[None, :: len(self.table) // long], (12, long, 3))
        canvas.paste(Image.fromarray(np.ascontiguousarray(bar)), (_MARGIN, y + 6))
        middle = (self.scale.low + self.scale.high) / 2
        for share, value, anchor in ((0, self.scale.low, "ls"), (0.5, middle, "ms"), (1, self.scale.high, "rs")):
            draw.text((_MARGIN + share * long, y + 32), number(value), font=small, fill=INK, anchor=anchor)
        words = shorten(self.unit, small, room - long - 12)
        draw.text((_MARGIN + long + 12, y + 16), words, font=small, fill=FAINT, anchor="ls")
        y += 46
        for kind in self.kinds:
            stamp = circle(MARK_COLOURS[kind], 7)
            canvas.paste(stamp, (_MARGIN, y), stamp)
            words = shorten(MARK_WORDS[kind], font(13), room - 30)
            draw.text((_MARGIN + 28, y + 15), words, font=font(13), fill=INK, anchor="ls")
            y += 22


class _Caption:
    """The title of an image, beside the image itself."""

    def __init__(self, title: str, image: Array | None, room: int) -> None:
        self._thumb = None if image is None else _thumbnail(image)
        self._indent = 0 if self._thumb is None else _THUMB + 10
        self._lines = wrap(title, font(13, bold=True), max(40, room - self._indent))
        self.height = max(0 if self._thumb is None else _THUMB, 17 * len(self._lines)) + 8

    def draw(self, canvas: Image.Image, draw: ImageDraw.ImageDraw, corner: tuple[int, int]) -> None:
        left, upper = corner
        if self._thumb is not None:
            canvas.paste(self._thumb, (left, upper))
        for place, line in enumerate(self._lines):
            at = (left + self._indent, upper + 13 + 17 * place)
            draw.text(at, line, font=font(13, bold=True), fill=INK, anchor="ls")


def _thumbnail(image: Array) -> Image.Image:
    """An image [H, W, C] as it is, in greys or colours, within a square."""
    pixels = np.asarray(image, np.float64)
    if pixels.ndim != 3 or 0 in pixels.shape:
        raise BadInput(f"an image has the shape [height, width, channels], none of them 0; this one has {pixels.shape}")
    low, high = float(pixels.min()), float(pixels.max())
    tones = np.rint(255 * (pixels - low) / (high - low or 1.0)).astype(np.uint8)
    rgb = tones[:, :, :3] if tones.shape[2] >= 3 else tones[:, :, :1].repeat(3, axis=2)
    picture = Image.fromarray(np.ascontiguousarray(rgb))
    share = _THUMB / max(picture.size)
    size = (max(1, round(picture.width * share)), max(1, round(picture.height * share)))
    return picture.resize(size, Image.Resampling.NEAREST if share >= 1 else Image.Resampling.BOX)


def _draw_heading(draw: ImageDraw.ImageDraw, heading: str, upper: int, room: int) -> None:
    draw.line((_MARGIN, upper, _MARGIN + room, upper), fill=(215, 215, 215))
    words = font(15, bold=True)
    draw.text((_MARGIN, upper + 22), shorten(heading, words, room), font=words, fill=INK, anchor="ls")


def _check(
    maps: Sequence[Reals],
    values: Sequence[Reals],
    titles: Sequence[str],
    images: Sequence[Array] | None,
    groups: Sequence[GridGroup] | None,
    marks: Sequence[Marks | None] | None,
) -> None:
    if not maps:
        raise BadInput("a grid of activations needs at least one image")
    if any(part.shape != maps[0].shape for part in maps):
        raise BadInput(f"the images are of different layers: {', '.join(str(np.shape(part)) for part in values)}")
    for what, some in (("titles", titles), ("images", images), ("marks", marks)):
        if some is not None and len(some) != len(maps):
            raise BadInput(f"there are {len(maps)} images of activations and {len(some)} {what}")
    if groups is not None and sum(group.images for group in groups) != len(maps):
        raise BadInput(f"the groups have {sum(group.images for group in groups)} images, and there are {len(maps)}")
    for part in marks or ():
        for _, pattern in patterns_of(part):
            if pattern.shape != np.shape(values[0]):
                raise BadInput(f"marks of {pattern.shape} do not suit activations of {np.shape(values[0])}")
