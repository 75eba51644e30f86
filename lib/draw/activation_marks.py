"""Circles in a grid of activations: which positions the images of a class have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from PIL import Image, ImageDraw

from lib.arrays import Bools

Kind = Literal["own", "both", "other"]

MARK_COLOURS: dict[Kind, tuple[int, int, int]] = {"own": (230, 30, 40), "both": (255, 214, 0), "other": (40, 200, 255)}
MARK_WORDS: dict[Kind, str] = {
    "own": "active in all images of its class and in none of the other",
    "both": "active in all images of both classes",
    "other": "active here, and in all images of the other class alone",
}


@dataclass(frozen=True, eq=False)
class Marks:
    """What is marked in the grid of one image, bool [..., units] as its activations are; None: nothing.

    A red circle marks what only the images of its class have in common (`own`), a yellow one what those of both
    classes have (`both`), and a blue one what only those of the other class have (`other`).
    """

    own: Bools | None = None
    both: Bools | None = None
    other: Bools | None = None


@lru_cache(maxsize=16)
def circle(colour: tuple[int, int, int], radius: int) -> Image.Image:
    """A ring with a dark edge on both sides, so that it is seen on any colour; RGBA."""
    fine = 4
    side = 2 * (radius + 3)
    ring = Image.new("RGBA", (side * fine, side * fine), (0, 0, 0, 0))
    draw = ImageDraw.Draw(ring)
    middle = side * fine / 2
    for reach, ink, thick in ((radius + 2, (0, 0, 0, 190), 4), (radius + 1, (*colour, 255), 2)):
        far = reach * fine
        draw.ellipse((middle - far, middle - far, middle + far, middle + far), outline=ink, width=thick * fine)
    return ring.resize((side, side), Image.Resampling.LANCZOS)


def patterns_of(marks: Marks | None) -> list[tuple[Kind, Bools]]:
    """What there is to mark, in the order in which it is drawn: what lies on top last."""
    if marks is None:
        return []
    found: list[tuple[Kind, Bools | None]] = [("both", marks.both), ("other", marks.other), ("own", marks.own)]
    return [(kind, pattern) for kind, pattern in found if pattern is not None]


def kinds_of(marks: Sequence[Marks | None] | None) -> list[Kind]:
    """Which kinds of marks there are, for the legend."""
    there = {kind for part in marks or () for kind, pattern in patterns_of(part) if pattern.any()}
    return [kind for kind in MARK_COLOURS if kind in there]
