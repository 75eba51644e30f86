"""A gallery of 26,000 units: `python -m benchmarks gallery [UNITS] [FOLDER]` (in a temporary folder by default).

A store is filled with made-up records of one network, of which everything is known that a page can show: OIPs of 28x28
pixels with four curves of 96 steps, exemplars of 10,000 images, responses by ten classes, negative OIPs. Prints one
JSON object: the seconds (and for how many the cores worked, for both processes together) and the files written, of the
first gallery, of another when nothing has changed, and of a third when one unit has.
"""

import io
import json
import os
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from storage.document import digest_of
from storage.names import blob_path, record_path
from storage.recipe import Recipe
from storage.record import Input, NewOutput, Output, Provenance, Record
from storage.store import Store
from storage.tensors import NPY, npy_bytes
from tasks.gallery.gallery import make_gallery

UNITS = 26_000
LARGEST_LAYER = 2048
IMAGES = 10_000
CLASSES = [str(digit) for digit in range(10)]
STEPS = 96
IDENTITY = "ab" * 32


class Filled:
    """A store that is filled without waiting for the disk: how long records take to be made is not the question."""

    def __init__(self, root: Path) -> None:
        self.store = Store.open(root)
        self._root = root
        self.environment = self.blob(b"{}")
        self.random = np.random.default_rng(0)

    def blob(self, data: bytes) -> str:
        """Store bytes; give their digest."""
        digest = digest_of(data)
        self._write(blob_path(digest), data)
        return digest

    def commit(
        self,
        task: str,
        parameters: Mapping[str, Any],
        outputs: Sequence[NewOutput],
        recipe_inputs: Mapping[str, str],
        inputs: Sequence[Input],
    ) -> Record:
        """Store a record with its outputs."""
        recipe = Recipe(task, 1, parameters, recipe_inputs)
        stored = []
        for output in outputs:
            assert isinstance(output.data, bytes)
            told = {name: value for name, value in vars(output).items() if name not in ("data", "shape", "attributes")}
            shape = None if output.shape is None else tuple(output.shape)
            digest = self.blob(output.data)
            stored.append(
                Output(**told, digest=digest, size=len(output.data), shape=shape, attributes=dict(output.attributes))
            )
        code = {"commit": "c0ffee", "changes": None, "sources": "beef"}
        record = Record(
            recipe=recipe.digest,
            execution=digest_of(f"{recipe.digest} {self.random.random()}".encode())[:32],
            task=task,
            version=1,
            parameters=dict(recipe.parameters),
            recipe_inputs=dict(recipe.inputs),
            inputs=tuple(inputs),
            outputs=tuple(stored),
            provenance=Provenance(None, None, None, 1, code, self.environment, "here"),
            started="2026-11-22T10:15:30+00:00",
            ended="2026-11-22T10:15:31+00:00",
        )
        self._write(record_path(record.key), record.to_bytes())
        return record

    def _write(self, path: str, data: bytes) -> None:
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


class Made:
    """A network, its data set, and all that a sweep made of it."""

    def __init__(self, root: Path, units: int) -> None:
        self.filled = Filled(root)
        self.layers = {
            f"conv_{number}": min(LARGEST_LAYER, units - first)
            for number, first in enumerate(range(0, units, LARGEST_LAYER))
        }
        self._data = self._data_set()
        self._model = self._network()
        self._read = [Input("model", self._model), Input("train_imgs", self._data)]
        self._inputs = {"model": IDENTITY, "train_imgs": self._data}
        for layer, count in self.layers.items():
            self._layer(layer, count)
            for index in range(count):
                self.unit(layer, index)
        self.filled.store.reindex()

    def unit(self, layer: str, index: int) -> Record:
        """The OIPs of a unit; each time others."""
        random = self.filled.random
        images = random.normal(size=(4, 28, 28, 1)).astype(np.float32)
        curves = np.sort(random.random((4, STEPS)) * 3, axis=1)
        about = {
            "unit": f"{layer}/{index}",
            "layer": layer,
            "index": index,
            "verdict": "responded",
            "response": float(curves[0, -1]),
            "pre_activation": float(curves[0, -1]),
            "response_ratio": 1.5,
            "constraint": "standardised",
            "only_one_pattern": False,
            "alike_from": 0.8,
            "image_steps": 1632,
            "oips": [
                {
                    "response": float(curve[-1]),
                    "pre_activation": float(curve[-1]),
                    "seed": int(random.integers(2**62)),
                    "start": start,
                    "length_scales": [4.0],
                    "curve": curve.tolist(),
                }
                for start, curve in enumerate(curves)
            ],
            "exemplars": random.integers(0, IMAGES, 9).tolist(),
            "exemplar_responses": np.sort(random.random(9))[::-1].tolist(),
        }
        picture = random.bytes(3000)
        return self.filled.commit(
            "oip",
            {
                "unit": f"{layer}/{index}",
                "constraint": "standardised",
                "pixel_range": [0.0, 1.0],
                "seed": 0,
                "starts": 64,
            },
            [
                NewOutput("oips", npy_bytes(images), "oips", NPY, "float32", images.shape, about),
                NewOutput("picture", picture, "picture", "image/png", attributes={"unit": f"{layer}/{index}"}),
            ],
            self._inputs,
            self._read,
        )

    def _data_set(self) -> str:
        random = self.filled.random
        images = random.random((IMAGES, 28, 28, 1), np.float32)
        labels = random.integers(0, 10, IMAGES)
        arrays: dict[str, Any] = {"train_imgs": images, "train_labels": labels, "test_imgs": images[:10]}
        record = self.filled.commit(
            "data",
            {"data": "made up", "classes": CLASSES, "attributes": {"pixel_range": [0.0, 1.0]}},
            [
                NewOutput(role, npy_bytes(array), "images", NPY, str(array.dtype), array.shape)
                for role, array in arrays.items()
            ],
            {},
            [],
        )
        self._data_key = record.key
        return record.output("train_imgs").digest

    def _network(self) -> str:
        layers: list[Any] = [
            {"class_name": "InputLayer", "config": {"name": "image", "batch_shape": [None, 28, 28, 1]}}
        ]
        layers += [
            {
                "class_name": "Conv2D",
                "config": {"name": name, "filters": units, "kernel_size": [3, 3], "padding": "same"},
            }
            for name, units in self.layers.items()
        ]
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("config.json", json.dumps({"class_name": "Sequential", "config": {"layers": layers}}))
        about = {
            "data": "made up",
            "data_record": self._data_key,
            "test_accuracy": 0.9,
            "parameters": 10**6,
            "epochs": 8,
        }
        keras = "application/x-keras"
        output = NewOutput("model", buffer.getvalue(), "model", keras, attributes=about, identity=IDENTITY)
        record = self.filled.commit("model", {"epochs": 8}, [output], {}, [])
        self.filled.store.set_ref(f"model/made-up-{IDENTITY[:8]}", f"record:{record.key}")
        return record.output("model").digest

    def _layer(self, layer: str, count: int) -> None:
        random = self.filled.random
        likeness = np.sort(random.random((count, 8)).astype(np.float32), axis=1)[:, ::-1]
        nearest = {"nearest": random.integers(0, count, (count, 8)), "nearest_likeness": likeness}
        responses = {
            "histogram": random.integers(0, 99, (count, 10, 40)),
            "edges": np.tile(np.linspace(0, 3, 41), (count, 1)),
            "silent": random.integers(0, 99, (count, 10)),
            "class_means": random.random((count, 10)).astype(np.float32),
            "peaks": random.integers(0, 26, (count, 9, 2)),
            **nearest,
        }
        about = {"layer": layer, "classes": CLASSES, "class_counts": [IMAGES // 10] * 10, "by_class": True}
        self._record("responses", layer, responses, about)
        field = {"size": [3, 3], "stride": [1, 1], "start": [0, 0]}
        self._record("weights", layer, nearest, {"layer": layer, "receptive_field": field})
        negatives = {"images": random.normal(size=(count, 28, 28, 1)).astype(np.float32)}
        values = random.normal(size=count).tolist()
        of_units = {"units": list(range(count)), "responses": values, "pre_activations": values}
        self._record("negatives", layer, negatives, {"layer": layer, "constraint": "standardised", **of_units})

    def _record(self, task: str, layer: str, arrays: Mapping[str, Any], about: Mapping[str, Any]) -> None:
        outputs = [
            NewOutput(role, npy_bytes(array), task, NPY, str(array.dtype), array.shape, about)
            for role, array in arrays.items()
        ]
        self.filled.commit(task, {"layer": layer}, outputs, {"model": IDENTITY}, self._read)


def main(arguments: Sequence[str]) -> None:
    """Print the seconds that galleries take."""
    units = int(arguments[0]) if arguments else UNITS
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(arguments[1]) if len(arguments) > 1 else Path(temporary)
        made = Made(folder / "store", units)
        found: dict[str, Any] = {"units": units, "layers": len(made.layers)}
        found["first"] = _measure(folder)
        found["nothing changed"] = _measure(folder)
        made.unit(next(iter(made.layers)), 0)
        found["one unit changed"] = _measure(folder)
        files = [path for path in (folder / "gallery").rglob("*") if path.is_file()]
        found |= {"files": len(files), "megabytes": round(sum(path.stat().st_size for path in files) / 1e6)}
    print(json.dumps(found, indent=1))


def _measure(folder: Path) -> dict[str, Any]:
    begun, worked = time.perf_counter(), sum(os.times()[:4])
    # opened anew: nothing is remembered of what was verified before
    made = make_gallery(Store.open(folder / "store"), folder / "gallery")
    seconds = {"seconds": time.perf_counter() - begun, "of cores": sum(os.times()[:4]) - worked}
    return {**{name: round(value, 1) for name, value in seconds.items()}, **vars(made)}


if __name__ == "__main__":
    main(sys.argv[1:])
