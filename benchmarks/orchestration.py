"""What Prefect and the store take of a sweep: the whole sweep against the fastest direct call of the same ascents.

    python -m benchmarks orchestration [--rounds N]

The server is up already, and TensorFlow imported. The direct call makes the same searches, against the same exemplars,
and the same negative OIPs, units mixed at batch 64, one layer after the other, without Prefect, store or pictures; its
ascents are traced in its time, as the sweep's are in the sweep's.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROUNDS = 3


def direct(model: Any, data: Any, growth: Any) -> float:
    """Seconds for the exemplars and the ascents alone."""
    from benchmarks.numerics_run import BATCH, UNITS_AT_ONCE, Grounds
    from lib.network.units import Unit, select_layers
    from lib.oips.constraint import Constraint
    from lib.oips.negatives import grow_negatives
    from lib.oips.search import search_unit
    from lib.responses.exemplars import find_exemplars

    begun = time.perf_counter()
    layers = select_layers(model)
    constraint = Constraint(growth.constraint, 0.0, 1.0)
    exemplars = find_exemplars(model, [layer.name for layer in layers], data.train_imgs, constraint)
    for layer in layers:
        grounds, best = Grounds(model, layer.name), exemplars[layer.name].responses[:, 0]

        def search(index: int, layer: Any = layer, grounds: Any = grounds, best: Any = best) -> None:
            search_unit(Unit(layer.name, index), growth, grounds, lambda _: float(best[index]))

        try:
            with ThreadPoolExecutor(UNITS_AT_ONCE) as threads:
                list(threads.map(search, range(layer.units)))
            ground = grounds(growth.style, growth.constraint, "negative")
            for first in range(0, layer.units, BATCH):
                grow_negatives(layer.name, range(first, min(first + BATCH, layer.units)), growth, ground)
        finally:
            grounds.close()
    return time.perf_counter() - begun


def main(arguments: list[str]) -> None:
    """Print the ratio and what it is made of, and one JSON object."""
    from benchmarks.network import STORE, trained
    from benchmarks.task_runs import lag
    from flows.forms.parameters import SweepParameters
    from flows.forms.places import DATA_FOLDER
    from flows.serving.server import local_server
    from flows.sweep import oip_sweep
    from lib.oips.settings import GrowthSettings
    from storage.store import Store
    from tasks.model.stored import find_model

    parser = argparse.ArgumentParser(prog="python -m benchmarks orchestration")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args(arguments).rounds
    settings = GrowthSettings(constraint="standardised").in_style("strong")
    found: dict[str, list[float]] = {"direct": [], "sweep": [], "lag of the UI": [], "nothing to compute": []}
    with local_server(DATA_FOLDER) as url:
        model, data = trained()
        store = Store.open(STORE)
        file = store.path(find_model(store, None).record.output("model").digest)
        for _round in range(rounds):
            found["direct"].append(direct(model, data, settings))
            with tempfile.TemporaryDirectory() as folder:
                named = Path(folder, "network.keras")
                named.write_bytes(file.read_bytes())
                parameters = _prepared(folder, named)
                begun = time.perf_counter()
                oip_sweep(SweepParameters(store=folder, model=parameters))
                found["sweep"].append(time.perf_counter() - begun)
                found["lag of the UI"].append(lag(url, *_layers(url)))
                begun = time.perf_counter()
                oip_sweep(SweepParameters(store=folder, model=parameters))
                found["nothing to compute"].append(time.perf_counter() - begun)
    ratios = [sweep / alone for sweep, alone in zip(found["sweep"], found["direct"], strict=True)]
    result = {
        "seconds": {name: statistics.median(values) for name, values in found.items()},
        "sweep over direct": statistics.median(ratios),
        "all rounds": found,
    }
    print(json.dumps(result, indent=1))


def _layers(url: str) -> tuple[list[str], int]:
    """The flow runs of the layers of the last sweep, and how many task runs they have: one a map and one a layer."""
    import httpx

    from flows.serving.server_settings import api_headers

    def ask(question: dict[str, Any]) -> list[dict[str, Any]]:
        answer = httpx.post(
            f"{url}/flow_runs/filter", json=question, headers=api_headers(), trust_env=False, timeout=30
        )
        return list(answer.raise_for_status().json())

    sweep = {"flows": {"name": {"any_": ["oip-sweep"]}}, "sort": "START_TIME_DESC", "limit": 1}
    runs = ask({"flow_runs": {"parent_flow_run_id": {"any_": [ask(sweep)[0]["id"]]}}})
    return [run["id"] for run in runs], sum(len(run["parameters"]["indices"]) + 1 for run in runs)


def _prepared(folder: str, file: Path) -> str:
    """The ref of the model in a fresh store, its data set there too."""
    import os

    from benchmarks.network import data_name
    from flows.forms.parameters import RegisterParameters
    from flows.register import register

    mnist = os.environ.get("DREAMSWEEP_MNIST")
    made = register(
        RegisterParameters(
            store=folder,
            file=file,
            data=data_name(),
            data_dir=Path(mnist) if mnist else None,
            pixels="0..1",
        )
    )
    return str(made["model"])
