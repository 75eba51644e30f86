"""Sweeps of networks of some training seeds, in some styles: how many maps have which verdict, and none a worse one.

    python -m benchmarks verdicts [--seeds 0 1 2 3] [--styles strong natural ...]

Without styles a sweep is the default one. A map is worse off where it is `unreached` or has failed, or where it is
`responded` in the first of the styles and not in this one.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

SEEDS = (0, 1, 2, 3)
BAD = ("unreached", "failed")


def main(arguments: list[str]) -> None:
    """Print the verdicts by seed and style, and one JSON object. Exits with 1 where a map is worse off."""
    from benchmarks.network import STORE, data_name
    from flows.forms.parameters import SweepParameters
    from flows.forms.places import DATA_FOLDER
    from flows.serving.server import local_server
    from flows.sweep import oip_sweep
    from lib.oips.style import STYLES
    from lib.training.settings import TrainSettings

    parser = argparse.ArgumentParser(prog="python -m benchmarks verdicts", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--styles", nargs="+", choices=list(STYLES), default=[""])
    options = parser.parse_args(arguments)
    folder = os.environ.get("DREAMSWEEP_MNIST")
    found: dict[str, dict[str, Any]] = {}
    with local_server(DATA_FOLDER):
        for seed in options.seeds:
            responded: set[str] = set()
            for style in options.styles:
                parameters = SweepParameters(
                    store=STORE,
                    train=TrainSettings(seed=seed),
                    data=data_name(),
                    data_dir=Path(folder) if folder else None,
                    style=style,
                )
                summary = oip_sweep(parameters)
                units = {unit["unit"]: unit for unit in summary["units"]}
                now = {name for name, unit in units.items() if unit["verdict"] == "responded"}
                responded = responded or now
                ratios = [unit["response_ratio"] for unit in units.values() if unit["response_ratio"] is not None]
                found[f"{seed} {style}".strip()] = {
                    "verdicts": summary["verdicts"],
                    "worse": sorted(responded - now),
                    "own style": sum(unit["style"] == style for unit in units.values()) if style else None,
                    "seconds": summary["seconds"],
                    "computed": summary["computed"],
                    "least response ratio": min(ratios),
                    "units with one pattern only": sum(unit["only_one_pattern"] for unit in units.values()),
                }
                print(seed, style, json.dumps(found[f"{seed} {style}".strip()]), flush=True)
    print(json.dumps({"data": data_name(), "sweeps": found}))
    if any(
        one["worse"] or any(counts[name] for counts in one["verdicts"].values() for name in BAD)
        for one in found.values()
    ):
        raise SystemExit(1)
