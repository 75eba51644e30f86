"""How often trying pixels finds those that a network was trained with, asks, and is wrong: which it must never be.

python -m benchmarks pixels [--quick]

Small networks are trained on digits, on spots of colour and on coloured stripes, plainly, with normalisation in between
and with normalisation first; with all that has a name, and with others that the trial does not know. Some have random
weights. Each has test images that it was not trained on.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from lib.arrays import Floats, Integers
    from lib.network.pixels import Pixels

    Set = tuple[Floats, Integers, Floats, Integers]

KINDS = ("random", "plain", "normalised", "normalised first")
SIDE = 24
HUES = ((0.85, 0.2, 0.2), (0.2, 0.8, 0.25), (0.2, 0.25, 0.9), (0.8, 0.8, 0.2), (0.7, 0.2, 0.8), (0.2, 0.8, 0.8))


def main(arguments: list[str]) -> None:
    """Print each network's trial and one JSON object. Exits with 1 where something else was chosen than is right."""
    from lib.analysis.pixel_trials import find_by_trial, pick_evenly

    parser = argparse.ArgumentParser(prog="python -m benchmarks pixels")
    parser.add_argument("--quick", action="store_true", help="plain networks on spots of colour alone")
    quick = parser.parse_args(arguments).quick
    found: dict[str, Counter[str]] = {}
    for name, data in _sets(quick).items():
        images, labels, test_images, test_labels = data
        classes = int(labels.max()) + 1
        for kind in ("plain",) if quick else KINDS:
            for called, pixels in _taken(images).items():
                model = _network(images.shape[1:], classes, kind, seed=len(found))
                if kind != "random":
                    model.fit(pixels.to_network(images), labels, epochs=12, batch_size=32, verbose=0)
                picked = pick_evenly(test_labels, len(test_labels))
                choice = find_by_trial(model, test_images[picked], test_labels[picked], classes)
                right = kind != "random" and choice.chosen is not None and str(choice.chosen.pixels) == str(pixels)
                what = "asked" if choice.chosen is None else "right" if right else "wrong"
                known = "random" if kind == "random" else "named" if str(pixels) == called else "other"
                found.setdefault(known, Counter())[what] += 1
                print(f"{name}, {kind}, {called}: {what}; {choice}", flush=True)
    print(json.dumps({"networks": found}))
    if any(counts["wrong"] for counts in found.values()):
        raise SystemExit(1)


def _taken(images: Floats) -> dict[str, Pixels]:
    """What networks are trained with: all that has a name, and what has none."""
    from lib.analysis.pixel_trials import candidates
    from lib.network.pixels import Pixels

    means, deviations = images.mean(axis=(0, 1, 2)), images.std(axis=(0, 1, 2))
    others = {
        "the images' own": Pixels(tuple(map(float, means)), tuple(map(float, deviations))),
        "far off": Pixels((0.9,), (0.1,)),
    }
    if images.shape[-1] == 3:
        others |= {"0..1, turned": Pixels(bgr=True), "0..255, turned": Pixels((0.0,), (1 / 255,), bgr=True)}
        others["caffe, turned"] = Pixels.parse("123.68,116.779,103.939/1")
    return candidates(images.shape[-1]) | others


def _network(shape: tuple[int, ...], classes: int, kind: str, *, seed: int) -> Any:
    import keras
    from keras import layers

    keras.utils.set_random_seed(seed)
    steps: list[Any] = [keras.Input(shape)]
    if kind == "normalised first":
        steps.append(layers.BatchNormalization())
    for maps in (16, 32):
        steps.append(layers.Conv2D(maps, 3, use_bias=kind != "normalised"))
        if kind == "normalised":
            steps.append(layers.BatchNormalization())
        steps += [layers.Activation("relu"), layers.MaxPooling2D()]
    head = layers.GlobalAveragePooling2D() if shape[-1] == 3 else layers.Flatten()
    model = keras.Sequential([*steps, head, layers.Dense(classes, activation="softmax")])
    model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy")
    return model


def _sets(quick: bool) -> dict[str, Set]:
    spots: Set = (*_coloured(1500, 6, 0, stripes=False), *_coloured(400, 6, 1, stripes=False))
    if quick:
        return {"spots": spots}
    from lib.data.digits import load

    digits = load()
    return {
        "digits": (digits.train_imgs, digits.train_labels, digits.test_imgs, digits.test_labels),
        "spots": spots,
        "stripes": (*_coloured(1500, 5, 2, stripes=True), *_coloured(400, 5, 3, stripes=True)),
    }


def _coloured(count: int, classes: int, seed: int, *, stripes: bool) -> tuple[Floats, Integers]:
    """Spots whose colour is their class on noise, or stripes of any colour whose direction is."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count)
    images = random.uniform(0, 0.35, (count, SIDE, SIDE, 3))
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for image, label in zip(images, labels, strict=True):
        if not stripes:
            y, x = random.integers(0, SIDE - 8, 2)
            image[y : y + 8, x : x + 8] = HUES[label] + random.normal(0, 0.1, 3)
            continue
        angle = np.pi * label / classes
        along = np.cos(angle) * columns + np.sin(angle) * rows
        wave = 0.5 + 0.5 * np.sin(random.uniform(0.9, 1.1) * along + random.uniform(0, 6))
        image *= 0.55
        image += 0.45 * wave[..., None] * HUES[random.integers(len(HUES))] + random.normal(0, 0.12, image.shape)
    return np.clip(images, 0, 1).astype(np.float32), labels
