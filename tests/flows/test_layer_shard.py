"""What comes after the maps of a layer, as a worker makes it in the name of a sweep that no process here has open."""

import json
from typing import Any

import pytest

from flows.forms.shard import LayerShardParameters, ShardParameters
from flows.layer_shard import layer_shard
from flows.shard import oip_shard
from tasks.model.network import Natural
from tasks.sweep import negatives
from tests.flows.asked_shards import LAYER, PART, UNITS, all_maps, made, of_the_sweep, swept_once
from tests.flows.tiny import MAPS, Bench, let_time_be_over

KINDS = ("layer", "naturalness", "negatives")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Bench:
    return swept_once(tmp_path_factory.mktemp("layer-shard"))


@pytest.fixture
def asked(bench: Bench, request: pytest.FixtureRequest) -> LayerShardParameters:
    """The layer whose maps a shard has just made, but for the last of them, which failed."""
    seed = abs(hash(request.node.name)) % 10**6
    maps: ShardParameters = all_maps(bench, seed)
    last = len(UNITS) - 1
    oip_shard(maps.model_copy(update={"units": f"0-{last - 1}"}))
    part = PART | {
        "failed": str(last),
        "made": bench.store.put(json.dumps(made(bench, maps.run)).encode()),
        "of": len(UNITS),
        "likeness": {"fine_detail": 0.25},
    }
    more = {"layers": [part], "large_tensors": False}
    return LayerShardParameters.model_validate(of_the_sweep(bench, maps.run, seed) | more)


def test_a_layer_is_finished_in_the_name_of_the_sweep_and_no_image_of_the_data_set_is_read(
    bench: Bench, asked: LayerShardParameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Natural, "images", property(lambda _: pytest.fail("an image is read")))
    state = layer_shard(asked, return_state=True)
    assert (state.name, state.message) == ("Completed", "1 layer")
    keys = {kind: made(bench, asked.run, kind)[LAYER] for kind in KINDS}
    (sheet,) = (one for one in bench.store.record(keys["layer"]).outputs if one.role == "sheet")
    assert bench.store.get(sheet.digest).startswith(b"\x89PNG")
    assert bench.store.record(keys["layer"]).parameters["failed"] == [len(UNITS) - 1]
    measured = bench.store.record(keys["naturalness"]).output("kept_shift")
    assert (measured.shape, measured.attributes["data"]) == ((len(UNITS) - 1,), {"fine_detail": 0.25})
    assert bench.store.record(keys["negatives"]).output("images").attributes["units"] == [*range(len(UNITS))]
    assert layer_shard(asked, return_state=True).name == "Completed"
    assert {kind: made(bench, asked.run, kind)[LAYER] for kind in KINDS} == keys


def test_layers_share_a_shard_and_one_that_fails_leaves_the_other_whole(
    bench: Bench, asked: LayerShardParameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = asked.layers
    units = f"0-{MAPS['Conv2D_2'] - 1}"
    more = {"layer": "Conv2D_2", "units": units, "quality": "standard", "maps_per_task": 1}
    oip_shard(ShardParameters.model_validate(of_the_sweep(bench, asked.run, asked.passes[0].seed) | more))
    keys = {unit: key for unit, key in made(bench, asked.run).items() if unit.startswith("Conv2D_2/")}
    second = first.model_copy(
        update={
            "layer": "Conv2D_2",
            "units": units,
            "failed": None,
            "made": bench.store.put(json.dumps(keys).encode()),
            "of": MAPS["Conv2D_2"],
        }
    )
    grow = negatives.grow_negatives

    def faulty(layer: str, *arguments: Any) -> Any:
        if layer == LAYER:
            raise ValueError("no luck")
        return grow(layer, *arguments)

    monkeypatch.setattr(negatives, "grow_negatives", faulty)
    state = layer_shard(asked.model_copy(update={"layers": [first, second]}), return_state=True)
    assert state.is_failed()
    assert str(state.message).splitlines()[0] == f"1 of 2 layers failed: {LAYER}"
    found = {kind: set(made(bench, asked.run, kind)) for kind in KINDS}
    assert found == {"layer": {LAYER, "Conv2D_2"}, "naturalness": {LAYER, "Conv2D_2"}, "negatives": {"Conv2D_2"}}


def test_what_fails_is_told_in_one_line_and_the_rest_is_made(
    bench: Bench, asked: LayerShardParameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(*_: object) -> None:
        raise ValueError("no luck")

    monkeypatch.setattr(negatives, "grow_negatives", faulty)
    state = layer_shard(asked, return_state=True)
    assert state.is_failed()
    (line,) = str(state.message).splitlines()[1:]
    assert line.startswith(f"{LAYER}: ")
    assert line.endswith("ValueError: no luck")
    assert [kind for kind in KINDS if made(bench, asked.run, kind)] == ["layer", "naturalness"]


def test_a_layer_whose_time_is_over_leaves_what_takes_time(
    bench: Bench, asked: LayerShardParameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tasks.sweep.layers

    hdf5_bytes = tasks.sweep.layers.hdf5_bytes

    def late(*given: object) -> bytes:
        let_time_be_over()
        return bytes(hdf5_bytes(*given))  # type: ignore[arg-type]

    monkeypatch.setattr(tasks.sweep.layers, "hdf5_bytes", late)
    state = layer_shard(asked, return_state=True)
    assert (state.type.value, state.name) == ("COMPLETED", "Partial")
    assert [kind for kind in KINDS if made(bench, asked.run, kind)] == ["layer"]
