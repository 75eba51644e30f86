"""A folder of small pictures: the whole flow against the dreaming alone, on the same pictures.

    python -m benchmarks dream_folder [--pictures N]

The dreaming alone is the same compiled loop, one decoded picture after the other, without files, store and Prefect; it
is traced in its time, as the flow's is in the flow's. The server is up already, and TensorFlow imported.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

PICTURES = 100
SIDES = (160, 224, 320)
"""Pixels of the pictures' longer sides, in turn."""


def photographs(folder: Path, count: int) -> list[Path]:
    """So many JPEG files: parts of a photograph, in three sizes."""
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_sample_image

    whole = Image.fromarray(load_sample_image("flower.jpg"))
    random = np.random.default_rng(0)
    paths = []
    for number in range(count):
        share = random.uniform(0.5, 1.0)
        width, height = round(whole.width * share), round(whole.height * share)
        left, top = random.integers(whole.width - width + 1), random.integers(whole.height - height + 1)
        part = whole.crop((left, top, left + width, top + height))
        side = SIDES[number % len(SIDES)]
        part.thumbnail((side, side), Image.Resampling.BICUBIC)
        paths.append(folder / f"{number:03d}.jpg")
        part.save(paths[-1], quality=92)
    return paths


def alone(model: Any, paths: list[Path]) -> float:
    """Seconds for the dreaming alone."""
    from lib.dream.dreamer import Dreamer
    from lib.dream.settings import DreamSettings
    from lib.pictures.files import decode

    pictures = [decode(path.read_bytes()).frames[0] for path in paths]
    begun = time.perf_counter()
    dreamer = Dreamer(model, DreamSettings())
    for picture in pictures:
        dreamer.dream(picture)
    return time.perf_counter() - begun


def main(arguments: list[str]) -> None:
    """Print the ratio and what it is made of, as one JSON object."""
    from benchmarks.network import STORE, trained
    from flows.dream import dream
    from flows.forms.parameters import DreamParameters
    from flows.forms.places import DATA_FOLDER
    from flows.serving.server import local_server
    from storage.store import Store
    from tasks.model.stored import find_model

    parser = argparse.ArgumentParser(prog="python -m benchmarks dream_folder")
    parser.add_argument("--pictures", type=int, default=PICTURES)
    count = parser.parse_args(arguments).pictures
    with local_server(DATA_FOLDER), tempfile.TemporaryDirectory() as named:
        folder = Path(named)
        model, _data = trained()
        network = folder / "network.keras"
        network.write_bytes(Store.open(STORE).get(find_model(Store.open(STORE), None).record.output("model").digest))
        (folder / "pictures").mkdir()
        paths = photographs(folder / "pictures", count)
        before = alone(model, paths)
        parameters = DreamParameters(
            store=str(folder / "store"),
            model=str(network),
            pictures=[str(folder / "pictures")],
            out=folder / "dreams",
        )
        begun = time.perf_counter()
        answer: Any = dream(parameters)
        whole = time.perf_counter() - begun
        after = alone(model, paths)
    assert answer["computed"] == count
    dreaming = (before + after) / 2
    result = {
        "pictures": count,
        "seconds": {"dreaming alone": [before, after], "flow": whole},
        "ratio": whole / dreaming,
    }
    print(json.dumps(result, indent=1))
