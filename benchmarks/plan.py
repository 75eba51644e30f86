"""What a sweep is said to take, and what it took: CPU time and bytes, one after the other in one process.

    python -m benchmarks plan [--network reference|mobilenet|resnet|vgg] [--layers N] [--units N] [--batch N]

The reference network is swept whole, on MNIST where DREAMSWEEP_MNIST names its folder. Of the others, which have random
weights and images of 128x128 (`vgg`: of 64x64, with a data set), some units of some layers are swept, spread over all
of them; in quality draft where there is no data set, as many units of an untrained network are silent, and nobody can
tell how many. Layers are timed in the same run. Beside that it prints how long every map that is left of the network
would take. The memory is the most that the process ever had: run one network by itself. Wanted: CPU time within 30 % of
what it took.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

NETWORKS = ("reference", "mobilenet", "resnet", "vgg")
WANTED = 0.3


def vgg() -> Any:
    """Three blocks of convolutions for colour images of 64x64."""
    import keras
    from keras import layers as kl

    entry = tensor = keras.Input((64, 64, 3))
    for block, maps in enumerate((32, 64, 128), 1):
        for number in (1, 2):
            name = f"block{block}_conv{number}"
            tensor = kl.Conv2D(maps, 3, padding="same", activation="relu", name=name)(tensor)
        tensor = kl.MaxPooling2D(name=f"block{block}_pool")(tensor)
    tensor = kl.Dense(10, activation="softmax")(kl.GlobalAveragePooling2D()(tensor))
    return keras.Model(entry, tensor, name="vgg")


def network(name: str) -> Any:
    """One of them, with random weights from a fixed seed."""
    import keras

    keras.utils.set_random_seed(0)
    if name == "vgg":
        return vgg()
    make = {"mobilenet": keras.applications.MobileNetV2, "resnet": keras.applications.ResNet50}[name]
    return make(weights=None, input_shape=(128, 128, 3))


def write_pictures(folder: Path) -> str:
    """Smooth random pictures of two classes; returns the data set's name."""
    from PIL import Image
    from scipy.ndimage import gaussian_filter

    random = np.random.default_rng(0)
    for label in (1, 4):
        (folder / f"blur {label}").mkdir(parents=True)
        for number in range(200):
            noise = gaussian_filter(random.normal(size=(64, 64, 3)), (label, label, 0))
            pixels = np.rint(128 + 60 * noise / noise.std()).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"blur {label}" / f"{number}.png")
    return f"folder:{folder}"


def some_units(model: Any, layers: int, units: int) -> list[str]:
    """The first units of some layers, spread over those that are swept."""
    from lib.network.units import select_layers

    every = select_layers(model)
    chosen = [every[round(at)] for at in np.linspace(0, len(every) - 1, min(layers, len(every)))]
    return [f"{layer.name}/0-{min(units, layer.units) - 1}" for layer in dict.fromkeys(chosen)]


def asked_for(name: str, folder: Path, layers: int, units: int) -> dict[str, Any]:
    """The parameters of the sweep of a network."""
    if name == "reference":
        mnist = os.environ.get("DREAMSWEEP_MNIST")
        from flows.forms.parameters import TrainParameters
        from flows.train import train

        data: dict[str, Any] = {"data": "mnist" if mnist else "digits", "data_dir": Path(mnist) if mnist else None}
        return {"model": train(TrainParameters(store=str(folder / "store"), **data))["model"]}
    model = network(name)
    model.save(folder / f"{name}.keras")
    asked = {"model": str(folder / f"{name}.keras"), "layers": some_units(model, layers, units), "pixels": "0..1"}
    return asked | ({"data": write_pictures(folder / "pictures")} if name == "vgg" else {"quality": "draft"})


def taken(work: Callable[[], object]) -> tuple[float, float]:
    """CPU seconds, and seconds by the clock."""
    cpu, clock = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - clock


def main(arguments: list[str]) -> None:
    """Print one JSON object for each network; exit with 1 where an estimate is further off."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=NETWORKS, action="append")
    parser.add_argument("--layers", type=int, default=5)
    parser.add_argument("--units", type=int, default=24)
    parser.add_argument("--batch", type=int, default=64)
    args = parser.parse_args(arguments)
    from flows.forms.places import DATA_FOLDER
    from flows.serving.server import local_server

    off = []
    with local_server(DATA_FOLDER):
        for name in args.network or NETWORKS:
            with tempfile.TemporaryDirectory() as folder:
                found = measured(name, Path(folder), args)
            print(json.dumps(found, indent=1), flush=True)
            off.append(abs(found["estimate over what it took"] - 1))
    if max(off) > WANTED:
        raise SystemExit(1)


def measured(name: str, folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """What the plan of a network says, and what its sweep took."""
    from flows.forms.parameters import SweepParameters
    from flows.plan import sweep_plan
    from flows.results.plans import asked
    from flows.sweep import oip_sweep
    from flows.sweeping.plan import TIMINGS
    from storage.store import Store

    shutil.rmtree(TIMINGS, ignore_errors=True)
    place = str(folder / "store")
    parameters = SweepParameters(store=place, batch=args.batch, **asked_for(name, folder, args.layers, args.units))
    plan: Any = None

    def tell() -> None:
        nonlocal plan
        plan = sweep_plan(parameters)

    planning, _ = taken(tell)
    before = stored(place)
    cpu, clock = taken(lambda: oip_sweep(parameters))
    one = asked(plan)
    memory, load = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, os.getloadavg()[0]
    every = sweep_plan(parameters.model_copy(update={"layers": None}))
    whole = asked(every)
    run = Store.open(place).run(Store.open(place).ref("sweep/latest").removeprefix("run:"))
    return {
        "network": name,
        "maps": plan["maps"],
        "layers": plan["layers"],
        "style": plan["style"],
        "quality": plan["quality"],
        "verdicts": verdicts(place, run.id),
        "load": load,
        "CPU seconds": {"the plan itself": planning, "estimate": one["cpu_seconds"], "took": cpu},
        "seconds by the clock": {"estimate": one["seconds"], "took": clock},
        "bytes a unit": {"estimate": one["bytes"] / plan["maps"], "took": (stored(place) - before) / plan["maps"]},
        "memory": {"estimate": plan["memory"], "took": memory},
        "estimate over what it took": one["cpu_seconds"] / cpu,
        "every map that is left": {"maps": whole["missing"], "hours by the clock": whole["seconds"] / 3600},
    }


def verdicts(place: str, run: str) -> dict[str, int]:
    """How many maps came to which."""
    from flows.results.runs import describe_run
    from storage.store import Store

    store = Store.open(place)
    return describe_run(store, store.run(run), time.time())["verdicts"]


def stored(place: str) -> int:
    """Bytes of all files of a store."""
    return sum(path.stat().st_size for path in Path(place).rglob("*") if path.is_file())
