"""Shards of maps as their workers run them, in the name of a sweep that no process of this test has open."""

from typing import Any

import pytest

from flows.forms.shard import ShardParameters
from flows.shard import oip_shard
from lib.errors import BadInput
from storage.names import record_path
from tasks.session.provenance import code_version
from tests.flows.tiny import GROWN, MAPS, Bench, let_time_be_over, saved, small_cnn, write_pictures

LAYER = "Conv2D_1"
UNITS = [f"{LAYER}/{index}" for index in range(MAPS[LAYER])]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Bench:
    """A store with a sweep of one map, and so with the network, the data set and the exemplars."""
    folder = tmp_path_factory.mktemp("shard")
    made = Bench(folder / "store", saved(small_cnn(), folder / "small.keras"), write_pictures(folder / "pictures"))
    return Bench(made.root, made.model, made.data, made.sweep(layers=[f"{LAYER}/0"])["run"])


@pytest.fixture
def asked(bench: Bench, request: pytest.FixtureRequest) -> ShardParameters:
    """All maps of a layer, with a seed of this test's own, for a sweep that is under way."""
    code = code_version()
    growth = {"seed": abs(hash(request.node.name)) % 10**6, "starts": 2, "oips": 1}
    return ShardParameters.model_validate(
        {
            "store": str(bench.root),
            "run": bench.store.open_run("oip-sweep", {}).id,
            "model": "model/small",
            "model_record": bench.record("model").key,
            "data_record": bench.record("data").key,
            "stalled_after": 10,
            "sources": code["sources"],
            "changed": code["changes"] is not None,
            "layer": LAYER,
            "units": "0-3",
            "passes": [vars(GROWN) | growth],
            "quality": GROWN.quality,
            "batch": 16,
            "maps_per_task": 1,
        }
    )


def made(bench: Bench, asked: ShardParameters) -> list[str]:
    """The units of the records of OIPs that were made in the name of the run."""
    return sorted(
        str(record.parameters["unit"])
        for record in bench.store.records()
        if record.task == "oip" and record.provenance.run == asked.run
    )


def test_a_shard_makes_its_maps_in_the_name_of_the_sweep_and_leaves_its_run_open(
    bench: Bench, asked: ShardParameters
) -> None:
    runs = len(bench.store.runs())
    state = oip_shard(asked, return_state=True)
    assert (state.name, state.message) == ("Completed", "4 maps: 4 computed, 0 reused")
    assert made(bench, asked) == UNITS
    assert bench.store.run(asked.run).state == "open"
    assert len(bench.store.runs()) == runs


def test_a_shard_that_is_begun_again_makes_only_what_is_missing(bench: Bench, asked: ShardParameters) -> None:
    oip_shard(asked.model_copy(update={"units": "1,3"}))
    state = oip_shard(asked, return_state=True)
    assert (state.name, state.message) == ("Completed", "4 maps: 2 computed, 2 reused")
    assert made(bench, asked) == UNITS


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
    assert made(bench, asked) == [unit for unit in UNITS if unit != UNITS[2]]


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
    assert len(made(bench, asked)) == 1


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
    assert made(bench, asked) == []
