"""Parts of the data set's images as work for a pool: what a shard is told, and which shards make what is asked."""

from collections.abc import Callable, Iterator

import pytest

from flows.forms.shard import ImageShardParameters
from flows.sweeping.image_shards import ImageWork
from storage.store import Store
from tasks.session.session import session
from tasks.sweep.context import SweepContext
from tasks.sweep.image_parts import make_part, parts_of
from tests.flows.tiny import MAPS

LAYERS = tuple(MAPS)


@pytest.fixture
def work(store: Store, sweep_context_in: Callable[..., SweepContext]) -> Iterator[ImageWork]:
    """A sweep with other parts than those that are there."""
    with session(store.root, "oip-sweep", {}) as opened:
        context = sweep_context_in(opened, layers=LAYERS, batch=1, images_per_part=8)
        context.network.__dict__["record"] = "0" * 64 + "/" + "0" * 32  # no worker of a test reads it
        context.batch, context.images_per_part = 2, 16
        yield ImageWork(context, parts_of(context, LAYERS), stalled_after=1.0)


def test_a_part_is_there_when_somebody_has_made_it(work: ImageWork) -> None:
    first, second = work._parts
    assert (str(first), str(second)) == ("images 0 to 15", "images 16 to 20")
    assert not work.note(first, "reused")
    assert work.note(second, "reused")  # the last one ends and begins as before
    make_part.fn(first.layers, first.first, first.last, work._context.session.run.id)
    assert work.note(first, "computed")
    units = work._context.session.store.run(work._context.session.run.id).units
    assert not any(result.kind == "part" for result in units.values())


def test_a_shard_is_told_names_of_the_store_and_no_place(work: ImageWork) -> None:
    told = work.parameters(work._parts[:1])
    assert (told["of_layers"], told["first"], told["last"]) == (list(LAYERS), 0, 16)
    assert "store" not in told
    assert work._context.session.store.root not in str(told)
    assert ImageShardParameters.read(told) is not None


def test_a_shard_under_way_is_taken_over_where_it_finds_the_very_same(work: ImageWork) -> None:
    told = dict(work.parameters(work._parts[:1]))
    assert list(work.names_in(told)) == ["images 0 to 15"]
    assert list(work.names_in(told | {"last": 12})) == []
    assert list(work.names_in(told | {"of_layers": [LAYERS[0]]})) == []
    assert list(work.names_in(told | {"model_record": "another"})) == []
    assert list(work.names_in({"of_layers": LAYERS})) == []
