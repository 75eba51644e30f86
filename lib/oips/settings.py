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
    """The defaults reach 0.97 of the best of 256 starts of four times the steps, on the reference network."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}  # a form with a field that there is not has a typo

    constraint: Annotated[
        ConstraintName,
        About(
            "Constraint",
            "What every image is kept to. standardised: zero mean, unit variance; box: the pixels' range in training.",
        ),
    ] = "standardised"
    objective: Annotated[
        ObjectiveName,
        About(
            "Objective",
            f"What is climbed. {'; '.join(f'{objective.name}: {objective.text}' for objective in _OFFERED)}.",
        ),
    ] = _OFFERED[0].name
    oips: Annotated[
        int,
        Ge(1),
        About("OIPs a unit", "How many a unit keeps, at most: those that show the same pattern are kept once."),
    ] = 4
    starts: Annotated[
        int,
        Ge(1),
        About(
            "Start images a unit",
            "Random images that its OIPs grow from; four times as many where they disagree widely.",
        ),
    ] = 64
    steps: Annotated[
        int,
        Ge(1),
        About(
            "Steps",
            "Steps that an OIP has climbed; weaker starts are given up after an eighth and a half of them.",
        ),
    ] = 96
    step_size: Annotated[
        float,
        Gt(0),
        About("Step size", "Of the first step, in standard deviations of the pixels (or half their range under box)."),
    ] = 1.0
    smoothing: Annotated[
        float,
        Ge(0),
        About("Smoothing", "Standard deviation, in pixels, of the blur of start image and steps; 0 for none."),
    ] = 0.0
    jitter: Annotated[
        int,
        Ge(0),
        About(
            "Jitter",
            "Greatest shift, in pixels, by which an image is rolled before a step and back after it; 0 for none.",
        ),
    ] = 0
    length_scales: Annotated[
        tuple[LengthScales, ...],
        MinLen(1),
        About(
            "Length scales",
            "Mixtures of one or more length scales above 0, in pixels, as 1,3,7; the start images take them in turn.",
        ),
    ] = MIXTURES
    shared_starts: Annotated[
        bool,
        About("Shared starts", "Whether all units grow from the same start images, as the blog's layer 1 did."),
    ] = False
    seed: Annotated[int, Ge(0), About("Seed", "Of everything random: the same seed gives the same pictures.")] = 0

    def __post_init__(self) -> None:
        check(self)
        if self.starts < self.oips:
            raise BadInput(f"{self.starts} starts cannot give {self.oips} OIPs: raise starts, or lower oips")

    def in_style(self, style: str) -> "GrowthSettings":
        """The same in a named style, but for what is set otherwise already.

        Raises BadInput for a name that is none of `STYLES`.
        """
        if style not in STYLES:
            raise BadValue("style", style, f"choose from {', '.join(STYLES)}")
        defaults = {field.name: field.default for field in fields(self)}
        unset = {name: value for name, value in STYLES[style].items() if getattr(self, name) == defaults[name]}
        return replace(self, **unset)  # type: ignore[arg-type]
