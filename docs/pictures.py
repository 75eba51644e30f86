"""Makes the pictures in docs/ again, from a sweep of the reference network on real MNIST: `make docs`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
LAYER = "Conv2D_3"
SHOWN = 24
UNIT = f"{LAYER}/56"  # the map of which the blog shows four OIPs


def main() -> None:
    """Train and sweep in the default store, or reuse what is there, and write the PNG files."""
    from flows.parameters import SweepParameters
    from flows.places import DATA_FOLDER
    from flows.server import local_server
    from flows.sweep import oip_sweep
    from lib.contact_sheet import Cell, contact_sheet
    from lib.growth_settings import GrowthSettings
    from lib.training_settings import TrainSettings
    from storage.store import Store

    if "DREAMSWEEP_MNIST" not in os.environ:
        sys.exit("the pictures show MNIST: name its folder with DREAMSWEEP_MNIST")
    with local_server(DATA_FOLDER):
        parameters = SweepParameters(
            train=TrainSettings(),
            data="mnist",
            layers=[f"{LAYER}/0-{SHOWN - 1}", UNIT],
            growth=GrowthSettings().in_style("clean"),
        )
        summary: dict[str, Any] = oip_sweep(parameters)
    store = Store.open(parameters.store)
    units = {unit["unit"]: unit for unit in summary["units"]}

    def cell(index: int) -> Cell:
        unit = units[f"{LAYER}/{index}"]
        record = store.record(unit["record"])
        best = store.array(record.output("oips").digest)[0]
        return Cell(index, best, unit["verdict"], unit["response"], unit["response_ratio"])

    subtitle = f"the first {SHOWN} of its maps in the reference CNN, trained on MNIST; clean style"
    sheet = contact_sheet([cell(index) for index in range(SHOWN)], title=LAYER, subtitle=subtitle)
    (DOCS / "sheet.png").write_bytes(sheet)
    (DOCS / "unit.png").write_bytes(Path(units[UNIT]["png"]).read_bytes())


if __name__ == "__main__":
    main()
