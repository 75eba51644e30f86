"""Two nights with a deadline on a network for photographs, the first one killed on the way: what is there afterwards.

    python -m benchmarks night --model FILE --pixels caffe [--photographs packaged FOLDER]
        [--layers N] [--units N] [--size 128x128] [--minutes 20] [--kill-at 0.4] [--folder FOLDER]

Some units of some layers are swept, spread over all of them, by `dreamsweep sweep --budget`. The first night is
killed (SIGKILL, with its process group; Prefect's server goes on until it notices) when a share of its time has passed,
and begun again for the rest of it. The second night has as many minutes as the first. Prints one JSON object, and fails
where a record or a file that was there before has gone or changed, where the store holds two results of one recipe,
where a unit has no picture after the first night, where a night ends badly, or where the second night refines nothing
although something was left.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.photographs import find_photographs, read_photographs
from benchmarks.plan import some_units

SIDE = 224
"""Pixels of a side of the photographs in the data set."""
LATE = 900.0
"""Seconds after a deadline when a night is given up: well behind those when it gives up its last search."""


def main(arguments: Sequence[str]) -> None:
    """Print one JSON object; exit with 1 where something that was promised did not hold."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks night", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help="a file of Keras")
    parser.add_argument("--pixels", default="0..1", help="what it takes, as `dreamsweep models add --pixels`")
    parser.add_argument("--photographs", nargs="+", default=["packaged"], help="folders, or packaged")
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--units", type=int, default=8, help="of each layer")
    parser.add_argument("--size", help="of the images, as `dreamsweep sweep --size`")
    parser.add_argument("--minutes", type=float, default=20.0, help="of each night")
    parser.add_argument("--kill-at", type=float, default=0.4, help="which share of the first night")
    parser.add_argument("--folder", type=Path, help="where store and gallery stay; by default they are removed")
    args = parser.parse_args(arguments)
    if args.folder:
        args.folder.mkdir(parents=True)
    with nullcontext(args.folder) if args.folder else tempfile.TemporaryDirectory() as folder:
        found = two_nights(Path(folder), args)
    print(json.dumps(found, indent=1), flush=True)
    if found["wrong"]:
        raise SystemExit(1)


def two_nights(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """What each stretch left behind; `wrong` names what did not hold."""
    from lib.network.model_file import load

    units = some_units(load(args.model), args.layers, args.units)
    maps = sum(int(unit.rpartition("-")[2]) + 1 for unit in units)
    words = write_photographs(args.photographs, folder / "photographs")
    command = [
        *(sys.executable, "-m", "flows.cli", "sweep", "--store", str(folder / "store")),
        *("--model", str(args.model), "--pixels", args.pixels, "--data", f"folder:{folder / 'photographs'}"),
        *(word for unit in units for word in ("--layers", unit)),
        *(("--size", args.size, "--yes") if args.size else ("--yes",)),
    ]
    wrong: list[str] = []
    stretches: dict[str, dict[str, Any]] = {}
    seen: dict[str, str] = {}
    begun = time.monotonic()
    for name in ("first night, killed", "first night, the rest", "second night"):
        passed = time.monotonic() - begun if name == "first night, the rest" else 0.0
        left = 60 * args.minutes - passed
        took = night(command, folder, left, 60 * args.minutes * args.kill_at if "killed" in name else None)
        now = files_of(folder / "store")
        wrong += [f"{name}: {path} is gone or changed" for path, digest in seen.items() if now.get(path) != digest]
        seen = {path: digest for path, digest in now.items() if path.startswith(("records/", "blobs/"))}
        stretches[name] = took | described(folder / "store", maps)
        wrong += [f"{name}: {what}" for what in stretches[name].pop("twice")]
        if (took["exit code"] == -signal.SIGKILL) != ("killed" in name):
            wrong.append(f"{name}: it ended by {took['exit code']}")
        elif took["exit code"] > 0:
            wrong.append(f"{name}: exit code {took['exit code']}")
    rest, second = stretches["first night, the rest"], stretches["second night"]
    if rest["units with a picture"] < maps:
        wrong.append("a unit has no picture after the first night")
    if rest["refined"] < maps and second["refined"] <= rest["refined"]:
        wrong.append("the second night refined nothing")
    return {"units": units, "photographs": words, "maps": maps, **stretches, "load": os.getloadavg()[0], "wrong": wrong}


def write_photographs(places: list[str], folder: Path) -> list[str]:
    """A data set of squares of photographs; returns in words where they are from."""
    import numpy as np
    from PIL import Image

    files, words = find_photographs(places)
    folder.mkdir()
    for number, image in enumerate(read_photographs(files, (SIDE, SIDE, 3), seed=0)):
        Image.fromarray(np.rint(255 * image).astype(np.uint8)).save(folder / f"{number:04d}.png")
    return words


def night(command: list[str], folder: Path, seconds: float, kill_after: float | None) -> dict[str, Any]:
    """Run a sweep with so many seconds until its deadline; its exit code, how long it took, and how late it ended.

    That is counted from before the process starts: the sweep counts from some seconds later.
    """
    deadline = datetime.now().astimezone() + timedelta(seconds=seconds)
    environment = os.environ | {"DREAMSWEEP_HOME": str(folder)}
    begun = time.monotonic()
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [*command, "--budget", f"{seconds / 60:.3f}"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            process.wait(timeout=kill_after if kill_after is not None else seconds + LATE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    late = (datetime.now().astimezone() - deadline).total_seconds()
    if process.returncode not in (0, -signal.SIGKILL):
        print((folder / "log").read_text()[-2000:], file=sys.stderr)
    return {"exit code": process.returncode, "seconds": time.monotonic() - begun, "seconds after the deadline": late}


def described(place: Path, maps: int) -> dict[str, Any]:
    """What is in the store for the units, and what is there twice."""
    from storage.store import Store
    from tasks.sweep.kinds.oip import KIND, unit_of
    from tasks.sweep.style_of import quality_of

    store = Store.open(place)
    oips = [record for record in store.records() if record.task == KIND.task]
    passes: dict[str, set[str]] = {"draft": set(), "refined": set()}
    for record in oips:
        passes["draft" if quality_of(record.parameters) == "draft" else "refined"].add(str(unit_of(record)))
    run = max((one for one in store.runs() if one.flow == "oip-sweep"), key=lambda one: one.opened, default=None)
    shown = {unit: store.record(one.record) for unit, one in run.units.items() if one.kind == KIND.task} if run else {}
    times = Counter(record.recipe for record in store.records())
    return {
        "of so many maps": maps,
        "units with a picture": len(shown),
        "drafted": len(passes["draft"]),
        "refined": len(passes["refined"]),
        "shown in quality": dict(Counter(quality_of(record.parameters) for record in shown.values())),
        "verdicts": dict(Counter(record.output("oips").attributes["verdict"] for record in shown.values())),
        "state": run.state if run else None,
        "twice": [f"{recipe} was computed {count} times" for recipe, count in times.items() if count > 1],
    }


def files_of(place: Path) -> dict[str, str]:
    """The digest of each file of a store, by its path in it."""
    return {
        str(path.relative_to(place)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in place.rglob("*")
        if path.is_file() and not path.is_relative_to(place / "tmp")
    }
