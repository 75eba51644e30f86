"""How fast an ascent is: against tf-keras-vis, the eager loop of the blog, PyTorch, and the machine's sgemm.

    python -m benchmarks speed [--device cpu|gpu] [--torch PYTHON]

All in one run on the same model, layer, units and number of steps; the ways take turns, each at its best of three calls
a round, and ratios are medians over the rounds. PYTHON is that of an environment with PyTorch, which nothing here
imports: there `speed_torch.py` runs the same ascent of the same batch, eager, in a process of its own a round.

Two shares of sgemm: of the whole convolutions up to the layer, forwards and back to the pixels, as if all of the
layer's maps were computed (what earlier versions did); and of what is executed, which is one map of the layer an image.
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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

LAYER = "Conv2D_3"
BATCH = 64
STEPS = 30
ROUNDS = 7
CALLS = 3
SGEMM_SIDE = 2048
TORCH_SCRIPT = Path(__file__).with_name("speed_torch.py")


def sgemm(side: int = SGEMM_SIDE) -> Callable[[], float]:
    """Gives the rate, in FLOP/s, of TensorFlow's matrix product of float32."""
    import tensorflow as tf

    first, second = (tf.random.stateless_normal((side, side), (0, at)) for at in (1, 2))

    @tf.function
    def product(first: Any, second: Any) -> Any:
        for _ in tf.range(8):
            first = tf.matmul(first, second) / float(side)
        return first

    def rate() -> float:
        begun = time.perf_counter()
        product(first, second).numpy()
        return float(8 * 2 * side**3 / (time.perf_counter() - begun))

    rate()
    return rate


def eager_loop(model: Any) -> Callable[[], float]:
    """Gives seconds an image-step of the blog's way: one image, a GradientTape a step, in Python."""
    import keras
    import tensorflow as tf

    part = keras.Model(model.inputs, model.get_layer(LAYER).output)

    def run() -> float:
        image = tf.random.stateless_normal((1, *model.input_shape[1:]), (0, 3))
        begun = time.perf_counter()
        for _ in range(STEPS):
            with tf.GradientTape() as tape:
                tape.watch(image)
                loss = tf.reduce_mean(part(image)[..., 56])
            gradient = tape.gradient(loss, image)
            gradient /= tf.sqrt(tf.reduce_mean(tf.square(gradient))) + 1e-7
            image = image + 0.1 * gradient
            image = (image - tf.reduce_mean(image)) / (tf.math.reduce_std(image) + 1e-7)
        image.numpy()
        return (time.perf_counter() - begun) / STEPS

    run()
    return run


def tf_keras_vis(model: Any) -> Callable[[], float]:
    """Gives seconds an image-step of tf-keras-vis's ActivationMaximization with its defaults."""
    from tf_keras_vis.activation_maximization import ActivationMaximization
    from tf_keras_vis.utils.model_modifiers import ExtractIntermediateLayer, ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    maximise = ActivationMaximization(model, [ExtractIntermediateLayer(LAYER), ReplaceToLinear()], clone=True)

    def run() -> float:
        begun = time.perf_counter()
        maximise(CategoricalScore([56]), steps=STEPS)
        return (time.perf_counter() - begun) / STEPS

    run()
    return run


def dreamsweep(model: Any) -> Callable[[], float]:
    """Gives seconds an image-step of the compiled ascent, 64 images for 64 units."""
    from lib.oips.ascent import Ascent, AscentState, cosine_rates
    from lib.oips.constraint import Constraint
    from lib.oips.settings import GrowthSettings

    ascent = Ascent(model, LAYER, Constraint("standardised", 0.0, 1.0), batch=BATCH)
    noise = np.random.default_rng(0).standard_normal((BATCH, *ascent.shape)).astype(np.float32)
    starts = AscentState.from_starts(ascent.starts(noise))
    rates = np.repeat(cosine_rates(STEPS, GrowthSettings().in_style("strong").step_size)[:, None], BATCH, axis=1)

    def run() -> float:
        begun = time.perf_counter()
        ascent.optimise(starts, np.arange(BATCH), rates)
        return (time.perf_counter() - begun) / STEPS / BATCH

    run()
    return run


def torch_eager(model: Any, python: Path) -> Callable[[], float]:
    """Gives seconds an image-step of the same ascent in PyTorch, by the Python of an environment that has it."""
    import keras

    from lib.oips.ascent import cosine_rates
    from lib.oips.settings import GrowthSettings

    weights: dict[str, Any] = {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            at = len(weights) // 2
            weights[f"kernel{at}"], weights[f"bias{at}"] = layer.get_weights()
        if layer.name == LAYER:
            break
    rates = cosine_rates(STEPS, GrowthSettings().in_style("strong").step_size).tolist()
    sides, threads = model.input_shape[1:3], len(os.sched_getaffinity(0))
    plan = {"batch": BATCH, "rates": rates, "sides": sides, "threads": threads, "calls": CALLS}

    def run() -> float:
        with tempfile.TemporaryDirectory() as folder:
            np.savez(Path(folder, "weights.npz"), **weights)
            Path(folder, "plan.json").write_text(json.dumps(plan))
            ran = subprocess.run([python, TORCH_SCRIPT, folder], stdout=subprocess.PIPE, text=True, check=False)
        if ran.returncode:
            sys.exit(f"{python} could not run the ascent in PyTorch: it ended with {ran.returncode}, see above")
        return float(min(json.loads(ran.stdout)["seconds"]))

    return run


def flops(model: Any, *, executed: bool) -> int:
    """FLOPs of one image-step: each convolution up to the layer, once forwards and once back to its input.

    `executed`: of the layer itself one map counts.
    """
    import keras

    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            whole = 2 * 2 * int(np.prod(layer.output.shape[1:3])) * int(np.prod(layer.kernel.shape))
            total += whole // layer.filters if executed and layer.name == LAYER else whole
        if layer.name == LAYER:
            break
    return total


def main(arguments: list[str]) -> None:
    """Print the ratios, and one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks speed", description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cpu", "gpu"), help="default: what TensorFlow chooses")
    parser.add_argument("--torch", type=Path, metavar="PYTHON", help="of an environment that PyTorch is installed in")
    options = parser.parse_args(arguments)
    if options.torch and options.device == "gpu":
        parser.error("--torch compares on the CPU: leave out --device gpu")
    choose_device(parser, options.device)
    from benchmarks.network import trained
    from flows.forms.places import DATA_FOLDER
    from flows.serving.server import local_server

    with local_server(DATA_FOLDER):
        model, _data = trained()
    ways = {"dreamsweep": dreamsweep(model), "sgemm": sgemm(), "eager": eager_loop(model)}
    try:
        ways["tf-keras-vis"] = tf_keras_vis(model)
    except ImportError:
        print("tf-keras-vis is not installed: `make bench` installs it")
    if options.torch:
        ways["PyTorch eager, batched"] = torch_eager(model, options.torch)
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _round in range(ROUNDS):
        for name, way in ways.items():
            best = max if name == "sgemm" else min
            found[name].append(best(way() for _call in range(1 if "PyTorch" in name else CALLS)))
    ours = found["dreamsweep"]

    def share(of: int) -> float:
        return statistics.median(of / seconds / rate for seconds, rate in zip(ours, found["sgemm"], strict=True))

    result = {
        "ms an image-step": {name: statistics.median(found[name]) * 1e3 for name in found if name != "sgemm"},
        "sgemm GFLOP/s": statistics.median(found["sgemm"]) / 1e9,
        "MFLOP an image-step": {
            "of whole layers": flops(model, executed=False) / 1e6,
            "executed": flops(model, executed=True) / 1e6,
        },
        "share of sgemm": {
            "of whole layers": share(flops(model, executed=False)),
            "executed": share(flops(model, executed=True)),
        },
        "times faster than": {
            name: statistics.median(peer / own for peer, own in zip(found[name], ours, strict=True))
            for name in found
            if name not in ("sgemm", "dreamsweep")
        },
    }
    print(json.dumps(result, indent=1))


def choose_device(parser: argparse.ArgumentParser, device: str | None) -> None:
    """Make TensorFlow use it, before it uses any; refuse a GPU that it does not see."""
    import tensorflow as tf

    if device == "cpu":
        tf.config.set_visible_devices([], "GPU")
    if device == "gpu" and not tf.config.get_visible_devices("GPU"):
        parser.error("TensorFlow sees no GPU here: install it with `make setup GPU=1` on a machine that has one")
