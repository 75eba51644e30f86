"""How OIPs are grown: every parameter, and the one place of their defaults."""

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, MinLen

from lib.errors import BadInput, BadValue
from lib.oips.constraint import ConstraintName
from lib.oips.objective import OBJECTIVES
from lib.settings import About, check

LengthScales = Annotated[tuple[Annotated[float, Gt(0)], ...], MinLen(1)]
StyleName = Literal["strong", "clean"]

# From fine to coarse, and mixed: the response hardly depends on them, the look of an OIP does.
MIXTURES: tuple[LengthScales, ...] = ((1.0,), (2.0,), (1.0, 3.0), (2.0, 5.0), (1.0, 3.0, 7.0), (4.0,))

STYLES: dict[StyleName, dict[str, float | int]] = {
    "strong": {},
    "clean": {"smoothing": 1.0, "jitter": 1},
}
"""Named settings: "strong" finds the highest responses; "clean" leaves out what is finer than a pixel or two."""

_OFFERED = [objective for objective in OBJECTIVES.values() if objective.offered]
if TYPE_CHECKING:
    ObjectiveName = str
else:  # which ones there are is known when the program runs
    ObjectiveName = Literal[tuple(objective.name for objective in _OFFERED)]


@dataclass(frozen=True)
class GrowthSettings:
    """The defaults reach 0.97 of the response that 256 restarts of four times the steps reach (reference network)."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}  # a form with a field that there is not has a typo

    constraint: Annotated[
        Literal["", "standardised", "box"],
        About(
            "Constraint",
            "The constraint on the pixels of every image. standardised: they have zero mean and unit variance. "
            "box: they stay in the range of pictures. Empty: box, but standardised for networks that were trained "
            "here, and for those that were swept so before.",
        ),
    ] = ""
    objective: Annotated[
        ObjectiveName,
        About(
            "Objective",
            "The objective that is maximised. "
            f"{'; '.join(f'{objective.name}: {objective.text}' for objective in _OFFERED)}.",
        ),
    ] = _OFFERED[0].name
    oips: Annotated[
        int,
        Ge(1),
        About(
            "OIPs per unit", "How many OIPs are kept per unit, at most. Those that show the same pattern are kept once."
        ),
    ] = 4
    starts: Annotated[
        int,
        Ge(1),
        About(
            "Restarts per unit",
            "How many random start images the ascents of a unit begin from. Units whose restarts disagree widely "
            "get four times as many.",
        ),
    ] = 64
    steps: Annotated[
        int,
        Ge(1),
        About(
            "Steps",
            "How many optimisation steps an OIP takes. Weaker restarts are dropped by successive halving at 1/8 and "
            "1/2 of the steps.",
        ),
    ] = 96
    step_size: Annotated[
        float,
        Gt(0),
        About(
            "Step size",
            "The size of the first step, in standard deviations of the pixels (under box: in halves of their range).",
        ),
    ] = 1.0
    smoothing: Annotated[
        float,
        Ge(0),
        About(
            "Smoothing",
            "The standard deviation, in pixels, of the blur of the start image and of each step. 0 means no blur.",
        ),
    ] = 0.0
    jitter: Annotated[
        int,
        Ge(0),
        About(
            "Jitter",
            "The greatest shift, in pixels, by which an image is rolled before a step and rolled back after it. 0 "
            "means no jitter.",
        ),
    ] = 0
    length_scales: Annotated[
        tuple[LengthScales, ...],
        MinLen(1),
        About(
            "Length scales",
            "Mixtures of one or more length scales above 0, in pixels, as 1,3,7; the restarts take the mixtures "
            "in turn.",
        ),
    ] = MIXTURES
    shared_starts: Annotated[
        bool,
        About("Shared start images", "Begin the ascents of all units from the same start images."),
    ] = False
    seed: Annotated[
        int, Ge(0), About("Seed", "The seed of everything random: the same seed gives the same pictures.")
    ] = 0

    def __post_init__(self) -> None:
        check(self)
        if self.starts < self.oips:
            raise BadInput(f"{self.starts} restarts cannot give {self.oips} OIPs: raise starts, or lower oips")

    @property
    def kept_constraint(self) -> ConstraintName:
        """The constraint that images keep; where none is chosen, `box`."""
        return self.constraint or "box"

    def in_style(self, style: str) -> "GrowthSettings":
        """The same in a named style, but for what is set otherwise already.

        Raises BadInput for a name that is none of `STYLES`.
        """
        if style not in STYLES:
            raise BadValue("style", style, f"choose from {', '.join(STYLES)}")
        defaults = {field.name: field.default for field in fields(self)}
        unset = {name: value for name, value in STYLES[style].items() if getattr(self, name) == defaults[name]}
        return replace(self, **unset)  # type: ignore[arg-type]
