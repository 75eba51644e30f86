"""How long the searches of a sweep take without Prefect and store, by this code and an older one.

    python -m benchmarks numerics [--against COMMIT] [--rounds N] [--model FILE]

Every unit of the reference network is searched with the defaults under `standardised`, 24 units at a time, against the
exemplars of the data set (MNIST where DREAMSWEEP_MNIST names its folder, else the embedded digits). Each run is a
process of its own; tracing is in its time, importing TensorFlow is not. COMMIT is checked out into a temporary folder,
and takes turns with this code.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = Path(__file__).with_name("numerics_run.py")
NETWORK, EXEMPLARS = "network.keras", "exemplars.npz"
ROUNDS = 1


def main(arguments: list[str]) -> None:
    """Print seconds of each run as it ends, the ratio, and one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks numerics", description=__doc__.splitlines()[0])
    parser.add_argument("--against", metavar="COMMIT", help="whose code is measured beside this one")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--model", type=Path, help="a .keras file with the reference network; default: it is trained")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error(f"--rounds is {options.rounds}: run at least one")
    with tempfile.TemporaryDirectory() as name, ExitStack() as inside:
        folder = Path(name)
        prepare(folder, options.model)
        checkouts = {"this code": ROOT}
        if options.against:
            checkouts[options.against] = inside.enter_context(checked_out(options.against, folder / "checkout"))
        found: dict[str, list[dict[str, Any]]] = {of: [] for of in checkouts}
        for _round in range(options.rounds):
            for of, checkout in checkouts.items():
                found[of].append(run(checkout, folder))
                print(f"{of}: {found[of][-1]['seconds']:.1f} s, {found[of][-1]['verdicts']}", flush=True)
    result: dict[str, Any] = {
        of: {**runs[-1], "seconds": statistics.median(each["seconds"] for each in runs)} for of, runs in found.items()
    }
    if options.against:
        pairs = zip(found[options.against], found["this code"], strict=True)
        result["times faster"] = statistics.median(old["seconds"] / new["seconds"] for old, new in pairs)
        print(f"{result['times faster']:.2f} times as fast")
    print(json.dumps(result, indent=1))


def prepare(folder: Path, file: Path | None) -> None:
    """Write the network, and the response of each unit's best exemplar under each constraint."""
    from benchmarks.network import data_name
    from lib.network.units import select_layers
    from lib.oips.constraint import CONSTRAINTS, Constraint
    from lib.responses.exemplars import find_exemplars

    model, images = opened(file)
    model.save(folder / NETWORK)
    layers = [layer.name for layer in select_layers(model)]
    best = {}
    for constraint in CONSTRAINTS:
        for layer, found in find_exemplars(model, layers, images, Constraint(constraint, 0.0, 1.0)).items():
            best[f"{layer}:{constraint}"] = found.responses[:, 0]
    np.savez(folder / EXEMPLARS, **best)
    print(f"{sum(map(len, best.values())) // len(CONSTRAINTS)} units, exemplars of {data_name()}", flush=True)


def opened(file: Path | None) -> tuple[Any, Any]:
    """The network, and the images to find exemplars among."""
    if file is not None:
        from benchmarks.network import data_name
        from lib.data import datasets
        from lib.network import model_file

        mnist = os.environ.get("DREAMSWEEP_MNIST")
        data = datasets.load(data_name(), Path(mnist) if mnist else None)
        return model_file.load(file.read_bytes()), data.train_imgs
    from benchmarks.network import trained
    from flows.forms.places import DATA_FOLDER
    from flows.serving.server import local_server

    with local_server(DATA_FOLDER):
        model, data = trained()
    return model, data.train_imgs


@contextmanager
def checked_out(commit: str, folder: Path) -> Iterator[Path]:
    """A commit's files in a folder, as long as this is entered."""
    git = ["git", "-C", str(ROOT)]
    if subprocess.run(
        [*git, "rev-parse", "--quiet", "--verify", f"{commit}^{{commit}}"], capture_output=True
    ).returncode:
        sys.exit(f"there is no commit {commit!r} here: name one that `git log` shows")
    subprocess.run([*git, "worktree", "add", "--quiet", "--detach", str(folder), commit], check=True)
    try:
        yield folder
    finally:
        subprocess.run([*git, "worktree", "remove", "--force", str(folder)], check=True)


def run(checkout: Path, folder: Path) -> dict[str, Any]:
    """What `numerics_run` says of the code in a checkout."""
    # -P: modules are the checkout's, and not those beside the script
    command = [sys.executable, "-P", str(SCRIPT), str(folder / NETWORK), str(folder / EXEMPLARS)]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    ran = subprocess.run(command, env=environment, cwd=checkout, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found
