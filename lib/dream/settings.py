"""How a picture is dreamed: every parameter, and the one place of their defaults."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Lt

from lib.limits import About, check
from lib.pictures.colours import Colours

Mode = Literal["octaves", "tiles", "carve", "carve+tiles"]

_OF_ONE_MODE: dict[str, tuple[Mode, ...]] = {
    "octaves": ("octaves",),
    "octave_scale": ("octaves",),
    "rounds": ("carve", "carve+tiles"),
    "overlap": ("tiles", "carve+tiles"),
    "jitter": ("octaves",),
    "seed": ("octaves", "tiles", "carve+tiles"),
}
"""Settings that other modes do not look at."""
_STEPS: dict[Mode, float] = {"octaves": 0.005, "tiles": 0.01, "carve": 0.01, "carve+tiles": 0.01}
"""Root mean square of a step's change where the step size is 1. What is dreamed in four octaves is dreamed four times,
what is dreamed in tiles once; what is carved has its old width of values in the end."""


@dataclass(frozen=True)
class DreamSettings:
    """The defaults suit a photograph and the reference network."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}  # a form with a field that there is not has a typo

    mode: Annotated[
        Mode,
        About(
            "Mode",
            "octaves: the whole picture at several resolutions. tiles: windows of the network's size. "
            "carve: down to the network's size and up again. carve+tiles: first coarse, then fine.",
        ),
    ] = "octaves"
    objective: Annotated[
        str,
        About(
            "Objective",
            "What is to be seen more of: Conv2D_3 (all its maps), Conv2D_3/56, 0.7*Conv2D_2 + 0.3*Conv2D_3/56, or a "
            "direction Conv2D_3[3:1, 17:-0.5]. Empty: all maps of the last convolution.",
        ),
    ] = ""
    octaves: Annotated[int, Ge(1), About("Octaves", "Resolutions that the picture is dreamed at in mode octaves.")] = 4
    octave_scale: Annotated[float, Gt(1), About("Octave scale", "How much larger each octave is than the last.")] = 1.4
    steps: Annotated[int, Ge(1), About("Steps", "Steps of the ascent in an octave, a round or a tiling.")] = 10
    step_size: Annotated[
        float,
        Gt(0),
        About(
            "Step size",
            "How much a step changes. 1 is a root mean square of 0.005, where white is 1, in octaves, and of 0.01 in "
            "tiles and when carving.",
        ),
    ] = 1.0
    rounds: Annotated[int, Ge(1), About("Rounds", "How often carve goes down, dreams and comes up again.")] = 4
    smoothing: Annotated[
        float, Ge(0), About("Smoothing", "Standard deviation, in pixels, of the blur of each step; 0 for none.")
    ] = 0.5
    jitter: Annotated[
        int,
        Ge(0),
        About(
            "Jitter",
            "Greatest shift, in pixels, by which an octave is rolled before a step and back after it. "
            "Tiles always are.",
        ),
    ] = 8
    overlap: Annotated[
        float, Ge(0), Lt(1), About("Overlap", "How much of a tile's side lies on its neighbour, as a share.")
    ] = 0.5
    colours: Annotated[
        Colours,
        About(
            "Colours",
            "kept: the luminance dreams, the chroma is the picture's. grey: without colours. "
            "dreamed: what a network that sees colours makes of them.",
        ),
    ] = "kept"
    strength: Annotated[
        float, Ge(0), Le(1), About("Strength", "How much of the dream is laid over the picture; 0 is none.")
    ] = 1.0
    seed: Annotated[int, Ge(0), About("Seed", "Of everything random: the same seed gives the same picture.")] = 0

    def __post_init__(self) -> None:
        check(self)

    @property
    def step(self) -> float:
        """Root mean square of a step's change; white is 1 and black 0."""
        return self.step_size * _STEPS[self.mode]

    def deciding(self) -> dict[str, Any]:
        """The settings that decide about the picture's bytes in this mode, by name."""
        return {
            name: value for name, value in asdict(self).items() if self.mode in _OF_ONE_MODE.get(name, (self.mode,))
        }
