"""What an analysis keeps, in a synthetic store."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lib.analysis.predictions import Predictions
from lib.draw.activation_grid import activation_grid
from storage.record import Input, NewOutput, Record
from storage.tensors import HDF5, NPY, hdf5_bytes, npy_bytes
from tests.tasks.gallery.synthetic import MODEL, Synthetic, png

CLASSES = ["four", "nine", "<b>six</b>"]


@dataclass(frozen=True)
class Of:
    """What is analysed: a network or checkpoint by its identity, with images of these digests from this data set."""

    identity: str = MODEL
    blobs: Mapping[str, str] = field(default_factory=dict)
    data: str = "mnist"


def analyse(made: Synthetic, of: Of | None = None) -> None:
    """What an analysis of the model keeps: of a set, of two images and one picture, and of two classes."""
    of = of or Of()
    _predictions(made, predictions(), of)
    for names in (["test/4"], ["picture:rose petal.png"], ["test/4", "test/1"]):
        look_at(made, names, of)
    _attribution(made, "test/4", of)
    compare_groups(made, of)
    _linear(made, of)
    _commit_analysis(
        made,
        of,
        "tensors",
        {"set": "test", "layers": ["Conv2D_1"]},
        [NewOutput("tensors", b"very large", "tensors", HDF5)],
    )


def analyse_without_numbers(made: Synthetic) -> None:
    """What an analysis keeps where some images, or the pair, come to no numbers."""
    known = predictions()
    probabilities = known.probabilities.copy()
    probabilities[[4, 5]] = np.nan
    _predictions(made, Predictions(probabilities, known.labels), Of())
    for names in (["test/4"], ["test/4", "test/1"]):
        look_at(made, names, numbers=False)
    compare_groups(made, accuracy=None)
    rows = [{"layer": "pixels", "features": 144, "all": None, "pair": None}]
    table = {"classes": CLASSES, "pair": [0, 1], "rows": rows, "train": 600, "test": 30}
    _commit_analysis(made, Of(), "linear", {"pair": [0, 1]}, [_json("table", table)])


def _commit_analysis(
    made: Synthetic, of: Of, task: str, parameters: Mapping[str, Any], outputs: Sequence[NewOutput]
) -> Record:
    read = [Input("model", made.models[of.identity])]
    return made.commit(task, parameters, outputs, recipe_inputs={"model": of.identity, **of.blobs}, inputs=read)


def _predictions(made: Synthetic, predictions: Predictions, of: Of) -> None:
    def told(image: int) -> dict[str, Any]:
        return {
            "image": image,
            "label": int(predictions.labels[image]),
            "called": int(predictions.predicted[image]),
            "margin": float(predictions.margins[image]),
            "probabilities": predictions.probabilities[image].tolist(),
        }

    count = len(CLASSES)
    cells = {f"{i}/{j}": predictions.cell(i, j).tolist() for i in range(count) for j in range(count) if i != j}
    smallest = predictions.smallest_margins(10)
    summary = {
        "data": of.data,
        "set": "test",
        "images": len(predictions.labels),
        "classes": CLASSES,
        "accuracy": predictions.accuracy,
        "confusion": predictions.confusion.tolist(),
        "cells": {name: images for name, images in cells.items() if images},
        "margins": {f"{i}/{j}": [told(int(image)) for image in some] for (i, j), some in smallest.items()},
        "pair": list(predictions.most_confused()),
        "clear": {str(i): [told(int(image)) for image in predictions.clear(i, 3)] for i in range(count)},
    }
    numbers = list(range(len(predictions.labels)))
    thumbnails = np.random.default_rng(1).integers(0, 255, (len(numbers), 8, 8, 1), np.uint8)
    _commit_analysis(
        made,
        of,
        "predictions",
        {"data": of.data, "set": "test"},
        [
            NewOutput("probabilities", npy_bytes(predictions.probabilities), "probabilities", NPY),
            _json("summary", summary),
            NewOutput("thumbnails", npy_bytes(thumbnails), "images", NPY, attributes={"numbers": numbers}),
        ],
    )


def look_at(made: Synthetic, names: list[str], of: Of | None = None, *, numbers: bool = True) -> None:
    """The activations of some images; without `numbers` those of a network whose probabilities are none."""
    told = predictions()
    values = np.random.default_rng(2).random((len(names), 3, 3, 4)).astype(np.float32)
    pictures = np.random.default_rng(3).integers(0, 255, (len(names), 8, 8, 1), np.uint8)
    images = []
    for name in names:
        number = int(name.removeprefix("test/")) if name.startswith("test/") else None
        shares: list[float | None] = told.probabilities[number or 0].tolist()
        label = None if number is None else int(told.labels[number])
        called: int | None = int(told.predicted[number or 0])
        if not numbers:
            shares, called = [None] * len(shares), None
        images.append({"name": name, "label": label, "called": called, "probabilities": shares, "classes": CLASSES})
    _commit_analysis(
        made,
        of or Of(),
        "activations",
        {"images": names, "layers": ["Conv2D_1"], "standardise": False, "colour_map": "viridis"},
        [
            NewOutput("tensors", hdf5_bytes({"images": pictures}), "tensors", HDF5),
            _json("about", {"images": images, "layers": ["Conv2D_1"]}),
            NewOutput("pictures", npy_bytes(pictures), "images", NPY),
            NewOutput(
                "grid Conv2D_1",
                activation_grid(list(values), layer="Conv2D_1", titles=names),
                "grid",
                "image/png",
                attributes={"layer": "Conv2D_1"},
            ),
        ],
    )


def _attribution(made: Synthetic, name: str, of: Of) -> None:
    about = {"image": name, "class": 0, "methods": ["occlusion", "integrated gradients"]}
    _commit_analysis(
        made,
        of,
        "attribution",
        {"image": name},
        [
            NewOutput("maps", hdf5_bytes({"occlusion": np.zeros((8, 8))}), "tensors", HDF5, attributes=about),
            NewOutput("picture", png(60, 20), "picture", "image/png", attributes=about),
        ],
    )


def compare_groups(made: Synthetic, of: Of | None = None, *, accuracy: float | None = 0.75) -> None:
    """What two groups of images have in common."""
    groups = [
        {"name": "four", "images": ["test/0", "test/3"]},
        {"name": "nine", "images": ["test/1", "test/4"]},
    ]
    shares = {"four": 0.9, "nine": 0.1, CLASSES[2]: None}
    patterns = [
        {"unit": "Conv2D_1/0", "position": [0, 2], "kind": "only_first", "shares": shares},
        {"unit": "Conv2D_1/3", "position": [1, 1], "kind": "both", "shares": shares},
    ]
    summary = {
        "layer": "Conv2D_1",
        "groups": groups,
        "counts": {"only_first": 1, "only_second": 0, "both": 1},
        "threshold": 0.4,
        "level": 0.7,
        "patterns": patterns,
        "accuracy": accuracy,
        "unclear": [{"image": "test/7", "only_first": 1, "only_second": 0, "both": 1}],
        "classes": CLASSES,
    }
    _commit_analysis(
        made,
        of or Of(),
        "fcps",
        {"layer": "Conv2D_1", "groups": groups, "unclear": ["test/7"], "threshold": 0.4, "standardise": False},
        [
            NewOutput("picture", png(120, 80), "picture", "image/png"),
            NewOutput("patterns", hdf5_bytes({"both": np.zeros((3, 3, 4), bool)}), "tensors", HDF5),
            _json("summary", summary),
        ],
    )


def _linear(made: Synthetic, of: Of) -> None:
    rows: list[dict[str, Any]] = [
        {"layer": "pixels", "features": 144, "all": 0.61, "pair": 0.8},
        {
            **{"layer": "Conv2D_1", "features": 36, "all": 0.75, "pair": 0.9},
            **{"all_interval": [0.7, 0.79], "pair_interval": [None, None]},
        },
        {"layer": "the network", "features": None, "all": 0.93, "pair": None},
    ]
    about = {"classes": CLASSES, "pair": [0, 1], "train": 600, "test": 30}
    table = about | {"rows": rows, "majority": {"all": 0.4, "pair": 0.55}}
    _commit_analysis(made, of, "linear", {"pair": [0, 1]}, [_json("table", table)])


def predictions() -> Predictions:
    """What the model makes of 30 images: two nines are called four."""
    labels = np.arange(30) % 3
    probabilities = np.random.default_rng(0).dirichlet(np.ones(3), 30).astype(np.float32)
    probabilities += 2 * np.eye(3, dtype=np.float32)[labels]
    probabilities[[4, 7]] = [[0.8, 0.15, 0.05], [0.5, 0.45, 0.05]]
    return Predictions(probabilities / probabilities.sum(axis=1, keepdims=True), labels)


def _json(role: str, value: Any) -> NewOutput:
    return NewOutput(role, json.dumps(value).encode(), role, "application/json")
