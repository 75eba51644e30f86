"""In which passes a network comes to OIPs of a quality: drafts of all units first, and then better ones.

A draft is the cheapest search of a style: it gives every unit of a large network a picture before any has a good one.
"""

from dataclasses import replace

from lib.oips.constraint import ConstraintName
from lib.oips.growth import QUALITIES, Growth, QualityName
from lib.oips.settings import GrowthSettings
from lib.oips.style import STYLES


def passes_to(
    quality: QualityName,
    settings: GrowthSettings,
    style: str,
    *,
    constraint: ConstraintName = "box",
    margin: bool = False,
    small: bool = False,
) -> tuple[Growth, ...]:
    """The growths of all passes, the cheapest first; the last one is of the quality that is asked for.

    A pass that would be no cheaper than the one behind it is left out. Small grey images (`small`) have no drafts on
    the way: what they have in full is made in minutes.

    Raises:
        BadInput: a name that is none of `STYLES`.
    """
    standard = settings.in_style(style, constraint=constraint, margin=margin)
    found = {
        "draft": draft_of(standard),
        "standard": standard,
        "best": settings.in_style(style, constraint=constraint, margin=margin, quality="best"),
    }
    wanted = QUALITIES[: QUALITIES.index(quality) + 1]
    passes: list[Growth] = []
    for name in wanted:
        if name == quality or not (name == "draft" and small):
            passes = [one for one in passes if one != found[name]] + [found[name]]
    return tuple(passes)


def draft_of(growth: Growth) -> Growth:
    """The draft of what a growth makes; the growth itself where a draft would be no cheaper."""
    draft = replace(
        growth,
        quality="draft",
        **{name: min(most, getattr(growth, name)) for name, most in STYLES[growth.style].draft.items()},
    )
    return draft if draft.starts * draft.steps < growth.starts * growth.steps else growth
