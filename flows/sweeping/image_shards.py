"""The pass over the images of a large data set as work for a work pool (`flows.image_shard`)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flows.forms.arguments import read_arguments
from flows.forms.shard import ImageShardParameters
from flows.sweeping.map_shards import about_sweep
from storage.runs import How
from tasks.session.progress import say
from tasks.sweep.context import SweepContext
from tasks.sweep.image_parts import ImagePart, part_recipe

PROGRESS = "parts of the data set"


class ImageWork:
    """Parts of the images, a shard each, made by the flow `image-shard`; what no worker makes, the coordinator does."""

    flow = "image-shard"
    what = "parts"

    def __init__(self, context: SweepContext, parts: Iterable[ImagePart], *, stalled_after: float) -> None:
        self._context = context
        self._parts = list(parts)
        self._stalled_after = stalled_after

    def title(self, part: ImagePart) -> str:
        """All are of one kind."""
        return PROGRESS

    def note(self, part: ImagePart, how: How) -> bool:
        """Whether it is made; nothing is noted in the run, which shows what the parts come to."""
        return self._context.session.find(part_recipe(self._context, part)) is not None

    def fail(self, part: ImagePart, reason: str) -> None:
        """Say it: the coordinator makes what is missing itself."""
        say(f"{part}: {reason}: they are shown to the network here")

    def finish(self, title: str) -> None:
        """They are put together where all others are made."""

    def name(self, parts: Sequence[ImagePart]) -> str:
        """As `images 0 to 13311`."""
        return ", ".join(map(str, parts))

    def parameters(self, parts: Sequence[ImagePart]) -> Mapping[str, Any]:
        """What `ImageShardParameters` hold, but for the store: a worker has that by a name of its own."""
        (part,) = parts
        asked = ImageShardParameters(
            **about_sweep(self._context, self._stalled_after),
            of_layers=list(part.layers),
            size=self._context.size_of(part.layers[0]),
            first=part.first,
            last=part.last,
        )
        return asked.told()

    def names_in(self, parameters: Mapping[str, Any]) -> Iterable[str]:
        """The part of a shard that is shown to the same layers in the same way."""
        other = ImageShardParameters.read(parameters)
        if other is None:
            return []
        asked = ImagePart(tuple(other.of_layers), other.first, other.last)
        if asked not in self._parts:
            return []
        own = read_arguments(ImageShardParameters, None, self.parameters([asked]))
        return [str(asked)] if own.makes_as(other) else []

    def recipes(self, part: ImagePart) -> Iterable[str]:
        """That of what is found of it."""
        return [part_recipe(self._context, part).digest]
