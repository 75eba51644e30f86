"""Units drawn by xplique, beside ours: the same network, units and image-steps, measured alike.

    python -m benchmarks peers --python PYTHON_OF_THE_OTHER_ENVIRONMENT --model FILE --pixels caffe
        --photographs packaged FOLDER --layers block3_conv3 block4_conv3 block5_conv3 [--units 6] [--sheet FILE]

xplique wants other versions than we do, so it has an environment of its own, which nothing here imports:
`python -m venv FOLDER` and `FOLDER/bin/pip install xplique==2.0.2`. There `benchmarks/xplique_run.py` draws each unit
with the Fourier parameterisation and with MaCo, in as many image-steps as "natural" takes; then all pictures are
measured here, on our network. Crops of a step of MaCo are image-steps too: it has one a step (`--crops`), where its own
default is 32. Processor time includes what is traced.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.quality_table import STRONG, Shown
from benchmarks.recognisable import add_options, described, growth_of, opened, report
from benchmarks.unit_pictures import Drawn, Network, grow, quality_of

if TYPE_CHECKING:
    from lib.arrays import Floats
    from lib.oips.growth import Growth

OURS = "natural"
SCRIPT = Path(__file__).with_name("xplique_run.py")
NETWORK, PHOTOGRAPHS, PLAN = "network.keras", "photographs.npy", "plan.json"
PICTURES, REPORT = "pictures.npz", "report.json"


def main(arguments: list[str]) -> None:
    """Print the tables and one JSON object; write the sheet."""

    parser = argparse.ArgumentParser(prog="python -m benchmarks peers", description=__doc__.splitlines()[0])
    parser.add_argument("--python", type=Path, required=True, help="of the environment that xplique is installed in")
    add_options(parser, units=6, starts=1)
    parser.add_argument("--crops", type=int, default=1, help="of a step of MaCo; its own default is 32")
    parser.add_argument(
        "--box", type=float, help="the side of MaCo's crops, as a share of the image; default: from 0.5 down to 0.05"
    )
    options = parser.parse_args(arguments)
    begun = time.monotonic()
    network, photographs, layers = opened(parser, options)
    growths = {style: growth_of(style, options, network) for style in (OURS, STRONG)}
    theirs, versions = drawn_by_xplique(parser, options, network, photographs, layers, growths[OURS])
    print("there:", ", ".join(f"{name} {version}" for name, version in versions.items()))
    for growth in growths.values():
        print(described(growth))
    for layer in layers:
        for style, growth in growths.items():
            layer.drawn[style] = grow(network, layer.layer, layer.units, growth, photographs)
        layer.drawn |= theirs[layer.layer]
        measure = network.measure(layer.layer)
        layer.quality = {way: quality_of(measure, drawn.images, layer.units) for way, drawn in layer.drawn.items()}
        print(f"{layer.layer} is measured", flush=True)
    report("peers", options, layers, photographs, begun)


def drawn_by_xplique(
    parser: argparse.ArgumentParser,
    options: argparse.Namespace,
    network: Network,
    photographs: Floats,
    layers: list[Shown],
    ours: Growth,
) -> tuple[dict[str, dict[str, Drawn]], dict[str, str]]:
    """By layer and way; and the versions of what drew them."""
    steps = ours.starts * ours.steps
    plan: dict[str, Any] = {
        "shape": network.shape,
        "bgr": network.pixels.bgr,
        "scale": network.pixels.scale.tolist(),
        "offset": network.pixels.offset.tolist(),
        "steps": steps,
        "crops": options.crops,
        "box": options.box,
        "seed": options.seed,
        "targets": [target_of(network.saved, layer) for layer in layers],
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        network.saved.save(folder / NETWORK)
        np.save(folder / PHOTOGRAPHS, photographs)
        (folder / PLAN).write_text(json.dumps(plan))
        ran = subprocess.run([options.python, SCRIPT, folder], check=False)
        if ran.returncode:
            parser.error(f"{options.python} could not draw with xplique: it ended with {ran.returncode}, see above")
        made = json.loads((folder / REPORT).read_text())
        with np.load(folder / PICTURES) as pictures:
            found: dict[str, dict[str, Drawn]] = {layer.layer: {} for layer in layers}
            for key, seconds in made["seconds"].items():
                way, _, layer = key.partition(":")
                each = steps * (options.crops if way == "MaCo" else 1)
                found[layer][f"{way} (xplique)"] = Drawn(pictures[key], seconds, each)
    return found, made["versions"]


def target_of(model: Any, layer: Shown) -> dict[str, Any]:
    """What is to be drawn: `activation` is the layer whose output is the response, in these channels: the units' own
    layer, or one behind it."""
    from lib.network.graph import graph_of
    from lib.network.units import layers_with_units

    place = next(place for found, place in layers_with_units(model).items() if found.name == layer.layer)
    activation = next(step.name for step in graph_of(model).steps if place.after in step.outputs)
    return {
        "layer": layer.layer,
        "activation": activation,
        "channels": [place.offset + unit for unit in layer.units],
    }
