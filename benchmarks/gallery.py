"""A gallery of 26,000 units: `python -m benchmarks gallery [UNITS] [FOLDER] [SHAPE]` (a temporary folder by default).

A store is filled with made-up records of one network, of which everything is known that a page can show: OIPs of 28x28
pixels with four curves of 96 steps, exemplars of 10,000 images, responses by ten classes, negative OIPs. Of another
SHAPE, as 128x128x3, a unit has what style `natural` gives: one OIP, of as much detail as photographs have, with a curve
of 128 steps, and there are 2,000 images.

Prints one JSON object: the seconds (and for how many the cores worked, for both processes together) and the files
written, of the first gallery, of another when nothing has changed, and of a third when one unit has; and how many bytes
a unit takes on the disk, by part, a file with two names counted once, as the store's.
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

from lib.draw.oip_picture import unit_picture
from storage.document import digest_of
from storage.names import blob_path, record_path
from storage.recipe import Recipe
from storage.record import Input, NewOutput, Output, Provenance, Record
from storage.store import Store
from storage.tensors import NPY, npy_bytes
from tasks.gallery.gallery import make_gallery

UNITS = 26_000
LARGEST_LAYER = 2048
SMALL = (28, 28, 1)
IMAGES = 10_000
CLASSES = [str(digit) for digit in range(10)]
STEPS = 96
FEW_IMAGES = 2_000
LONG_STEPS = 128
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

    def __init__(self, root: Path, units: int, shape: tuple[int, int, int] = SMALL) -> None:
        self.filled = Filled(root)
        self._shape = shape
        self._small = shape == SMALL
        self._oips, self._steps, self._images = (4, STEPS, IMAGES) if self._small else (1, LONG_STEPS, FEW_IMAGES)
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
        images = self._noise(self._oips)
        curves = np.sort(random.random((self._oips, self._steps)) * 3, axis=1)
        about = {
            "unit": f"{layer}/{index}",
            "layer": layer,
            "index": index,
            "verdict": "responded",
            "response": float(curves[0, -1]),
            "pre_activation": float(curves[0, -1]),
            "response_ratio": 1.5,
            "constraint": self._constraint,
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
            "exemplars": random.integers(0, self._images, 9).tolist(),
            "exemplar_responses": np.sort(random.random(9))[::-1].tolist(),
        }
        picture = random.bytes(3000)
        if not self._small:
            picture = unit_picture(images, [3.0], title=f"{layer}/{index}", verdict="responded", bounds=(0.0, 1.0))
        return self.filled.commit(
            "oip",
            {
                "unit": f"{layer}/{index}",
                "constraint": self._constraint,
                "pixel_range": [0.0, 1.0],
                "seed": 0,
                "starts": 64,
                **({} if self._small else {"style": "natural"}),
            },
            [
                NewOutput("oips", npy_bytes(images), "oips", NPY, "float32", images.shape, about),
                NewOutput("picture", picture, "picture", "image/png", attributes={"unit": f"{layer}/{index}"}),
            ],
            self._inputs,
            self._read,
        )

    @property
    def _constraint(self) -> str:
        return "standardised" if self._small else "box"

    def _noise(self, count: int) -> Any:
        """White noise where images are small; else coloured as photographs are, so that it packs about as they do."""
        white = self.filled.random.normal(size=(count, *self._shape))
        if self._small:
            return white.astype(np.float32)
        high, wide = (np.fft.fftfreq(side) for side in self._shape[:2])
        frequency = np.hypot(high[:, None], wide[None, :]).clip(1 / max(self._shape[:2]))[:, :, None]
        images = np.fft.ifft2(np.fft.fft2(white, axes=(1, 2)) / frequency**1.2, axes=(1, 2)).real
        spread = images.std(axis=(1, 2, 3), keepdims=True)
        return (0.5 + 0.2 * images / spread).clip(0, 1).astype(np.float32)

    def _data_set(self) -> str:
        random = self.filled.random
        images = random.random((IMAGES, *SMALL), np.float32) if self._small else self._noise(self._images)
        labels = random.integers(0, 10, self._images)
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
            {"class_name": "InputLayer", "config": {"name": "image", "batch_shape": [None, *self._shape]}}
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
        about = {"layer": layer, "classes": CLASSES, "class_counts": [self._images // 10] * 10, "by_class": True}
        self._record("responses", layer, responses, about)
        field = {"size": [3, 3], "stride": [1, 1], "start": [0, 0]}
        self._record("weights", layer, nearest, {"layer": layer, "receptive_field": field})
        negatives = {"images": self._noise(count).astype(np.float32 if self._small else np.float16)}  # as sweeps do
        values = random.normal(size=count).tolist()
        of_units = {"units": list(range(count)), "responses": values, "pre_activations": values}
        self._record("negatives", layer, negatives, {"layer": layer, "constraint": self._constraint, **of_units})

    def _record(self, task: str, layer: str, arrays: Mapping[str, Any], about: Mapping[str, Any]) -> None:
        outputs = [
            NewOutput(role, npy_bytes(array), task, NPY, str(array.dtype), array.shape, about)
            for role, array in arrays.items()
        ]
        self.filled.commit(task, {"layer": layer}, outputs, {"model": IDENTITY}, self._read)


def main(arguments: Sequence[str]) -> None:
    """Print the seconds that galleries take."""
    units = int(arguments[0]) if arguments else UNITS
    high, wide, channels = map(int, arguments[2].split("x")) if len(arguments) > 2 else SMALL
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(arguments[1]) if len(arguments) > 1 else Path(temporary)
        made = Made(folder / "store", units, (high, wide, channels))
        found: dict[str, Any] = {"units": units, "layers": len(made.layers)}
        found["first"] = _measure(folder)
        found["nothing changed"] = _measure(folder)
        made.unit(next(iter(made.layers)), 0)
        found["one unit changed"] = _measure(folder)
        files = [path for path in (folder / "gallery").rglob("*") if path.is_file()]
        found |= {"files": len(files), "megabytes": round(sum(path.stat().st_size for path in files) / 1e6)}
        found["bytes a unit"] = {part: round(size / units) for part, size in _bytes(folder).items()}
    print(json.dumps(found, indent=1))


def _bytes(folder: Path) -> dict[str, int]:
    """What each part takes on the disk."""
    found: dict[str, int] = {}
    seen: set[int] = set()
    for path in [*(folder / "store").rglob("*"), *(folder / "gallery").rglob("*")]:
        status = path.lstat()
        if not path.is_file() or status.st_ino in seen:
            continue
        seen.add(status.st_ino)
        part = _part(path.relative_to(folder), path)
        found[part] = found.get(part, 0) + status.st_size
    return {"all": sum(found.values()), **dict(sorted(found.items(), key=lambda one: -one[1]))}


def _part(address: Path, path: Path) -> str:
    if address.parts[:2] == ("store", "blobs"):
        with path.open("rb") as file:
            start = file.read(8)
        kind = "OIPs and arrays" if start.startswith(b"\x93NUMPY") else "pictures" if b"PNG" in start else "others"
        return f"store: {kind}"
    if address.parts[0] == "store":
        return f"store: {address.parts[1]}"
    if address.parts[1] in (".gallery", "media"):
        return f"gallery: {address.parts[1]}"
    return f"gallery: {'OIP pictures' if address.name.startswith('oip-') else address.name}"


def _measure(folder: Path) -> dict[str, Any]:
    begun, worked = time.perf_counter(), sum(os.times()[:4])
    # opened anew: nothing is remembered of what was verified before
    made = make_gallery(Store.open(folder / "store"), folder / "gallery")
    seconds = {"seconds": time.perf_counter() - begun, "of cores": sum(os.times()[:4]) - worked}
    return {**{name: round(value, 1) for name, value in seconds.items()}, **vars(made)}


if __name__ == "__main__":
    main(sys.argv[1:])
