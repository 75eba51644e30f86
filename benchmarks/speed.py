"""How fast an ascent is: against tf-keras-vis, the eager loop of the blog, and the machine's sgemm.

    python -m benchmarks speed

All in one run on the same model, layer, units and number of steps; the ways take turns, each at its best of three calls
a round, and ratios are medians over the rounds. Only FLOPs that are executed count: the convolutions up to the layer,
forwards and backwards to the pixels.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

LAYER = "Conv2D_3"
BATCH = 64
STEPS = 30
ROUNDS = 7
CALLS = 3
SGEMM_SIDE = 2048


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


def executed_flops(model: Any) -> int:
    """FLOPs of one image-step: each convolution up to the layer, once forwards and once back to its input."""
    import keras

    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            total += 2 * 2 * int(np.prod(layer.output.shape[1:3])) * int(np.prod(layer.kernel.shape))
        if layer.name == LAYER:
            break
    return total


def main(_: list[str]) -> None:
    """Print the ratios, and one JSON object."""
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
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _round in range(ROUNDS):
        for name, way in ways.items():
            best = max if name == "sgemm" else min
            found[name].append(best(way() for _call in range(CALLS)))
    ours = found["dreamsweep"]
    flops = executed_flops(model)
    shares = [flops / seconds / rate for seconds, rate in zip(ours, found["sgemm"], strict=True)]
    result = {
        "ms an image-step": {name: statistics.median(found[name]) * 1e3 for name in found if name != "sgemm"},
        "sgemm GFLOP/s": statistics.median(found["sgemm"]) / 1e9,
        "MFLOP an image-step": flops / 1e6,
        "share of sgemm": statistics.median(shares),
        "times faster than": {
            name: statistics.median(peer / own for peer, own in zip(found[name], ours, strict=True))
            for name in found
            if name not in ("sgemm", "dreamsweep")
        },
    }
    print(json.dumps(result, indent=1))
