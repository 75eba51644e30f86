"""Shards of maps as their workers run them, in the name of a sweep that no process of this test has open."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from flows.forms.shard import ShardParameters, Statistics
from flows.shard import oip_shard
from lib.errors import BadInput
from lib.oips.photographs import PictureStatistics
from storage.names import record_path
from tasks.model.network import Natural
from tasks.session.provenance import code_version
from tests.flows.asked_shards import LAYER, UNITS, all_maps, made, swept_once
from tests.flows.tiny import GROWTH, Bench, let_time_be_over


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Bench:
    return swept_once(tmp_path_factory.mktemp("shard"))


@pytest.fixture
def asked(bench: Bench, request: pytest.FixtureRequest) -> ShardParameters:
    """All maps of a layer, with a seed of this test's own."""
    return all_maps(bench, seed=abs(hash(request.node.name)) % 10**6)


def test_a_shard_makes_its_maps_in_the_name_of_the_sweep_and_leaves_its_run_open(
    bench: Bench, asked: ShardParameters
) -> None:
    runs = len(bench.store.runs())
    state = oip_shard(asked, return_state=True)
    assert (state.name, state.message) == ("Completed", "4 maps: 4 computed, 0 reused")
    assert list(made(bench, asked.run)) == UNITS
    assert bench.store.run(asked.run).state == "open"
    assert len(bench.store.runs()) == runs


def test_a_shard_that_is_begun_again_makes_only_what_is_missing(bench: Bench, asked: ShardParameters) -> None:
    oip_shard(asked.model_copy(update={"units": "1,3"}))
    state = oip_shard(asked, return_state=True)
    assert (state.name, state.message) == ("Completed", "4 maps: 2 computed, 2 reused")
    assert list(made(bench, asked.run)) == UNITS


def test_maps_that_fail_are_told_in_lines_of_their_own_and_the_others_are_made(
    bench: Bench, asked: ShardParameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tasks.sweep.oips

    search_unit = tasks.sweep.oips.search_unit

    def faulty(unit: Any, *arguments: Any, **named: Any) -> Any:
        if str(unit) == UNITS[2]:
            raise ValueError("no luck")
        return search_unit(unit, *arguments, **named)

    monkeypatch.setattr(tasks.sweep.oips, "search_unit", faulty)
    state = oip_shard(asked, return_state=True)
    assert state.is_failed()
    assert str(state.message).splitlines() == [
        f"1 of 4 maps failed: {UNITS[2]}",
        f"{UNITS[2]}: ValueError: no luck",
    ]
    assert list(made(bench, asked.run)) == [unit for unit in UNITS if unit != UNITS[2]]


def test_a_shard_whose_time_is_over_leaves_the_rest(
    bench: Bench, asked: ShardParameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tasks.sweep.oips

    search_unit = tasks.sweep.oips.search_unit

    def late(unit: Any, *arguments: Any, **named: Any) -> Any:
        let_time_be_over()
        return search_unit(unit, *arguments, **named)

    monkeypatch.setattr("flows.sweeping.layer_maps.MAPS_AT_ONCE", 1)
    monkeypatch.setattr(tasks.sweep.oips, "search_unit", late)
    state = oip_shard(asked.model_copy(update={"ends_at": None}), return_state=True)
    assert (state.type.value, state.name, state.message) == ("COMPLETED", "Partial", "3 of 4 maps are left")
    assert len(made(bench, asked.run)) == 1


def test_a_style_that_is_like_the_data_sets_pictures_is_told_of_them_and_reads_none(
    bench: Bench, asked: ShardParameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    growth = replace(GROWTH, oips=1, starts=1).in_style("natural")
    like = PictureStatistics(1.1, np.array([[1.0]]), np.inf, 0.2)
    told = asked.model_copy(
        update={"passes": [growth], "quality": growth.quality, "statistics": Statistics.of(like), "units": "0-1"}
    )
    monkeypatch.setattr(Natural, "images", property(lambda _: pytest.fail("an image is read")))
    assert oip_shard(told, return_state=True).name == "Completed"
    assert list(made(bench, asked.run)) == UNITS[:2]


def test_a_shard_finds_the_exemplars_again_where_they_have_gone(bench: Bench, asked: ShardParameters) -> None:
    record = bench.record(f"exemplars of {LAYER}")
    (bench.root / record_path(record.key)).unlink()
    state = oip_shard(asked, return_state=True)
    assert state.name == "Completed"
    found = [one for one in bench.store.records() if one.recipe == record.recipe]
    assert [one.provenance.run for one in found] == [asked.run]


def test_a_sweep_of_other_code_is_refused_with_both_digests(bench: Bench, asked: ShardParameters) -> None:
    here = code_version()["sources"]
    with pytest.raises(BadInput, match=rf"other code \({here[:8]}\).*\(abcdabcd\).*same version"):
        oip_shard(asked.model_copy(update={"sources": "abcd" * 16}))
    assert made(bench, asked.run) == {}
