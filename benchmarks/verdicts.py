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
    from flows.forms.parameters import SweepParameters
    from flows.forms.places import DATA_FOLDER
    from flows.serving.server import local_server
    from flows.sweep import oip_sweep
    from lib.training.settings import TrainSettings

    folder = os.environ.get("DREAMSWEEP_MNIST")
    found = {}
    with local_server(DATA_FOLDER):
        for seed in SEEDS:
            parameters = SweepParameters(
                store=STORE,
                train=TrainSettings(seed=seed),
                data=data_name(),
                data_dir=Path(folder) if folder else None,
            )
            summary = oip_sweep(parameters)
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
