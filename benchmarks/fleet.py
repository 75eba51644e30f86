"""Two workers of a work pool, a core each, beside one process that has both: maps a minute of the reference sweep.

    python -m benchmarks fleet [--maps-per-shard N]

What is counted is the time in which maps are made, from the beginning of the first one of a shard (or a layer) to the
end of its last one. So starting a shard's process and loading the network are apart, and told by themselves. Prefect's
server is one of its own on SQLite, with the settings of a fleet; the store is a folder that all share.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

POOL = "cores"
CORES = (0, 1)
MAPS_PER_SHARD = 28
SERVER = "BENCHMARK_SERVER"
"""The variable that has the id of the server's process."""


def main(arguments: list[str]) -> None:
    """Print one JSON object."""
    from benchmarks.network import STORE, trained
    from storage.store import Store
    from tasks.model.stored import find_model

    parser = argparse.ArgumentParser(prog="python -m benchmarks fleet")
    parser.add_argument("--maps-per-shard", type=int, default=MAPS_PER_SHARD)
    most = parser.parse_args(arguments).maps_per_shard
    trained()
    store = Store.open(STORE)
    network = store.path(find_model(store, None).record.output("model").digest)
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as settings:
        named = Path(folder, "network.keras")
        named.write_bytes(network.read_bytes())
        alone = _sweep(settings, Path(folder, "alone"), named)
        with workers(settings, Path(folder, "shared"), CORES):
            shared = _sweep(settings, Path(folder, "shared"), named, "--pool", POOL, "--maps-per-shard", str(most))
    rates = {"alone": alone["maps a minute"], "two workers": shared["maps a minute"]}
    print(json.dumps({"ratio": rates["two workers"] / rates["alone"], "alone": alone, "two workers": shared}, indent=1))


def _sweep(settings: Mapping[str, str], store: Path, network: Path, *options: str) -> dict[str, Any]:
    """Sweep the network in a store of its own, and what came of it."""
    from benchmarks.network import data_name

    given = ["--model", str(network), "--data", data_name(), "--pixels", "0..1", "--store", str(store), "--json"]
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "sweep", *given, *options],
        env=dict(settings),
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    whole = time.perf_counter() - begun
    assert not json.loads(done.stdout)["failures"]
    return {**_of_maps(store, at_once=len(CORES) if options else 1), "seconds, whole sweep": round(whole, 1)}


def _of_maps(store: Path, *, at_once: int) -> dict[str, Any]:
    """How fast maps were made; so many flow runs made some at a time."""
    from storage.store import Store

    times: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for record in Store.open(store).records():
        if record.task == "oip":
            times[str(record.provenance.flow_run)].append((_seconds(record.started), _seconds(record.ended)))
    busy = sum(max(end for _, end in maps) - min(start for start, _ in maps) for maps in times.values())
    count = sum(map(len, times.values()))
    return {"maps": count, "flow runs": len(times), "maps a minute": 60 * count * at_once / busy}


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


@contextmanager
def server(folder: Path, **more: str) -> Iterator[dict[str, str]]:
    """The environment of commands that use a server of this benchmark's own, which has these settings too."""
    import httpx

    from flows.fleet.settings import FLEET_SERVER_SETTINGS
    from tests.flows.being_up import environment, free_port

    port = free_port()
    kept = {name: value for name, value in os.environ.items() if name == "DREAMSWEEP_MNIST"}
    settings = environment(folder / "home", PREFECT_HOME=str(folder / "prefect"), **FLEET_SERVER_SETTINGS) | kept
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, env=settings | more, stdout=log, stderr=log, start_new_session=True)
    try:
        url = f"http://127.0.0.1:{port}/api"
        while True:
            assert process.poll() is None, (folder / "server.log").read_text()
            try:
                httpx.get(f"{url}/health", trust_env=False, timeout=5).raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.5)
        yield settings | {"PREFECT_API_URL": url, SERVER: str(process.pid)}
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def workers(settings: Mapping[str, str], store: Path, cores: Sequence[int]) -> Iterator[None]:
    """While inside, the pool has a worker for each of these cores, each with a data folder of its own."""
    from storage.store import Store

    Store.open(store)
    subprocess.run([sys.executable, "-m", "flows.cli", "deploy", "--pool", POOL], env=dict(settings), check=True)
    begun = []
    for number, core in enumerate(cores):
        home = Path(settings["DREAMSWEEP_HOME"]).parent / f"worker {number}"
        home.mkdir()
        own = {**settings, "DREAMSWEEP_HOME": str(home), "DREAMSWEEP_STORE": str(store)}
        command = ["taskset", "-c", str(core), sys.executable, "-m", "flows.cli", "worker"]
        with (home / "worker.log").open("wb") as log:
            begun.append(
                subprocess.Popen(
                    [*command, "--pool", POOL, "--name", f"worker-{number}"],
                    env=own,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )
    try:
        yield
    finally:
        for worker in begun:
            os.kill(worker.pid, signal.SIGTERM)
        for worker in begun:
            worker.wait(120)
