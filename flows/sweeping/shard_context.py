"""The context of a sweep that another process has open, as a shard of it has it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from flows.forms.shard import LayerPart, SweepShard
from flows.running.joining import check_code, join_run
from flows.running.labels import tag_flow_run
from tasks.model.context import open_context
from tasks.model.network import natural_of
from tasks.sweep.context import SweepContext
from tasks.sweep.exemplars import exemplars_recipe, make_exemplars, note_exemplars


@contextmanager
def open_shard(
    parameters: SweepShard,
    *parts: LayerPart,
    sizes: Mapping[str, tuple[int, int] | None] = MappingProxyType({}),
    partly: bool = False,
) -> Iterator[SweepContext]:
    """The context in which the sweep itself would do these, open while inside, with the layers' exemplars.

    No image of the data set is read unless it must be. `sizes`: of the images of further layers; `partly`: some of the
    data set's images are needed. Raises BadInput for a sweep of other code, and StoreError.
    """
    check_code(parameters)
    with join_run(parameters) as (joined, network):
        store, data = joined.store, parameters.data_record
        natural = None if data is None else natural_of(store, store.record(data), partly=partly)
        *lesser, growth = parameters.passes
        sizes_of = {**sizes, **{part.layer: part.size for part in parts}}
        context = SweepContext(
            joined,
            network,
            growth,
            natural,
            batch=parameters.batch,
            lesser=tuple(lesser),
            smaller={layer: size for layer, size in sizes_of.items() if size is not None},
            statistics={part.size: part.statistics.known() for part in parts if part.statistics is not None},
        )
        with open_context(context):
            tag_flow_run(model=network.name)
            for part in parts:
                _find_exemplars(context, part.layer)
            yield context


def _find_exemplars(context: SweepContext, layer: str) -> None:
    """The layer's exemplars, which the sweep has made; here only where they have gone since."""
    if context.natural is None:
        return
    record = context.session.find(exemplars_recipe(context, layer))
    if record is None:
        make_exemplars([layer], context.session.run.id, return_state=True).result()
    else:
        note_exemplars(context, layer, record)
