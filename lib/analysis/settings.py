"""How a network's decisions are analysed: every parameter, and the one place of their defaults."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Lt

from lib.analysis.fcps import THRESHOLD
from lib.errors import BadInput, BadValue
from lib.nearest import nearest
from lib.settings import About, check


@dataclass(frozen=True)
class AnalysisSettings:
    """The defaults suit the reference network: a few minutes on two cores."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}  # a form with a field that there is not has a typo

    pair: Annotated[
        str,
        About(
            "Pair of classes",
            "The two classes to compare, by their names, as 4,9. Empty: the two that the network confuses most.",
        ),
    ] = ""
    clear: Annotated[
        int,
        Ge(1),
        About(
            "Clear images",
            "How many images of each class are shown of those that are predicted with the largest margin.",
        ),
    ] = 3
    unclear: Annotated[
        int,
        Ge(0),
        About(
            "Unclear images",
            "How many images of the first class are shown of those with the smallest margin to the second.",
        ),
    ] = 2
    threshold: Annotated[
        float,
        Gt(0),
        Lt(1),
        About(
            "Threshold", "For FCPs, a position counts as active above this share of the layer's greatest activation."
        ),
    ] = THRESHOLD
    standardise: Annotated[
        bool,
        About("Standardise", "Show each map with zero mean and unit variance, and clip it."),
    ] = False
    clip: Annotated[
        float,
        Ge(0),
        About(
            "Clip",
            "The activation at which the colour scale ends; in standard deviations where maps are standardised. 0 ends "
            "it at the greatest activation, or at 2 standard deviations.",
        ),
    ] = 0.0
    colour_map: Annotated[
        str, About("Colour map", "The colour map of the activations: any of Matplotlib's, as viridis, jet or magma.")
    ] = "viridis"
    classifier_images: Annotated[
        int,
        Ge(0),
        About(
            "Images for the linear probes",
            "How many training images the linear probe of each layer is fitted to. 0 fits no linear probes.",
        ),
    ] = 6000
    seed: Annotated[int, Ge(0), About("Seed", "The seed that chooses the images for the linear probes.")] = 0

    def __post_init__(self) -> None:
        check(self)
        _ = self.named_pair  # raises for what is no pair

    @property
    def named_pair(self) -> tuple[str, str] | None:
        """The names of the two classes; None where none are named."""
        if not self.pair:
            return None
        names = [name.strip() for name in self.pair.split(",")]
        if len(names) != 2 or not all(names) or names[0] == names[1]:
            raise BadValue("pair", self.pair, "it must be two classes, as 4,9")
        return names[0], names[1]

    def pair_of(self, classes: Sequence[str]) -> tuple[int, int] | None:
        """The numbers of the two classes; None where none are named. Raises BadInput for one that there is not."""
        if self.named_pair is None:
            return None
        for name in self.named_pair:
            if name not in classes:
                raise BadInput(f"there is no class {name!r}{nearest(name, classes)}")
        first, second = self.named_pair
        return classes.index(first), classes.index(second)
