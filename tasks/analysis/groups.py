"""Groups of images whose classes are told apart: those that are named, or the clearest ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lib.data.image_names import ImageName, SetName
from lib.errors import BadInput
from tasks.analysis.context import AnalysisContext

TEST: SetName = "test"


@dataclass(frozen=True)
class ImageGroup:
    """Images of one class, by its name."""

    name: str
    images: tuple[str, ...]


@dataclass(frozen=True)
class Groups:
    """Two groups to compare, and images of the first class that the network only just tells from the second."""

    first: ImageGroup
    second: ImageGroup
    unclear: tuple[str, ...] = ()

    @property
    def images(self) -> tuple[str, ...]:
        """All of them, in the order in which they are shown."""
        return (*self.first.images, *self.second.images, *self.unclear)

    def pair(self, context: AnalysisContext) -> tuple[int, int]:
        """The numbers of the two classes."""
        return context.data_classes.index(self.first.name), context.data_classes.index(self.second.name)

    @staticmethod
    def choose(context: AnalysisContext) -> "Groups | str | None":
        """The clearest images of each class of the pair, and the unclear ones of the first.

        None where there are no predictions. Where of a class no image is predicted as that, what is left out for that,
        as a sentence. Raises BadInput instead where the pair was asked for.
        """
        predictions, settings = context.predictions, context.settings
        if predictions is None:
            return None
        first, second = context.pair()
        for label in (first, second):
            if not len(predictions.clear(label, 1)):
                why = f"no test image of {context.classes[label]} is predicted as that"
                if not settings.pair:
                    return (
                        f"{context.classes[first]} and {context.classes[second]} are not compared (no FCPs, no linear "
                        f"probes), because {why}: ask for another pair with --pair, or name images with --first and "
                        "--second"
                    )
                raise BadInput(f"{why}: ask for another pair, or name images")

        def clearest(label: int) -> ImageGroup:
            numbers = predictions.clear(label, settings.clear)
            return ImageGroup(context.classes[label], tuple(str(ImageName(TEST, int(number))) for number in numbers))

        return Groups(clearest(first), clearest(second))._with_unclear(context)

    @staticmethod
    def from_names(context: AnalysisContext, first: Sequence[str], second: Sequence[str]) -> "Groups":
        """Groups of these images; each is called as the class that its images are of.

        Raises BadInput where there is no such image, the images have no classes, or a group's are of several.
        """
        if not context.labelled:
            raise BadInput("the data set has no labels to tell classes by: name images to look at, as test/0, instead")

        def group(images: Sequence[str]) -> ImageGroup:
            labels = {context.see(name).label for name in images}
            names = sorted(context.data_classes[label] for label in labels if label is not None)
            if len(names) != 1:
                raise BadInput(f"{', '.join(images)} are of the classes {', '.join(names)}: name images of one class")
            return ImageGroup(names[0], tuple(images))

        one, other = group(first), group(second)
        if one.name == other.name:
            raise BadInput(f"the images of both classes are of {one.name}: name images of two classes")
        named = Groups(one, other)
        return named if context.predictions is None else named._with_unclear(context)

    def _with_unclear(self, context: AnalysisContext) -> "Groups":
        predictions = context.predictions
        assert predictions is not None
        numbers = predictions.unclear(*self.pair(context), context.settings.unclear)
        return replace(self, unclear=tuple(str(ImageName(TEST, int(number))) for number in numbers))
