"""Layers as work for a pool: what a shard is told, when a layer is finished, and which shards do the same."""

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.sweeping.layer_shards import LayerWork, read_made
from lib.network.units import Layer, Unit, layers_with_units
from storage.store import Store
from tasks.session.session import session
from tasks.sweep.context import SweepContext
from tasks.sweep.layers import gather_layer
from tasks.sweep.naturalness import measure_naturalness
from tasks.sweep.negatives import make_negatives
from tasks.sweep.oips import find_or_grow
from tests.flows.tiny import MAPS

LAYER = "Conv2D_1"
INDICES = [*range(MAPS[LAYER])]
UNITS = [f"{LAYER}/{index}" for index in INDICES]


@pytest.fixture
def context(store: Store, sweep_context_in: Callable[..., SweepContext]) -> Iterator[SweepContext]:
    """A sweep whose maps are made."""
    with session(store.root, "oip-sweep", {}) as opened:
        context = sweep_context_in(opened)
        context.network.__dict__["record"] = "0" * 64 + "/" + "0" * 32  # no worker of a test reads it
        find_or_grow("maps", UNITS, opened.run.id, context.growth.quality)
        yield context


def work_in(context: SweepContext, *, large_tensors: bool = False) -> LayerWork:
    units = {
        layer: [Unit(layer.name, index) for index in range(layer.units)]
        for layer in layers_with_units(context.network.model)
        if layer.name == LAYER
    }
    return LayerWork(context, units, large_tensors=large_tensors, stalled_after=1.0)


def test_a_layer_is_finished_when_all_that_comes_after_its_maps_is_there(context: SweepContext) -> None:
    work, run = work_in(context), context.session.run.id
    for make in (
        lambda: gather_layer.fn(LAYER, INDICES, [], False, run),
        lambda: measure_naturalness.fn(LAYER, INDICES, run),
        lambda: make_negatives.fn(LAYER, INDICES, MAPS[LAYER], run),
    ):
        assert not work.note(LAYER, "reused")
        make()
    assert work.note(LAYER, "reused")


def test_a_shard_is_told_the_records_that_are_shown_and_no_place(context: SweepContext, tmp_path: Path) -> None:
    told = work_in(context).parameters([LAYER])
    (part,) = told["layers"]
    shown = read_made(context.session.store, part["made"])
    assert {unit: record.key for unit, record in shown.items()} == context.tally.made
    assert (part["units"], part["of"], "failed" in part) == ("0-3", 4, False)
    assert set(part["likeness"]) == {"fine_detail"}
    assert str(tmp_path) not in json.dumps(told)


def test_a_shard_under_way_is_the_same_work_only_where_it_makes_the_same_of_the_same_maps(
    context: SweepContext,
) -> None:
    work = work_in(context)
    told = work.parameters([LAYER])
    assert list(work.names_in(told)) == [LAYER]
    assert not list(work.names_in(work_in(context, large_tensors=True).parameters([LAYER])))
    assert not list(work.names_in({**told, "layers": [told["layers"][0] | {"layer": "Conv2D_2"}]}))
    more = [*told["layers"], told["layers"][0] | {"layer": "Conv2D_2"}]
    assert list(work.names_in({**told, "layers": more})) == [LAYER]
    assert not list(work.names_in({"of": "another version"}))
    context.tally.fail(UNITS[1], "ValueError: no luck")
    assert not list(work.names_in(told))


@given(st.lists(st.integers(1, 20), max_size=12), st.integers(1, 30))
def test_layers_share_a_shard_as_long_as_they_have_few_units_and_stay_in_order(counts: list[int], most: int) -> None:
    layers = [Layer(f"layer {number}", "convolution", units, (1, 1, units)) for number, units in enumerate(counts)]
    units = {layer: [Unit(layer.name, index) for index in range(layer.units)] for layer in layers}
    work = LayerWork(None, units, large_tensors=False, stalled_after=1.0)  # type: ignore[arg-type]
    shards = work.in_shards([layer.name for layer in layers], most)
    assert [name for shard in shards for name in shard] == [layer.name for layer in layers]
    sizes = [[counts[int(name.split()[1])] for name in shard] for shard in shards]
    assert all(sum(shard) <= most or len(shard) == 1 for shard in sizes)
    assert all(sum(one) + other[0] > most for one, other in itertools.pairwise(sizes))
