"""How a picture is dreamed: every parameter, and the one place of their defaults."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeVar

from annotated_types import Ge, Gt, Le, Lt

from lib.dream.mode import MODES
from lib.oips.style import SMALL
from lib.pictures.colours import Colours
from lib.settings import About, check

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    ModeName = str
else:  # which ones there are is known when the program runs
    ModeName = Literal[tuple(MODES)]
StyleName = Literal["", "natural", "plain"]
_FIRST = next(iter(MODES))

_OF_EVERY_MODE = ("mode", "objective", "steps", "step_size", "smoothing", "colours", "style", "strength")
"""What other settings a mode looks at it says itself."""

Settings = TypeVar("Settings")
Own = TypeVar("Own", bound="DataclassInstance")


def _add_those_of_modes(settings: type[Settings]) -> type[Settings]:
    """The settings that modes declare in their own files, behind those that are there.

    Raises TypeError for one that is there already, and for one that no mode looks at: recipes would lack it.
    """
    for mode in MODES.values():
        for name, hint, default in mode.declared():
            if name in settings.__annotations__:
                raise TypeError(f"mode {mode.name} declares the setting {name}, which there is already")
            settings.__annotations__[name] = hint
            setattr(settings, name, default)
    read = frozenset(_OF_EVERY_MODE).union(*(mode.settings for mode in MODES.values()))
    if idle := [name for name, hint in settings.__annotations__.items() if hint is not ClassVar and name not in read]:
        raise TypeError(f"no mode looks at the setting {idle[0]}")
    return settings


def _step_texts() -> Iterator[str]:
    """How much a step of size 1 is in which modes, as "0.01 in tiles and when carving"."""
    modes = sorted(MODES.values(), key=lambda mode: mode.step)
    for number, (step, alike) in enumerate(groupby(modes, key=lambda mode: mode.step)):
        where = dict.fromkeys(mode.step_text for mode in alike)
        yield f"{step:g}{'' if number else ', where white is 1,'} {' and '.join(where)}"


@dataclass(frozen=True)
@_add_those_of_modes
class DreamSettings:
    """The defaults suit a photograph and the reference network."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}  # a form with a field that there is not has a typo

    mode: Annotated[ModeName, About("Mode", " ".join(f"{mode.name}: {mode.text}." for mode in MODES.values()))] = _FIRST
    objective: Annotated[
        str,
        About(
            "Objective",
            "The objective that is maximised: a layer with all its maps, as Conv2D_3; a unit, as Conv2D_3/56; a "
            "weighted sum, as 0.7*Conv2D_2 + 0.3*Conv2D_3/56; or a direction, as Conv2D_3[3:1, 17:-0.5]. "
            "Empty: all maps of the last convolution that sees space.",
        ),
    ] = ""
    octaves: Annotated[int, Ge(1), About("Octaves", "At how many resolutions mode octaves dreams.")] = 4
    octave_scale: Annotated[float, Gt(1), About("Octave scale", "How much larger each octave is than the last.")] = 1.4
    steps: Annotated[int, Ge(1), About("Steps", "How many steps the ascent takes in each octave, round or tiling.")] = (
        10
    )
    step_size: Annotated[
        float,
        Gt(0),
        About(
            "Step size",
            f"How much a step changes the picture. 1 is a root mean square of {', and of '.join(_step_texts())}.",
        ),
    ] = 1.0
    rounds: Annotated[int, Ge(1), About("Rounds", "How often mode carve scales the picture down and up again.")] = 4
    smoothing: Annotated[
        float,
        Ge(0),
        About("Smoothing", "The standard deviation, in pixels, of the blur of each step. 0 means no blur."),
    ] = 0.5
    jitter: Annotated[
        int,
        Ge(0),
        About(
            "Jitter",
            "The greatest shift, in pixels, by which an octave is rolled before a step and rolled back after it. "
            "Tiles are shifted at random at each step, whatever this is.",
        ),
    ] = 8
    overlap: Annotated[
        float, Ge(0), Lt(1), About("Overlap", "The share of a tile's side that overlaps its neighbour.")
    ] = 0.5
    colours: Annotated[
        Colours,
        About(
            "Colours",
            "kept: the luminance is dreamed, and the picture keeps its chroma. grey: the dream has no colours. "
            "dreamed: a network that sees colours dreams them too.",
        ),
    ] = "kept"
    style: Annotated[
        StyleName,
        About(
            "Style",
            "natural: each step changes the picture as photographs differ, more in its shapes than in fine details and "
            "bright colours. plain: a step is the gradient as it is. Empty: natural, but plain where the network sees "
            f"grey images smaller than {SMALL} pixels.",
        ),
    ] = ""
    strength: Annotated[
        float,
        Ge(0),
        Le(1),
        About("Strength", "How much of the dream is blended with the picture; 0 leaves the picture."),
    ] = 1.0
    seed: Annotated[
        int, Ge(0), About("Seed", "The seed of everything random: the same seed gives the same picture.")
    ] = 0

    def __post_init__(self) -> None:
        check(self)

    @property
    def step(self) -> float:
        """Root mean square of a step's change; white is 1 and black 0."""
        return self.step_size * MODES[self.mode].step

    def deciding(self) -> dict[str, Any]:
        """The settings that decide about the picture's bytes in this mode, by name."""
        read = MODES[self.mode].settings.union(_OF_EVERY_MODE)
        return {name: value for name, value in asdict(self).items() if name in read}

    def without_idle(self) -> "DreamSettings":
        """The same with the defaults of what this mode does not look at, so that it cannot: recipes lack that."""
        return DreamSettings(**self.deciding())

    def of_mode(self, own: type[Own]) -> Own:
        """Those that a mode declares itself, as the dataclass in its file."""
        return own(**{field.name: getattr(self, field.name) for field in fields(own)})
