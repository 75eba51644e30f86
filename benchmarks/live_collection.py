"""Whether sweeps end well beside `gc --grace 0`: `python -m benchmarks live_collection [--times 20] [--store PLACE]`.

Each sweep trains a network of its own and grows some of its units, as `dreamsweep sweep --train` does. In another
process garbage is collected without any grace, again and again. What earlier sweeps made is deleted before each, so
that there is much to collect. Prints one JSON object, and fails where a sweep fails, or lacks in the end what it made.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from storage import garbage
from storage.errors import StoreError
from storage.store import Store
from storage.verify import verify


def collect(root: str) -> None:
    """Collect garbage until the process is ended; a line for each time."""
    store = Store.open(root)
    while True:
        done = garbage.collect(garbage.plan(store, timedelta(0)))
        print(len(done.records), len(done.blobs), len(done.temporary), flush=True)
        time.sleep(0.05)


def sweep(root: str, number: int) -> int:
    """Train and sweep; the exit code that the command would give."""
    from flows.cli.local_runs import sweep_here
    from flows.forms.parameters import SweepParameters
    from lib.oips.settings import GrowthSettings
    from lib.training.settings import TrainSettings

    return sweep_here(
        SweepParameters(
            store=root,
            train=TrainSettings(epochs=1, seed=number),
            layers=["Conv2D_1/0-3"],
            growth=GrowthSettings(oips=1, starts=2, steps=16, seed=number),
        ),
        None,
        True,
    )


def check(store: Store) -> None:
    """Raises SystemExit where the last sweep does not have what it made."""
    run = store.run(store.ref("sweep/latest").removeprefix("run:"))
    report = verify(store)
    lost = [unit for unit, result in run.units.items() if not _is_whole(store, result.record)]
    if run.state != "completed" or lost or not report.clean:
        sys.exit(f"run {run.id} is {run.state}; lost: {lost}; damaged: {report.corrupt}; missing: {report.missing}")


def _is_whole(store: Store, key: str) -> bool:
    try:
        return all(store.get(digest) for digest in store.record(key).own_blobs())
    except StoreError:
        return False


def delete_runs(store: Store) -> None:
    """Delete what no ref keeps."""
    for run in store.runs():
        with suppress(StoreError):
            store.delete_run(run.id)


def main(arguments: list[str]) -> None:
    """Print how many sweeps ended well, and how much was collected beside them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks live_collection")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--store", help="a folder or an address; by default a temporary folder")
    parser.add_argument("--collect", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.collect:
        collect(asked.store)
    with tempfile.TemporaryDirectory() as folder:
        # Before flows are imported, which look there.
        os.environ.setdefault("DREAMSWEEP_HOME", f"{folder}/home")
        root = asked.store or f"{folder}/store"
        store = Store.open(root)
        collected: Counter[str] = Counter()
        began = time.monotonic()
        for number in range(asked.times):
            delete_runs(store)
            log = Path(folder) / f"log-{number}"
            with log.open("wb") as lines:
                collection = subprocess.Popen(
                    [sys.executable, "-m", "benchmarks.live_collection", "--collect", "--store", root], stdout=lines
                )
            code = sweep(root, number)
            if collection.poll() is not None:
                sys.exit("the collection failed")
            collection.terminate()
            collection.wait()
            if code != 0:
                sys.exit(f"sweep {number} ended with {code}")
            check(store)
            for line in log.read_text().splitlines():
                records, blobs, temporary = map(int, line.split())
                collected.update(collections=1, records=records, blobs=blobs, temporary=temporary)
            print(f"sweep {number + 1} ended well after {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        print(json.dumps({"sweeps that ended well": asked.times, **collected}, indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])
