"""What may be said of how OIPs are grown: every parameter; what is left open is the style's (`lib.oips.style`)."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, MinLen

from lib.errors import BadInput, BadValue
from lib.oips.constraint import ConstraintName
from lib.oips.growth import Growth, QualityName
from lib.oips.objective import OBJECTIVES
from lib.oips.style import LEAST_MARGIN, SMALL, STYLES, defaults_of, settle_numbers
from lib.settings import About, check

LengthScales = Annotated[tuple[Annotated[float, Gt(0)], ...], MinLen(1)]

# From fine to coarse, and mixed: the response hardly depends on them, the look of an OIP does.
MIXTURES: tuple[LengthScales, ...] = ((1.0,), (2.0,), (1.0, 3.0), (2.0, 5.0), (1.0, 3.0, 7.0), (4.0,))

_OFFERED = [objective for objective in OBJECTIVES.values() if objective.offered]
if TYPE_CHECKING:
    ObjectiveName = str
    StyleName = str
else:  # which ones there are is known when the program runs
    StyleName = Literal[("", *STYLES)]
    ObjectiveName = Literal[tuple(objective.name for objective in _OFFERED)]


def _by_style(name: str) -> str:
    """What each style has for a setting, in words."""
    return ", ".join(f"{style.defaults[name]:g} in {style.name}" for style in STYLES.values())


def _with_own(name: str) -> str:
    """The styles that have a default of their own for a setting, in words."""
    return ", ".join(style.name for style in STYLES.values() if name in style.defaults)


@dataclass(frozen=True)
class GrowthSettings:
    """What was asked for."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}  # a form with a field that there is not has a typo

    constraint: Annotated[
        Literal["", "standardised", "box"],
        About(
            "Constraint",
            "The constraint on the pixels of every image. standardised: they have zero mean and unit variance. "
            f"box: they stay in the range of pictures. Empty: box in {_with_own('constraint')}; in the other styles "
            "box, but standardised for networks that were trained here, and for those that were swept so before.",
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
        Ge(0),
        About(
            "OIPs per unit",
            "How many OIPs are kept per unit, at most. Those that show the same pattern are kept once. "
            f"0: {_by_style('oips')}.",
        ),
    ] = 0
    starts: Annotated[
        int,
        Ge(0),
        About(
            "Restarts per unit",
            "How many random start images the ascents of a unit begin from. In strong and clean, units whose restarts "
            f"disagree widely get four times as many. 0: {_by_style('starts')}.",
        ),
    ] = 0
    steps: Annotated[
        int,
        Ge(0),
        About(
            "Steps",
            "How many optimisation steps an OIP takes. Weaker restarts are dropped by successive halving at 1/8 and "
            f"1/2 of the steps. 0: {_by_style('steps')}.",
        ),
    ] = 0
    step_size: Annotated[
        float,
        Ge(0),
        About(
            "Step size",
            "The size of the first step, in standard deviations of the pixels (under box: in halves of their range). "
            f"0: {_by_style('step_size')}.",
        ),
    ] = 0.0
    smoothing: Annotated[
        float,
        Ge(0),
        About(
            "Smoothing",
            "The standard deviation, in pixels, of the blur of the start image and of each step. 0: "
            f"{_by_style('smoothing')}.",
        ),
    ] = 0.0
    jitter: Annotated[
        int,
        Ge(0),
        About(
            "Jitter",
            "The greatest shift, in pixels, by which an image is seen moved at a step. Images of colour networks, and "
            f"of {SMALL} pixels and more, are moved on a canvas with such a margin, by an eighth of the side at most. "
            f"0: {_by_style('jitter')}; on a canvas at least {LEAST_MARGIN}.",
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
        if 0 < self.starts < self.oips:
            raise BadInput(f"{self.starts} restarts cannot give {self.oips} OIPs: raise starts, or lower oips")

    def in_style(
        self,
        style: str,
        *,
        constraint: ConstraintName = "box",
        margin: bool = False,
        quality: QualityName = "standard",
    ) -> Growth:
        """The whole growth in a named style, whose defaults fill in what is left open here.

        Args:
            constraint: where none is chosen, and the style has none of its own.
            margin: as in the growth.
            quality: standard or best; a draft is made of a growth (`lib.oips.quality`). The growth is a standard one
                where the best leaves all numbers as they are.

        Raises:
            BadInput: a name that is none of `STYLES`.
        """
        if style not in STYLES:
            raise BadValue("style", style, f"choose from {', '.join(STYLES)}")
        usual = defaults_of(style, margin=margin, quality=quality)
        oips, starts = settle_numbers(self.oips, self.starts, usual)
        growth = Growth(
            style=style,
            constraint=self.constraint or usual.get("constraint", constraint),
            objective=self.objective,
            oips=oips,
            starts=starts,
            steps=self.steps or usual["steps"],
            step_size=self.step_size or usual["step_size"],
            smoothing=self.smoothing or usual["smoothing"],
            jitter=self.jitter or usual["jitter"],
            length_scales=self.length_scales,
            shared_starts=self.shared_starts,
            seed=self.seed,
            margin=margin,
        )
        if quality == "standard" or growth == self.in_style(style, constraint=constraint, margin=margin):
            return growth
        return replace(growth, quality=quality)
