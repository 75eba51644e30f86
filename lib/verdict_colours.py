"""The colours of what came of a unit, said once: for drawn pictures, for the gallery's pages, for terminals."""

from collections.abc import Mapping
from dataclasses import dataclass

from lib.errors import BadInput

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class VerdictColour:
    """The colours of one verdict.

    `light` and `dark` stand on a light and on a dark page, both dark enough for white words on them; pictures are drawn
    with `light`. `terminal` is one of the colours that every terminal has its own of.
    """

    light: Colour
    dark: Colour
    terminal: str = "default"


def _same(*light: int, terminal: str = "default") -> VerdictColour:
    red, green, blue = light
    return VerdictColour((red, green, blue), (red, green, blue), terminal)


VERDICTS: Mapping[str, VerdictColour] = {
    "responded": _same(0, 114, 90, terminal="green"),
    "unreached": _same(176, 96, 0, terminal="yellow"),
    "silent": _same(70, 90, 125),
    "dead": VerdictColour((40, 40, 40), (74, 74, 74)),
    "failed": _same(190, 20, 40, terminal="red"),
    "left": _same(115, 115, 115),
}
"""In the order in which they are told everywhere: the verdicts, then what failed, and what is left to do."""


def verdict_colour(verdict: str) -> Colour:
    """The colour in pictures of a verdict, or of `failed`, or of `left`: not yet made when the time was over."""
    if verdict not in VERDICTS:
        raise BadInput(f"verdict {verdict!r} is none of {', '.join(VERDICTS)}")
    return VERDICTS[verdict].light
