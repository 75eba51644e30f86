"""What a dream mode is, and which ones there are: each is a file of `lib/dream/modes/` that declares a `MODE`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Protocol, get_type_hints

from lib.arrays import Floats
from lib.dream.objective import DreamObjective
from lib.network.graph import graph_of
from lib.oips.style import is_small, usual_style
from lib.registry import Registry

if TYPE_CHECKING:
    from lib.dream.settings import DreamSettings  # which asks the modes for their names

Progress = Callable[[str, int, int], None]
"""Is called with what is being done, as "round 2 of 4", and how many steps of it are done, of how many."""


@dataclass(frozen=True)
class Curve:
    """How the objective rose: `values` [steps + 1] before each step and after the last, of an octave, round or tiling.

    Those in between are of the picture as it was rolled at that step.
    """

    name: str
    values: Floats


@dataclass(frozen=True)
class Target:
    """The objective of one picture: as it is called, and the weights of its terms (`DreamObjective.weights_of`)."""

    title: str
    weights: tuple[Floats, ...]


@dataclass(frozen=True)
class DreamedPlanes:
    """What a mode makes of a picture's planes: [H, W, C] in [0, 1], and how; `strip` is a PNG, of carving."""

    planes: Floats
    curves: tuple[Curve, ...]
    strip: bytes | None = None


@dataclass(frozen=True)
class Setup:
    """What a mode is made ready for: a Keras model, the objective, and the settings."""

    model: Any
    objective: DreamObjective
    settings: "DreamSettings"

    @property
    def channels(self) -> int:
        """Of the pictures that the network sees."""
        return channels_of(self.model)

    @property
    def luminance_only(self) -> bool:
        """Whether the picture's chroma returns in the end, so that only its luminance is to dream."""
        return self.channels == 3 and self.settings.colours != "dreamed"

    @property
    def natural(self) -> bool:
        """Whether steps are as photographs differ (`lib.dream.natural`): by the settings, or by the network."""
        graph = graph_of(self.model)
        small = is_small(graph.shapes[graph.input], None)
        return (self.settings.style or usual_style(small=small)) == "natural"


class PreparedMode(Protocol):
    """A mode made ready: all is traced, and threads may share it."""

    @property
    def traces(self) -> int:
        """How often TensorFlow has traced its loop of steps."""

    def dream(self, planes: Floats, target: Target, progress: Progress) -> DreamedPlanes:
        """Dreams into planes [H, W, C] in [0, 1]. Raises BadInput for those that this network cannot dream."""


@dataclass(frozen=True)
class Mode:
    """One way of dreaming.

    Attributes:
        name: as it is chosen by, and stands in recipes.
        text: what is dreamed, in a phrase with a verb, as forms and help say it behind the name.
        step: root mean square of a step's change where the step size is 1; white is 1 and black 0.
        step_text: in which words the text of the step size names this mode, as "in octaves".
        reads: those settings that it looks at and not every mode does.
        own: a dataclass of settings that no other mode has, each with a default and annotated as `lib.settings` says.
            They join the settings of a dream, from which `DreamSettings.of_mode` hands them back.
        prepare: makes it ready; raises BadInput for a network that cannot dream in this mode.
    """

    name: str
    text: str
    step: float
    step_text: str
    prepare: Callable[[Setup], PreparedMode]
    reads: frozenset[str] = frozenset()
    own: type | None = None

    def declared(self) -> Iterator[tuple[str, Any, Any]]:
        """Of each of its own settings the name, the annotation and the default."""
        if self.own is not None:
            hints = get_type_hints(self.own, include_extras=True)
            for field in fields(self.own):
                yield field.name, hints[field.name], field.default

    @property
    def settings(self) -> frozenset[str]:
        """All that it looks at and not every mode does, its own among them."""
        return self.reads | {name for name, _, _ in self.declared()}


def channels_of(model: Any) -> int:
    """How many channels the pictures have that a Keras model sees."""
    graph = graph_of(model)
    channels = graph.shapes[graph.input][-1]
    assert channels is not None
    return channels


MODES: Registry[Mode] = Registry(
    "lib.dream.modes", constant="MODE", kind=Mode, first=("octaves", "tiles", "carve", "carve+tiles")
)
"""By name, in the order in which they are shown; the first is the default."""
