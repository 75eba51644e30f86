"""What the store costs: `python -m benchmarks store [FOLDER]` (in a temporary folder, on the disk that is asked about).

Prints one JSON object, in milliseconds: a commit of one record with two blobs (a 4x28x28 `.npy` and a small PNG), alone
and by four threads; a listing and a look-up in it; an array mapped for the first time and again; verify, reindex and
lineage.

It is not called `storage.py`: run as a script, it would stand in the place of the package.
"""

import json
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from storage import lineage
from storage.recipe import Recipe
from storage.record import Input, NewOutput, Provenance, Record
from storage.store import Store
from storage.tensors import NPY, npy_bytes
from storage.verify import verify

UNITS = 224


def timed(work: Callable[[], object], times: int = 1) -> float:
    """Milliseconds that each of these times took."""
    start = time.perf_counter()
    for _ in range(times):
        work()
    return round((time.perf_counter() - start) * 1000 / times, 3)


def recipe(seed: int, unit: int) -> Recipe:
    """The recipe of a unit."""
    return Recipe("oip", 1, {"unit": f"Conv2D_2/{unit}", "seed": seed, "steps": 100}, {"checkpoint": "a" * 64})


def sweep(store: Store, seed: int, units: range) -> list[Record]:
    """Commit a record a unit."""
    environment = store.put(b'{"python":"3.11"}')
    provenance = Provenance(None, None, None, 1, {"commit": "c0ffee", "changes": None}, environment, "here")
    records = []
    for unit in units:
        pixels = np.random.default_rng([seed, unit]).random((4, 28, 28, 1), np.float32)
        attributes = {"unit": f"Conv2D_2/{unit}", "verdict": "responded", "responses": [1.0, 2.0, 3.0, 4.0]}
        records.append(
            store.commit(
                recipe(seed, unit),
                [
                    NewOutput("oips", npy_bytes(pixels), "oips", NPY, "float32", pixels.shape, attributes),
                    NewOutput("picture", pixels.tobytes()[:3000], "picture", "image/png"),
                ],
                inputs=[Input("checkpoint", "a" * 64)],
                provenance=provenance,
                started="2026-11-22T10:15:30+00:00",
            )
        )
    return records


def measure(folder: Path) -> dict[str, float]:
    """Milliseconds for each thing that a store does, by what it is."""
    store = Store.open(folder / "store")
    sweep(store, 0, range(5))  # imports, folders and the index
    found: dict[str, float] = {}
    records: list[Record] = []
    found["commit"] = timed(lambda: records.extend(sweep(store, 1, range(UNITS)))) / UNITS
    threads = [threading.Thread(target=sweep, args=(store, 2 + part, range(UNITS // 4))) for part in range(4)]

    def together() -> None:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    found["commit, 4 threads"] = timed(together) / UNITS
    listing = store.listing()
    found["listing"] = timed(store.listing, 5)
    found["look-up"] = timed(lambda: [listing.find(recipe(1, unit), changes=None) for unit in range(UNITS)]) / UNITS
    digests = [record.output("oips").digest for record in records]
    found["array, first"] = timed(lambda: [store.array(digest) for digest in digests]) / UNITS
    found["array, again"] = timed(lambda: [store.array(digest) for digest in digests]) / UNITS
    found["verify"] = timed(lambda: verify(store))
    found["reindex"] = timed(store.reindex)
    found["lineage --down"] = timed(lambda: lineage.down(store, "a" * 64))
    assert len(lineage.down(store, "a" * 64)) == 5 + 2 * UNITS
    return {what: round(value, 3) for what, value in found.items()}


def main(arguments: list[str]) -> None:
    """Print the figures; the first argument, if any, is the folder to measure in."""
    with tempfile.TemporaryDirectory(dir=arguments[0] if arguments else None) as folder:
        print(json.dumps({"unit": "ms", "records": 5 + 2 * UNITS, **measure(Path(folder))}, indent=2))
