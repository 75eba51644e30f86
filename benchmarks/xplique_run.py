"""Draws units with xplique, in the environment that it is installed in: `benchmarks.peers` runs this file there.

    PYTHON xplique_run.py FOLDER

FOLDER holds `network.keras`, `photographs.npy` and `plan.json`; `pictures.npz` and `report.json` are written there.
Nothing of dreamsweep is imported: that environment does not have it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")  # processor time is what is compared

import numpy as np
import tensorflow as tf
from xplique.features_visualizations import Objective, maco, optimize

PACKAGES = ("xplique", "tensorflow", "keras", "numpy")


def main(folder: Path) -> None:
    """Draw every unit of the plan in every way; write pictures within 0..1, and seconds of processor time a unit."""
    plan = json.loads((folder / "plan.json").read_text())
    photographs = np.load(folder / "photographs.npy")
    network = read_network(folder / "network.keras", plan)
    pictures: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    for target, output in zip(plan["targets"], network.outputs, strict=True):
        units, layer = target["channels"], target["layer"]
        for way, draw in ways(plan, photographs).items():
            tf.random.set_seed(plan["seed"])
            np.random.seed(plan["seed"])  # it is what xplique draws from
            begun = time.process_time()
            pictures[f"{way}:{layer}"] = np.asarray(draw(network, output, units), np.float32)
            seconds[f"{way}:{layer}"] = (time.process_time() - begun) / len(units)
            print(f"{layer} by {way}: {seconds[f'{way}:{layer}']:.1f} s a unit", flush=True)
    np.savez(folder / "pictures.npz", **pictures)
    versions = {name: version(name) for name in PACKAGES}
    (folder / "report.json").write_text(json.dumps({"versions": versions, "seconds": seconds}))


def read_network(file: Path, plan: dict[str, Any]) -> Any:
    """The network for pictures within 0..1 of the plan's shape; its outputs are the activations of the targets."""
    saved = tf.keras.models.load_model(file, compile=False)
    activations = [saved.get_layer(target["activation"]).output for target in plan["targets"]]
    plain = tf.keras.Model(saved.inputs, activations)
    shown = tf.keras.Input(tuple(plan["shape"]))
    taken = shown[..., ::-1] if plan["bgr"] else shown
    taken = taken * np.asarray(plan["scale"], np.float32) + np.asarray(plan["offset"], np.float32)
    outputs = tf.keras.Function.call(plain, [taken])  # layer by layer, so that it can be cut behind any of them
    return tf.keras.Model(shown, outputs)


def ways(plan: dict[str, Any], photographs: Any) -> dict[str, Any]:
    """What is drawn with: the transformations, optimisers and sizes of steps are xplique's own defaults.

    So are the magnitudes of MaCo in colour, which are ImageNet's; for grey pictures it has none, and gets those of the
    photographs.
    """
    size, steps = tuple(plan["shape"][:2]), plan["steps"]
    known = None if plan["shape"][2] == 3 else tf.data.Dataset.from_tensor_slices(photographs).batch(len(photographs))

    def fourier(network: Any, output: Any, units: list[int]) -> Any:
        images, _ = optimize(channels(network, output, units), nb_steps=steps, custom_shape=size)
        return images[-1]

    def constrained(network: Any, output: Any, units: list[int]) -> Any:
        drawn = []
        for unit in units:  # it takes one at a time
            image, _ = maco(
                channels(network, output, [unit]),
                maco_dataset=known,
                nb_steps=steps,
                nb_crops=plan["crops"],
                box_size=plan["box"],
                values_range=(0, 1),
                custom_shape=size,
            )
            drawn.append(image)
        return np.stack(drawn)

    return {"Fourier": fourier, "MaCo": constrained}


def channels(network: Any, output: Any, units: list[int]) -> Any:
    """What `Objective.channel` makes of a layer: that asks for its only output, and these layers have two."""
    masks = np.zeros((len(units), *output.shape[1:]), np.float32)
    masks[np.arange(len(units)), ..., units] = 1.0
    axes = list(range(1, len(output.shape)))

    def mean(maps: Any, mask: Any) -> Any:
        return tf.reduce_mean(maps * mask, axis=axes)

    return Objective(network, [output], [masks], [mean], [1.0], [[str(unit) for unit in units]])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
