"""How fast the activations of a test set stream to HDF5 beside `model.predict` on the same batches, in which memory.

    python -m benchmarks activations [--model FILE] [--folder FOLDER]

All layers of the reference network, in one run; the ways take turns, and ratios are medians over the rounds. Wanted:
0.8 or more of the speed of `model.predict`, as far as the disk goes (1.5 GB are written). Peak memory: of a process of
its own for 2,000 and for 10,000 images.
`predict of all layers` is the usual way, a Keras model with every layer as an output; it holds everything in memory.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

IMAGES = 10_000
BATCH = 256
ROUNDS = 7


def pictures(model: Any, count: int) -> Any:
    """Noise: what the network makes of it costs as much as any image."""
    return np.random.default_rng(0).random((count, *model.input_shape[1:]), np.float32)


def seconds(work: Any) -> float:
    """How long a call takes, with what was written before on disk."""
    os.sync()
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def speed(model: Any, folder: Path) -> dict[str, Any]:
    """Seconds of each way, and ratios."""
    import keras

    from lib.analysis.activation_file import write_hdf5
    from lib.analysis.activations import Activations

    images = pictures(model, IMAGES)
    activations = Activations(model)
    everything = keras.Model(model.inputs, [model.get_layer(layer).output for layer in activations.layers])
    file = folder / "activations.h5"
    size = 4 * IMAGES * sum(array[0].size for array in activations.of(images[:1]).values())

    def plain(some: Any) -> None:
        model.predict(some, batch_size=BATCH, verbose=0)

    def stream(some: Any) -> None:
        write_hdf5(activations, some, file, batch=BATCH)
        file.unlink()

    for way in (plain, stream):
        way(images[: 2 * BATCH])
    found: dict[str, list[float]] = {"predict": [], "stream": []}
    for _ in range(ROUNDS):
        found["predict"].append(seconds(lambda: plain(images)))
        found["stream"].append(seconds(lambda: stream(images)))
    everything.predict(images[: 2 * BATCH], batch_size=BATCH, verbose=0)
    all_layers = seconds(lambda: everything.predict(images, batch_size=BATCH, verbose=0))
    ratios = [one / other for one, other in zip(found["predict"], found["stream"], strict=True)]
    return {
        "seconds": {name: statistics.median(times) for name, times in found.items()},
        "speed beside predict": statistics.median(ratios),
        "in each round": ratios,
        "seconds of predict of all layers": all_layers,
        "speed beside predict of all layers": all_layers / statistics.median(found["stream"]),
        "GB": size / 1e9,
    }


def peak(model: Any, folder: Path, count: int) -> None:
    """Print how many MB the process has at most, before and after `count` images."""
    from lib.analysis.activation_file import write_hdf5
    from lib.analysis.activations import Activations

    images = pictures(model, count)
    activations = Activations(model)
    file = folder / f"{count}.h5"
    write_hdf5(activations, images[:BATCH], file, batch=BATCH)
    before = _peak_megabytes()
    write_hdf5(activations, images, file, batch=BATCH)
    file.unlink()
    print(json.dumps([before, _peak_megabytes()]))


def _peak_megabytes() -> float:
    # not `resource`: what that says is also of the process that started this one
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 1024


def main(arguments: list[str]) -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a .keras file; else the reference network is trained, once")
    parser.add_argument("--folder", type=Path, help="where to write; a temporary folder by default")
    parser.add_argument("--peak", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    from benchmarks.network import read_or_trained

    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        if args.peak:
            peak(read_or_trained(args.model), folder, args.peak)
            return
        model = read_or_trained(args.model)
        kept = folder / "model.keras"
        model.save(kept)
        result = speed(model, folder)
        command = [sys.executable, "-m", "benchmarks", "activations", "--model", str(kept), "--folder", str(folder)]
        for count in (2_000, IMAGES):
            done = subprocess.run([*command, "--peak", str(count)], check=True, capture_output=True, text=True)
            result[f"peak MB at 256 and at {count} images"] = json.loads(done.stdout.splitlines()[-1])
    print(json.dumps(result, indent=1))
