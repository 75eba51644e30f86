"""Default sweeps of networks of four training seeds: how many maps have which verdict, none `unreached`.

python -m benchmarks verdicts
"""

from __future__ import annotations

import json
import os
from pathlib import Path

SEEDS = (0, 1, 2, 3)


def main(_: list[str]) -> None:
    """Print the verdicts a seed, and one JSON object. Exits with 1 where a map is `unreached`, or failed."""
    from benchmarks.network import STORE, data_name
    from flows.places import DATA_FOLDER
    from flows.server import local_server
    from flows.sweep import SweepParameters, oip_sweep
    from flows.train import TrainParameters
    from lib.training_settings import TrainSettings

    folder = os.environ.get("DREAMSWEEP_MNIST")
    found = {}
    with local_server(DATA_FOLDER):
        for seed in SEEDS:
            train = TrainParameters(
                store=STORE,
                data=data_name(),
                data_dir=Path(folder) if folder else None,
                settings=TrainSettings(seed=seed),
            )
            summary = oip_sweep(SweepParameters(store=STORE, train=train))
            ratios = [unit["response_ratio"] for unit in summary["units"] if unit["response_ratio"] is not None]
            found[seed] = {
                "verdicts": summary["verdicts"],
                "seconds": summary["seconds"],
                "computed": summary["computed"],
                "least response ratio": min(ratios),
                "units with one pattern only": sum(unit["only_one_pattern"] for unit in summary["units"]),
            }
            print(seed, json.dumps(found[seed]), flush=True)
    print(json.dumps({"data": data_name(), "seeds": found}))
    bad = ("unreached", "failed")
    if any(counts[name] for seed in found.values() for counts in seed["verdicts"].values() for name in bad):
        raise SystemExit(1)
