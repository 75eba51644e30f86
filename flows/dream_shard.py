"""The flow `dream-shard`: some pictures of a dream, made on a worker for a run that another process has open."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.dreaming.dream_passes import dream_all, passes_of
from flows.forms.shard import DreamShardParameters
from flows.running.damage import makes_damaged_again
from flows.running.fields import form_flow
from flows.running.joining import check_code, join_run
from flows.running.labels import tag_flow_run
from flows.running.outcome import end_partial
from flows.running.shards import say_failures
from lib.network.units import Unit
from lib.pictures.names import parse_name
from lib.words import plural
from storage.store import Store
from tasks.dream.context import AT_ONCE, DreamContext, guide_in
from tasks.dream.pieces import Piece
from tasks.model.context import open_context


@form_flow("dream-shard", task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE))
@makes_damaged_again
def dream_shard(parameters: DreamShardParameters) -> State[None]:
    """Dream into some pictures, in all their passes, for a run on a work pool.

    `dreamsweep dream --pool` submits it to the pool's workers. It ends `Failed`, with a line for each picture that
    failed; and `Partial` where its time was over. What it has made is in the store then.
    """
    check_code(parameters)
    with _open_shard(parameters) as context:
        tag_flow_run(model=context.network.name)
        todo = [
            Piece(one.name, 1, parameters.passes, Unit.parse(one.unit) if one.unit else None)
            for one in parameters.originals
        ]
        dream_all(context, todo, lambda piece: None, len(todo) * parameters.passes)
        tally = context.tally
        failures = {
            str(first): tally.failures[piece.title]
            for first in todo
            for piece in passes_of(first)
            if tally.has_failed(piece.title)
        }
        if failures:
            return Failed(message=say_failures(failures, len(todo), "pictures"))
        left = sum(not tally.is_made(passes_of(first)[-1].title) for first in todo)
        if left:
            return end_partial(f"{left} of {plural(len(todo), 'picture')} are left")
        return Completed(message=f"{plural(tally.done, 'dream')}: {tally.computed} computed, {tally.reused} reused")


@contextmanager
def _open_shard(parameters: DreamShardParameters) -> Iterator[DreamContext]:
    """The context in which the run would dream these itself, open while inside. Raises StoreError."""
    with join_run(parameters) as (joined, network), TemporaryDirectory(prefix="dreamsweep-") as folder:
        store = joined.store
        context = DreamContext(
            joined,
            network,
            parameters.settings,
            {one.name: store.path(one.picture) for one in parameters.originals},
            parameters.passes,
            parameters.zoom,
            parameters.rotation,
            guide_in(joined, store.path(parameters.guide)) if parameters.guide else None,
            _lay_out_masks(store, parameters, Path(folder)),
        )
        with open_context(context):
            yield context


def _lay_out_masks(store: Store, parameters: DreamShardParameters, folder: Path) -> Path | None:
    """A folder that has each picture's mask under the picture's name; None where there are none."""
    masks = {one.name: one.mask for one in parameters.originals if one.mask is not None}
    for name, digest in masks.items():
        place = folder / parse_name(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(store.path(digest).absolute())
    return folder if masks else None
