"""How fast pictures dream in octaves, against a plain loop, and how much memory a photograph takes.

    python -m benchmarks dreams            a folder of 20 pictures, both ways; traces over 50 sizes
    python -m benchmarks dreams --large    24 megapixels of colours: peak memory, and time by megapixels

The plain loop is in the style of Keras's own DeepDream example, written afresh: a GradientTape a step, in Python, over
a model that gives the layer's maps; bilinear resizing; no smoothing and no jitter, which ours has. Both dream the same
pictures at the same octaves for as many steps, take turns, and the ratio is the median over rounds. Ours dreams as many
pictures at once as the flow does; how long it takes one after the other is told as well. The weights are
those of an untrained network: they decide nothing about time.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from tasks.dream.context import AT_ONCE

LAYER = "Conv2D_3"
OCTAVES, SCALE, STEPS = 4, 1.4, 10
ROUNDS = 3
PICTURES = 20
MEGAPIXELS = (6, 12, 24)


def photograph(height: int, width: int) -> Any:
    """scikit-learn's flower, uint8 [height, width, 3]."""
    from PIL import Image
    from sklearn.datasets import load_sample_image

    flower = Image.fromarray(load_sample_image("flower.jpg"))
    return np.asarray(flower.resize((width, height), Image.Resampling.BICUBIC))


def dreamer(model: Any) -> Any:
    """Ours, with the defaults of a dream but for octaves and steps."""
    from lib.dream.dreamer import Dreamer
    from lib.dream.settings import DreamSettings

    return Dreamer(model, DreamSettings(objective=LAYER, octaves=OCTAVES, octave_scale=SCALE, steps=STEPS))


def network() -> Any:
    """The reference network, untrained."""
    from lib.training.reference import build

    return build((28, 28, 1), 10, seed=0)


def plain_loop(model: Any) -> Any:
    """Gives a function that dreams one picture as Keras's example does."""
    import keras
    import tensorflow as tf

    entry = x = keras.Input((None, None, 1))
    for layer in model.layers[: [layer.name for layer in model.layers].index(LAYER) + 1]:
        x = layer(x)
    extractor = keras.Model(entry, x)

    def step(image: Any, rate: float) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(image)
            loss = tf.reduce_mean(tf.square(extractor(image)))
        gradient = tape.gradient(loss, image)
        gradient /= tf.maximum(tf.reduce_mean(tf.abs(gradient)), 1e-6)
        return image + rate * gradient

    def dream(picture: Any) -> Any:
        original = tf.image.rgb_to_grayscale(tf.constant(picture, tf.float32)[None] / 255)
        height, width = picture.shape[:2]
        shapes = [(int(height / SCALE**at), int(width / SCALE**at)) for at in reversed(range(OCTAVES))]
        shrunk = image = tf.image.resize(original, shapes[0])
        for shape in shapes:
            image = tf.image.resize(image, shape)
            own = tf.image.resize(original, shape)
            image += own - tf.image.resize(shrunk, shape)
            for _ in range(STEPS):
                image = step(image, 0.01)
            shrunk = own
        return np.clip(image.numpy()[0] * 255, 0, 255).astype(np.uint8)

    return dream


def folder(model: Any) -> dict[str, Any]:
    """Seconds that pictures of mixed sizes take in both ways."""
    random = np.random.default_rng(0)
    pictures = [photograph(*map(int, random.integers(60, 500, 2))) for _ in range(PICTURES)]
    ours, theirs = dreamer(model), plain_loop(model)
    ours.dream(pictures[0])
    theirs(pictures[0])

    def as_the_flow_does() -> None:
        with ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(ours.dream, pictures))

    ways: dict[str, Callable[[], object]] = {
        "dreamsweep": as_the_flow_does,
        "dreamsweep, one at a time": lambda: [ours.dream(picture) for picture in pictures],
        "plain loop": lambda: [theirs(picture) for picture in pictures],
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _round in range(ROUNDS):
        for name, way in ways.items():
            begun = time.perf_counter()
            way()
            found[name].append(time.perf_counter() - begun)
    pixels = sum(picture.shape[0] * picture.shape[1] for picture in pictures)
    steps = pixels * STEPS * sum(SCALE ** (-2 * at) for at in range(OCTAVES))
    ratios = [plain / own for plain, own in zip(found["plain loop"], found["dreamsweep"], strict=True)]
    return {
        "seconds a folder": {name: statistics.median(seconds) for name, seconds in found.items()},
        "ns a pixel and step": {name: statistics.median(s) / steps * 1e9 for name, s in found.items()},
        "times faster than the plain loop": statistics.median(ratios),
    }


def traces(model: Any) -> int:
    """How often the loop is traced over pictures of 50 sizes."""
    ours = dreamer(model)
    for at in range(50):
        ours.dream(photograph(40 + 3 * at, 200 - 2 * at))
    return int(ours.traces)


def child(megapixels: float) -> None:
    """Dream one photograph of colours in this process, and print what it took."""
    import resource

    model = network()
    ours = dreamer(model)
    ours.dream(photograph(64, 64))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    height = round((megapixels * 1e6 * 2 / 3) ** 0.5)
    picture = photograph(height, height * 3 // 2)
    begun = time.perf_counter()
    ours.dream(picture)
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"megapixels": megapixels, "seconds": seconds, "GiB": peak / 2**20, "GiB before": before / 2**20}))


def large() -> list[dict[str, float]]:
    """Time and peak resident size of photographs, each in a process of its own."""
    found = []
    for megapixels in MEGAPIXELS:
        code = f"from benchmarks.dreams import child; child({megapixels})"
        done = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True)
        found.append(json.loads(done.stdout.splitlines()[-1]))
        print(found[-1], flush=True)
    return found


def main(arguments: list[str]) -> None:
    """Print one JSON object."""
    if "--large" in arguments:
        print(json.dumps({"large": large()}, indent=1))
        return
    model = network()
    print(json.dumps({**folder(model), "traces over 50 sizes": traces(model)}, indent=1))
