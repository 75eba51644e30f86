"""How OIPs are grown: every parameter, and the one place of their defaults."""

import math
from dataclasses import dataclass, replace
from typing import get_args

from lib.constraint import ConstraintName
from lib.errors import BadInput
from lib.objective import ObjectiveName

LengthScales = tuple[float, ...]

# From fine to coarse, and mixed: the response hardly depends on them, the look of an OIP does.
MIXTURES: tuple[LengthScales, ...] = ((1.0,), (2.0,), (1.0, 3.0), (2.0, 5.0), (1.0, 3.0, 7.0), (4.0,))

STYLES: dict[str, dict[str, float | int]] = {
    "strong": {},
    "clean": {"smoothing": 1.0, "jitter": 1},
}
"""Named settings: "strong" finds the highest responses; "clean" leaves out what is finer than a pixel or two."""


@dataclass(frozen=True)
class GrowthSettings:
    """The defaults reach 0.97 of the best of 256 starts of four times the steps, on the reference network.

    Attributes:
        constraint: "standardised" (zero mean, unit variance per image) or "box" (the pixels' range in training).
        objective: "response", "pre-activation" or "peak" (`lib.objective`).
        oips: how many a unit keeps, at most: those that show the same pattern are kept once.
        starts: start images a unit; four times as many where they disagree widely.
        steps: steps that an OIP has climbed; weaker starts are given up after an eighth and a half of them.
        step_size: of the first step, in standard deviations of the pixels (or half their range under "box").
        smoothing: standard deviation, in pixels, of the blur of start image and steps; 0 for none.
        jitter: greatest shift, in pixels, by which an image is rolled before a step and back after it; 0 for none.
        length_scales: mixtures of length scales, in pixels; the start images take them in turn.
        shared_starts: whether all units grow from the same start images, as the blog's layer 1 did.
        seed: of everything random.
    """

    constraint: ConstraintName = "standardised"
    objective: ObjectiveName = "response"
    oips: int = 4
    starts: int = 64
    steps: int = 96
    step_size: float = 1.0
    smoothing: float = 0.0
    jitter: int = 0
    length_scales: tuple[LengthScales, ...] = MIXTURES
    shared_starts: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for name, choices in (("constraint", get_args(ConstraintName)), ("objective", get_args(ObjectiveName))):
            if getattr(self, name) not in choices:
                raise BadInput(f"{name} is {getattr(self, name)!r}; choose from {', '.join(choices)}")
        for name in ("oips", "starts", "steps"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name} is {getattr(self, name)}; it must be 1 or more")
        if self.starts < self.oips:
            raise BadInput(f"{self.starts} starts cannot give {self.oips} OIPs: raise starts, or lower oips")
        if not 0 < self.step_size < math.inf:
            raise BadInput(f"step_size is {self.step_size}; it must be above 0")
        if not 0 <= self.smoothing < math.inf:
            raise BadInput(f"smoothing is {self.smoothing}; it must be 0 or more")
        if self.jitter < 0:
            raise BadInput(f"jitter is {self.jitter}; it must be 0 or more")
        if self.seed < 0:
            raise BadInput(f"seed is {self.seed}; it must be 0 or more")
        if not self.length_scales or any(
            not mixture or any(not 0 < scale < math.inf for scale in mixture) for mixture in self.length_scales
        ):
            raise BadInput("length_scales wants at least one mixture of one or more lengths above 0, as 1,3,7")

    def in_style(self, style: str) -> "GrowthSettings":
        """The same in a named style. Raises BadInput for a name that is none of `STYLES`."""
        if style not in STYLES:
            raise BadInput(f"style is {style!r}; choose from {', '.join(STYLES)}")
        return replace(self, **STYLES[style])  # type: ignore[arg-type]
