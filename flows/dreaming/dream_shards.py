"""The pictures of a dream as work for a work pool (`flows.dream_shard`)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from flows.dreaming.dream_passes import PROGRESS, passes_of
from flows.forms.arguments import read_arguments
from flows.forms.shard import DreamShardParameters, Original
from flows.running.joining import about_run
from lib.errors import BadInput
from storage.runs import How
from tasks.dream.context import DreamContext
from tasks.dream.dreams import find_passes, keep_pictures, note_passes
from tasks.dream.pieces import Piece
from tasks.dream.unreadable import UnreadablePicture


class DreamWork:
    """Pictures in all their passes (each by its first pass), made by the flow `dream-shard`."""

    flow = "dream-shard"
    what = "pictures"

    def __init__(self, context: DreamContext, put: Callable[[Piece], object], *, stalled_after: float) -> None:
        """`put` is called with each dream that is made."""
        self._context = context
        self._put = put
        self._kept: dict[Piece, Original] = {}
        self._there: set[str] = set()
        self._stalled_after = stalled_after

    def title(self, first: Piece) -> str:
        """All are of one kind."""
        return PROGRESS

    def note(self, first: Piece, how: How) -> bool:
        """Whether all passes are made, or one has failed. What a shard needs of the picture is in the store then."""
        context = self._context
        if any(context.tally.has_failed(piece.title) for piece in passes_of(first)):
            return True
        note_passes(context, first, how)
        made = [piece for piece in passes_of(first) if context.tally.is_made(piece.title)]
        for piece in made:
            if piece.title not in self._there:
                self._there.add(piece.title)
                self._put(piece)
        if len(made) == first.passes:
            return True
        return not self._keep(first)

    def fail(self, first: Piece, reason: str) -> None:
        """Note it of the pass that is missing."""
        tally = self._context.tally
        missing = next(piece for piece in passes_of(first) if not tally.is_made(piece.title))
        tally.fail(missing.title, reason)

    def finish(self, title: str) -> None:
        """Nothing is made of all pictures together."""

    def name(self, pieces: Sequence[Piece]) -> str:
        """As `rose.jpg and 7 more`."""
        return str(pieces[0]) + (f" and {len(pieces) - 1} more" if len(pieces) > 1 else "")

    def parameters(self, pieces: Sequence[Piece]) -> Mapping[str, Any]:
        """What `DreamShardParameters` hold, but for the store: a worker has that by a name of its own."""
        context = self._context
        asked = DreamShardParameters(
            **about_run(context.session, context.network, self._stalled_after),
            originals=[self._kept[piece] for piece in pieces],
            settings=context.settings,
            passes=context.passes,
            zoom=context.zoom,
            rotation=context.rotation,
            guide=context.guide.digest if context.guide else None,
        )
        return asked.told()

    def names_in(self, parameters: Mapping[str, Any]) -> Iterable[str]:
        """The pictures of a shard that dreams them as this run does."""
        other = DreamShardParameters.read(parameters)
        if other is None:
            return []
        same = [piece for piece, original in self._kept.items() if original in other.originals]
        if not same:
            return []
        own = read_arguments(DreamShardParameters, None, self.parameters(same))
        return map(str, same) if own.makes_as(other) else []

    def recipes(self, first: Piece) -> Iterable[str]:
        """That of the first pass: those after it depend on what it makes."""
        _, recipe, _ = next(find_passes(self._context, first))
        return [recipe.digest]

    def _keep(self, first: Piece) -> bool:
        """Store the bytes of the picture and of its mask; False where the picture cannot be used."""
        context = self._context
        if first in self._kept:
            return True
        try:
            picture, mask = keep_pictures(context, first.picture)
        except BadInput as problem:
            if isinstance(problem, UnreadablePicture):
                context.unreadable.add(first.title, first.picture)
            context.tally.fail(first.title, str(problem))
            return False
        unit = str(first.unit) if first.unit else None
        self._kept[first] = Original(name=first.picture, picture=picture, mask=mask, unit=unit)
        return True
