"""How long the exemplars of all 224 maps take, beside the pass over the data set alone.

    python -m benchmarks exemplars [--model FILE]

The pass alone shows the network the same batches under the same constraint, up to the responses of all maps, and keeps
nothing. The exemplars are found as a sweep finds them: with the count of every response by class in the same pass. In
one run, in turns; ratios are medians over the rounds. Wanted: at most twice the time of the pass alone.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

IMAGES = 60_000
BATCH = 256
ROUNDS = 3
WANTED = 2.0


def training_set(model: Any) -> tuple[Any, Any]:
    """The training images of MNIST where there are some, else as many of noise, which cost the network as much."""
    folder = os.environ.get("DREAMSWEEP_MNIST")
    if folder:
        from lib.data.datasets import load

        data = load("mnist", Path(folder))
        return data.train_imgs, data.train_labels
    random = np.random.default_rng(0)
    return random.random((IMAGES, *model.input_shape[1:]), np.float32), random.integers(0, 10, IMAGES)


def alone(model: Any, layers: list[str], constraint: Any) -> Callable[[Any], None]:
    """The pass over images that keeps nothing."""
    import tensorflow as tf

    from lib.network.kernels import fast_kernels
    from lib.network.trunk import responses_of

    trunk = responses_of(model, layers, kernels=fast_kernels)

    @tf.function(input_signature=[tf.TensorSpec((None, *trunk.input_shape), tf.float32)], autograph=False)
    def respond(pixels: Any) -> Any:
        return trunk(constraint.image(pixels))

    def run(images: Any) -> None:
        for first in range(0, len(images), BATCH):
            respond(images[first : first + BATCH])

    return run


def seconds(work: Callable[[], object]) -> float:
    """How long a call takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main(arguments: list[str]) -> None:
    """Print one JSON object; exit with 1 where the ratio falls short."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a .keras file; else the reference network is trained, once")
    args = parser.parse_args(arguments)
    from benchmarks.network import read_or_trained
    from lib.network.units import select_layers
    from lib.oips.constraint import Constraint
    from lib.responses.exemplars import find_exemplars
    from lib.responses.statistics import Survey

    model = read_or_trained(args.model)
    images, labels = training_set(model)
    chosen = {layer.name: layer.units for layer in select_layers(model)}
    constraint = Constraint("standardised", 0.0, 1.0)
    pass_alone = alone(model, list(chosen), constraint)

    def exemplars(some: Any) -> None:
        find_exemplars(model, list(chosen), some, constraint, batch=BATCH)

    def with_surveys(some: Any) -> None:
        surveys = {layer: Survey(units, labels, 10) for layer, units in chosen.items()}
        find_exemplars(model, list(chosen), some, constraint, batch=BATCH, surveys=surveys)
        for survey in surveys.values():
            survey.found()

    ways = {"the pass alone": pass_alone, "exemplars": exemplars, "exemplars and responses by class": with_surveys}
    for way in ways.values():
        way(images[: 2 * BATCH])
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            found[name].append(seconds(partial(way, images)))
    base = found["the pass alone"]
    ratios = {
        name: statistics.median(own / one for own, one in zip(times, base, strict=True))
        for name, times in found.items()
    }
    result = {
        "images": len(images),
        "maps": sum(chosen.values()),
        "seconds": {name: statistics.median(times) for name, times in found.items()},
        "times the pass alone": ratios,
    }
    print(json.dumps(result, indent=1))
    if max(ratios.values()) > WANTED:
        raise SystemExit(1)
