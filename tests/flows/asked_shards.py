"""What shards of a sweep are told in tests that run them in their own process, and what came of it."""

from pathlib import Path
from typing import Any

from flows.forms.shard import ShardParameters
from tasks.session.provenance import code_version
from tests.flows.tiny import GROWN, MAPS, Bench, saved, small_cnn, write_pictures

LAYER = "Conv2D_1"
UNITS = [f"{LAYER}/{index}" for index in range(MAPS[LAYER])]
PART = {"layer": LAYER, "units": f"0-{len(UNITS) - 1}"}


def swept_once(folder: Path) -> Bench:
    """A store with a sweep of one map, and so with the network, the data set and the layer's exemplars."""
    made = Bench(folder / "store", saved(small_cnn(), folder / "small.keras"), write_pictures(folder / "pictures"))
    return Bench(made.root, made.model, made.data, made.sweep(layers=[f"{LAYER}/0"])["run"])


def of_the_sweep(bench: Bench, run: str, seed: int) -> dict[str, Any]:
    """What all shards are told, for a run that has this id."""
    code = code_version()
    return {
        "store": str(bench.root),
        "run": run,
        "model": "model/small",
        "model_record": bench.record("model").key,
        "data_record": bench.record("data").key,
        "stalled_after": 10,
        "sources": code["sources"],
        "changed": code["changes"] is not None,
        "passes": [vars(GROWN) | {"seed": seed, "starts": 2, "oips": 1}],
        "batch": 16,
    }


def all_maps(bench: Bench, seed: int) -> ShardParameters:
    """All maps of that layer, for a sweep that is under way in no process."""
    run = bench.store.open_run("oip-sweep", {}).id
    more = {"quality": GROWN.quality, "maps_per_task": 1}
    return ShardParameters.model_validate(of_the_sweep(bench, run, seed) | PART | more)


def made(bench: Bench, run: str, task: str = "oip") -> dict[str, str]:
    """The keys of the records of a task that were made in the name of a run, by their units or layers."""
    found = [record for record in bench.store.records() if record.task == task and record.provenance.run == run]
    names = [str(record.parameters.get("unit") or record.parameters["layer"]) for record in found]
    return dict(sorted(zip(names, (record.key for record in found), strict=True)))
