"""How recognisable pictures of units are in every style, beside photographs: a table, and a contact sheet.

    python -m benchmarks recognisable --model FILE --pixels caffe --photographs packaged FOLDER
        [--layers block3_conv3 ...] [--units 20] [--styles natural ...] [--size 128] [--seed 0] [--sheet FILE]

For units drawn by seed among those that some photograph makes respond: response over that of "strong", the shares of it
kept under shifts, turns and blur, the shares of fine detail and of colour, seconds of processor time (with what is
traced) and image-steps a unit. "strong" is always drawn, as the others are held against it. Styles have their own
defaults, but one picture a unit; those that search thoroughly begin from `--starts` start images and search once.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.photographs import find_photographs, read_photographs
from benchmarks.quality_table import PHOTOGRAPH, STRONG, Shown, print_table, table, write_sheet
from benchmarks.unit_pictures import Drawn, Network, draw_units, grow, quality_of

if TYPE_CHECKING:
    from lib.arrays import Floats
    from lib.oips.growth import Growth


def main(arguments: list[str]) -> None:
    """Print the tables and one JSON object; write the sheet."""
    from lib.oips.style import STYLES

    parser = argparse.ArgumentParser(prog="python -m benchmarks recognisable", description=__doc__.splitlines()[0])
    add_options(parser, units=20, starts=4)
    parser.add_argument("--styles", nargs="+", choices=list(STYLES), default=list(STYLES))
    parser.add_argument("--float32", action="store_true", help="no bfloat16, also where the processor is fast at it")
    options = parser.parse_args(arguments)
    begun = time.monotonic()
    network, photographs, layers = opened(parser, options)
    growths = {style: growth_of(style, options, network) for style in STYLES if style in (*options.styles, STRONG)}
    for growth in growths.values():
        print(described(growth))
    for layer in layers:
        measure = network.measure(layer.layer)
        layer.quality[PHOTOGRAPH] = quality_of(measure, layer.drawn[PHOTOGRAPH].images, layer.units)
        for style, growth in growths.items():
            drawn = grow(network, layer.layer, layer.units, growth, photographs, bfloat16=not options.float32)
            layer.drawn[style] = drawn
            layer.quality[style] = quality_of(measure, drawn.images, layer.units)
            print(f"{layer.layer} in {style}: {drawn.seconds:.1f} s a unit", flush=True)
    report("recognisable", options, layers, photographs, begun)


def add_options(parser: argparse.ArgumentParser, *, units: int, starts: int) -> None:
    """Which network, units and photographs, and what is made of them; `units` and `starts` by default."""
    parser.add_argument("--model", type=Path, required=True, help="a file of Keras")
    parser.add_argument("--pixels", default="0..1", help="what it takes, as `dreamsweep models add --pixels`")
    parser.add_argument(
        "--photographs", nargs="+", default=["packaged"], help="folders; packaged: what installed packages bring along"
    )
    parser.add_argument("--layers", nargs="+", help="names or patterns; default: all convolutions")
    parser.add_argument("--units", type=int, default=units, help="over all layers")
    parser.add_argument("--size", type=int, help="pixels a side; default: the network's own, or 128 if it takes any")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--starts", type=int, default=starts, help="of styles that search thoroughly, as strong")
    parser.add_argument("--steps", type=int, help="of every style; default: its own")
    parser.add_argument("--sheet", type=Path, help="PNG to write")


def opened(parser: argparse.ArgumentParser, options: argparse.Namespace) -> tuple[Network, Floats, list[Shown]]:
    """The network, the photographs, and the units that were drawn, each with its best photograph."""
    from lib.network.units import select_layers
    from lib.oips.photographs import measure_pictures

    network = Network.open(options.model, options.pixels, options.size)
    files, words = find_photographs(options.photographs)
    if not files:
        parser.error(f"no photographs: {'; '.join(words)}")
    photographs = read_photographs(files, network.shape, seed=options.seed)
    print(f"{options.model.name} ({network.pixels}), {'x'.join(map(str, network.shape))}")
    print(f"{len(photographs)} squares of {len(files)} photographs: {'; '.join(words)}")
    exponent = measure_pictures(photographs).exponent
    print(f"their amplitude falls with frequency to the power of {exponent:.2f}", flush=True)
    names = [layer.name for layer in select_layers(network.model, options.layers)]
    exemplars = network.exemplars(names, photographs)
    layers = []
    for layer, units in draw_units(network.model, exemplars, options.layers, options.units, options.seed).items():
        best = photographs[exemplars[layer].numbers[units, 0]]
        layers.append(Shown(layer, units, {PHOTOGRAPH: Drawn(best)}))
    if not layers:
        parser.error("no photograph makes a unit of these layers respond")
    return network, photographs, layers


def growth_of(style: str, options: argparse.Namespace, network: Network) -> Growth:
    """What is usual in a style, for one picture a unit."""
    from lib.oips.settings import GrowthSettings
    from lib.oips.style import STYLES, is_small

    starts = options.starts if STYLES[style].thorough else 0
    asked = GrowthSettings(oips=1, starts=starts, steps=options.steps or 0, seed=options.seed)
    return asked.in_style(style, margin=not is_small((None, *network.shape), None))


def described(growth: Growth) -> str:
    """What decides about the time that a style takes, in words."""
    return (
        f"{growth.style}: {growth.starts} start images, {growth.steps} steps of {growth.step_size:g} at first, "
        f"{growth.constraint}"
    )


def report(name: str, options: argparse.Namespace, layers: list[Shown], photographs: Floats, begun: float) -> None:
    """Print the table of all units and one for each layer, and the JSON object; write the sheet."""
    from lib.naturalness.likeness import colour_shares, fine_shares

    tables = {"all": table(layers)} | {layer.layer: table([layer]) for layer in layers}
    for title, rows in tables.items():
        if title != "all" or len(layers) > 1:
            units = layers if title == "all" else [layer for layer in layers if layer.layer == title]
            print_table(f"{title}: {sum(len(layer.units) for layer in units)} units", rows)
    fine, colour = float(fine_shares(photographs).mean()), float(colour_shares(photographs).mean())
    print(f"\nall photographs: fine {fine:.2f}, colour {colour:.2f}")
    if options.sheet:
        subtitle = f"{layers[0].drawn[PHOTOGRAPH].images.shape[1]} px, pixels {options.pixels}, seed {options.seed}"
        write_sheet(options.sheet, layers, title=f"{options.model.name}: {name}", subtitle=subtitle)
    found = {
        "tables": _plain(tables),
        "photographs": {"fine": fine, "colour": colour},
        "units": {layer.layer: layer.units for layer in layers},
        "seconds": round(time.monotonic() - begun),
    }
    print(json.dumps({name: found}))


def _plain(value: object) -> object:
    """The same without NaN, which is no JSON."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    return value
