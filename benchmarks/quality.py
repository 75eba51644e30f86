"""How good the default sweep's OIPs are: against the best of 256 starts that all take four times the steps.

    python -m benchmarks quality [--style clean] [--constraint box] [--layers NAME ...] [--maps N]

For 40 maps drawn over the layers. The reference is optimised under the same constraint and smoothing, with the same
seeds, and none of its starts is given up.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np

STARTS = 256
LONGER = 4
DRAWN = {"Conv2D_1": 8, "Conv2D_2": 12, "Conv2D_3": 20}


def reference(ascent: Any, unit: Any, settings: Any) -> float:
    """The best response of 256 starts, none given up."""
    from lib.oips.ascent import AscentState, cosine_rates
    from lib.oips.start_images import length_scales, start_image, start_seed

    best = 0.0
    rates = cosine_rates(LONGER * settings.steps, settings.step_size)
    for first in range(0, STARTS, ascent.batch):
        numbers = range(first, first + ascent.batch)
        noise = np.stack(
            [
                start_image(
                    start_seed(settings.seed, str(unit), number),
                    length_scales(number, settings.length_scales),
                    ascent.parameterisation.canvas,
                )
                for number in numbers
            ]
        )
        state = ascent.optimise(
            AscentState.from_starts(ascent.starts(noise), ascent.shape),
            np.full(ascent.batch, unit.index),
            np.repeat(rates[:, None], ascent.batch, axis=1),
        )
        best = max(best, float(state.response.max()))
    return best


def measure(
    model: Any, settings: Any, pixel_range: tuple[float, float], patterns: list[str] | None, most: int | None
) -> dict[str, Any]:
    """Ratios of the default search to the reference: by layer the mean and the least, and every map's."""
    from lib.network.units import Unit, select_layers
    from lib.oips.ascent import Ascent
    from lib.oips.constraint import Constraint
    from lib.oips.photographs import of_photographs
    from lib.oips.search import Ground, search_unit
    from lib.oips.style import STYLES

    draw = np.random.default_rng(2024)
    layers: dict[str, Any] = {}
    for layer in select_layers(model, patterns):
        constraint = Constraint(settings.constraint, *pixel_range)
        ascent = Ascent(
            model,
            layer.name,
            constraint,
            parameterise=STYLES[settings.style].parameterise(settings, of_photographs(model.input_shape[-1])),
        )
        ground = Ground(_whole_batches(ascent), ascent.starts, ascent.measure, ascent.parameterisation)
        ratios = {}
        drawn = draw.choice(layer.units, min(DRAWN.get(layer.name, 8), layer.units), replace=False)
        for index in sorted(drawn[:most]):
            unit = Unit(layer.name, int(index))
            search, _, _ = search_unit(unit, settings, lambda *_, ground=ground: ground, lambda _: None)
            ratios[str(unit)] = search.response / reference(ascent, unit, settings)
        values = list(ratios.values())
        layers[layer.name] = {"mean": float(np.mean(values)), "least": min(values), "maps": ratios}
        print(f"{layer.name:12} mean {np.mean(values):.3f}  least {min(values):.3f}  of {len(values)} maps", flush=True)
    return layers


def _whole_batches(ascent: Any) -> Any:
    from lib.oips.ascent import AscentState

    class Optimise:
        def optimise(self, state: Any, units: Any, rates: Any, moves: Any) -> Any:
            parts = [slice(at, at + ascent.batch) for at in range(0, len(state), ascent.batch)]
            return AscentState.join(
                [ascent.optimise(state.take(part), units[part], rates[:, part], moves[:, part]) for part in parts]
            )

    return Optimise()


def main(arguments: list[str]) -> None:
    """Print the table, and one JSON object."""
    from benchmarks.network import data_name, trained
    from flows.forms.places import DATA_FOLDER
    from flows.serving.server import local_server
    from lib.oips.constraint import CONSTRAINTS
    from lib.oips.settings import GrowthSettings
    from lib.oips.style import STYLES

    parser = argparse.ArgumentParser(prog="python -m benchmarks quality", description=__doc__.splitlines()[0])
    parser.add_argument("--style", choices=list(STYLES), default="strong")
    parser.add_argument("--constraint", choices=CONSTRAINTS, default="standardised")
    parser.add_argument("--layers", nargs="+", help="names or patterns; default: all convolutions")
    parser.add_argument("--maps", type=int, help="no more than so many a layer")
    options = parser.parse_args(arguments)
    settings = GrowthSettings(constraint=options.constraint).in_style(options.style)
    with local_server(DATA_FOLDER):
        model, _ = trained()
    begun = time.monotonic()
    print(f"{data_name()}, {options.constraint}, {options.style}: best of {settings.starts} starts over the reference")
    layers = measure(model, settings, (0.0, 1.0), options.layers, options.maps)
    print(json.dumps({"quality": layers, "seconds": round(time.monotonic() - begun)}))
