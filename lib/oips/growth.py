"""How a unit's OIPs are grown: every number that decides about them, as a style and whoever asked have settled it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from lib.errors import BadInput
from lib.oips.constraint import ConstraintName

QualityName = Literal["draft", "standard", "best"]
QUALITIES: tuple[QualityName, ...] = get_args(QualityName)
"""From the cheapest to the best."""
USUAL_QUALITY: QualityName = "standard"

Mixture = tuple[float, ...]
"""Length scales, in pixels, of the noise that a start image is a sum of."""


@dataclass(frozen=True)
class Growth:
    """What `lib.oips.settings.GrowthSettings` say, with nothing left open; each is explained there.

    Attributes:
        style: the name of the style (`lib.oips.style`).
        margin: whether images grow on a canvas with a margin (`lib.oips.canvas`), and are not rolled.
        quality: a `draft` is one search and no more, whatever it finds; `best` has, in each style that a search comes
            to, what that has for it (`lib.oips.quality`).
    """

    style: str
    constraint: ConstraintName
    objective: str
    oips: int
    starts: int
    steps: int
    step_size: float
    smoothing: float
    jitter: int
    length_scales: Sequence[Mixture]
    shared_starts: bool
    seed: int
    margin: bool = False
    quality: QualityName = USUAL_QUALITY

    def __post_init__(self) -> None:
        if self.starts < self.oips:
            raise BadInput(f"{self.starts} restarts cannot give {self.oips} OIPs: raise starts, or lower oips")
