"""What an OIP is made of and how it is grown, under one name: a style.

Which styles there are: each is a file of `lib/oips/styles/` that declares a `STYLE`. A style brings a parameterisation
(what the ascent moves) and its own defaults, which hold where nobody said otherwise.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lib.oips.canvas import Canvas
from lib.oips.constraint import Constraint
from lib.oips.growth import Growth, QualityName
from lib.oips.parameterisation import Parameterisation, Shape
from lib.oips.photographs import PictureStatistics
from lib.registry import Registry


def plain_pixels(growth: Growth, _: PictureStatistics) -> Callable[[Constraint, Shape], Parameterisation]:
    """The pixels themselves, smoothed and shifted as the growth says."""
    kind = Canvas if growth.margin else Parameterisation
    return lambda constraint, shape: kind(constraint, shape, smoothing=growth.smoothing, jitter=growth.jitter)


@dataclass(frozen=True)
class Style:
    """One style.

    Attributes:
        name: as it is chosen by, and stands in recipes.
        text: what its OIPs look like, as forms and help say it behind the name.
        defaults: values of `lib.oips.growth.Growth` for what is left open; without `constraint` it is the network's
            usual one.
        parameterise: from a growth in this style, and the statistics of the pictures that OIPs are to be like, to what
            gives the parameterisation for images of a shape under a constraint.
        recorded: whether recipes name it. Those of versions that had no other parameterisation do not.
        matches: whether its ascents match statistics of exemplars as well (`lib.oips.matching`): it needs a data set.
        thorough: whether its searches go on from more starts and for longer until the verdict is beyond doubt.
        kept: whether what counts is the response that is left when an image is moved a little, as its curves tell it.
        draft: what a draft has at most, and `best` what is open has at the best quality (`lib.oips.quality`).
    """

    name: str
    text: str
    defaults: Mapping[str, Any]
    parameterise: Callable[[Growth, PictureStatistics], Callable[[Constraint, Shape], Parameterisation]] = plain_pixels
    recorded: bool = True
    matches: bool = False
    thorough: bool = False
    kept: bool = False
    draft: Mapping[str, int] = field(default_factory=lambda: {"oips": 1, "starts": 1, "steps": 48})
    best: Mapping[str, int] = field(default_factory=lambda: {"starts": 4, "steps": 256})


STYLES: Registry[Style] = Registry(
    "lib.oips.styles", constant="STYLE", kind=Style, first=("natural", "strong", "clean")
)
"""By name, in the order in which they are shown."""

SMALL = 64
"""Pixels: smaller grey images are of the kind that "strong" was made for."""


LEAST_MARGIN = 4
"""Pixels: images that are not small grow on a canvas with such a margin, where neither style nor user say another."""


def is_small(input_shape: Sequence[int | None], size: tuple[int, int] | None) -> bool:
    """Whether the images [B, H, W, C] of a network, or those of another height and width, are small grey ones."""
    height, width = size or (input_shape[1] or SMALL, input_shape[2] or SMALL)
    return input_shape[3] == 1 and max(height, width) < SMALL


def usual_style(*, small: bool) -> str:
    """The style where none is chosen."""
    return "strong" if small else "natural"


def defaults_of(style: str, *, margin: bool, quality: QualityName = "standard") -> Mapping[str, Any]:
    """What a style has for what is left open, on a canvas with a margin or without one, at a quality."""
    defaults = {**STYLES[style].defaults, **(STYLES[style].best if quality == "best" else {})}
    return {**defaults, "jitter": max(defaults["jitter"], LEAST_MARGIN)} if margin else defaults


THOROUGH = "strong"
"""The style whose search decides where that of another leaves a doubt."""


def settle_numbers(oips: int, starts: int, usual: Mapping[str, Any]) -> tuple[int, int]:
    """How many OIPs and restarts a unit has. 0 leaves one open: what is usual then gives way to the other."""
    oips = oips or min(usual["oips"], starts or usual["oips"])
    return oips, starts or max(usual["starts"], oips)


def in_style(growth: Growth, name: str) -> Growth:
    """The same in another style, with what that has for itself; what is no default of the first one was asked for, and
    stays."""
    own, defaults = (
        dict(defaults_of(style, margin=growth.margin, quality=growth.quality)) for style in (growth.style, name)
    )
    own["starts"] = max(own["starts"], growth.oips)  # more OIPs raise it, where it is left open
    stays = {key: value for key in defaults if key in own and (value := getattr(growth, key)) != own[key]}
    oips, starts = settle_numbers(stays.get("oips", 0), stays.get("starts", 0), defaults)
    return replace(growth, style=name, **{**defaults, **stays, "oips": oips, "starts": starts})


def needs_data(style: str) -> str:
    """The message where a style that matches exemplars has none."""
    return f"style {style} matches exemplars, and there is no data set: add --data, or choose another style"
