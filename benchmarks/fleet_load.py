"""Whether a pool bears a large network: 26,560 maps that are hardly any work, by eight workers, on PostgreSQL.

    python -m benchmarks fleet_load [--maps N] [--workers N]    (as root)

Each map is one step from one start on 4x4 pixels, 16 maps a task run, 256 a shard: what is measured is all that is
around the work. And what 1,000 workers cost that have nothing to do: the processor time of the server for each time
that a worker asks for a shard, and gives a sign of life.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.fleet import POOL, SERVER, server, workers

MAPS, WORKERS, LAYERS = 26_560, 8, 10
MAPS_PER_TASK, MAPS_PER_SHARD = 16, 256
CALLS = 500
_TICK = os.sysconf("SC_CLK_TCK")


def main(arguments: list[str]) -> None:
    """Print one JSON object."""
    from tests.fleet.postgres import Postgres

    parser = argparse.ArgumentParser(prog="python -m benchmarks fleet_load")
    parser.add_argument("--maps", type=int, default=MAPS)
    parser.add_argument("--workers", type=int, default=WORKERS)
    asked = parser.parse_args(arguments)
    database = Postgres()
    try:
        address = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": database.url}
        with tempfile.TemporaryDirectory() as made, server(Path(made), **address) as settings:
            folder = Path(made)
            network = _save_network(folder / "wide.keras", asked.maps)
            cores = [number % (os.cpu_count() or 1) for number in range(asked.workers)]
            before = _database_size(database)
            with workers(settings, folder / "store", cores):
                idle = _cost_of_idle_workers(settings)
                swept = _sweep(settings, folder / "store", network)
                drained = _drain(database)
            found = {
                "maps": asked.maps,
                "workers": asked.workers,
                "idle worker": idle,
                **swept,
                "seconds until all task runs were recorded": round(drained, 1),
                "database, MiB": round((_database_size(database) - before) / 2**20, 1),
                "flow runs": _states(database, "flow_run"),
                "task runs": _states(database, "task_run"),
                "answers 500": (folder / "server.log").read_text(errors="replace").count(" 500 "),
                "server, seconds of processor time": round(_cpu_seconds(int(settings[SERVER])), 1),
            }
            print(json.dumps(found, indent=1))
    finally:
        database.close()


def _save_network(path: Path, maps: int) -> Path:
    """Layers side by side on 4x4 pixels, of which each map responds to any image."""
    import keras
    import numpy as np
    from keras import layers

    image = keras.Input((4, 4, 1))
    convolutions = [
        layers.Conv2D(maps // LAYERS, 1, activation="relu", bias_initializer="ones", name=f"wide_{number}")
        for number in range(LAYERS)
    ]
    pooled = [layers.GlobalAveragePooling2D()(convolution(image)) for convolution in convolutions]
    model = keras.Model(image, layers.Dense(2, name="classes")(layers.Concatenate()(pooled)))
    random = np.random.default_rng(0)
    for variable in model.trainable_variables:
        if variable.path.endswith("kernel"):
            variable.assign(random.normal(scale=0.4, size=variable.shape))
    model.save(path)
    return path


def _sweep(settings: Mapping[str, str], store: Path, network: Path) -> dict[str, Any]:
    """Sweep the network by the pool; how long that took, and how much memory the coordinator had at most."""
    given = ["--model", network, "--pixels", "0..1", "--store", store, "--json", "--pool", POOL, "--style", "strong"]
    settled = ["--starts", 1, "--oips", 1, "--steps", 1, "--quality", "standard", "--yes"]
    sizes = ["--maps-per-task", MAPS_PER_TASK, "--maps-per-shard", MAPS_PER_SHARD]
    begun = time.perf_counter()
    coordinator = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "sweep", *map(str, [*given, *settled, *sizes])],
        env=dict(settings),
        stdout=subprocess.PIPE,
        text=True,
    )
    most: list[int] = []
    watching = threading.Thread(target=_watch_memory, args=(coordinator, most))
    watching.start()
    out, _ = coordinator.communicate()
    watching.join()
    assert coordinator.returncode == 0, "the sweep failed: see above"
    summary = json.loads(out)
    return {
        "state": summary["state"],
        "computed": summary["computed"],
        "failures": len(summary["failures"]),
        "verdicts": dict(Counter(unit["verdict"] for unit in summary["units"])),
        "seconds": round(time.perf_counter() - begun, 1),
        "coordinator, GiB at most": round(max(most) / 2**20, 2),
    }


def _watch_memory(process: subprocess.Popen[str], most: list[int]) -> None:
    """Note the largest resident set in KiB, as Linux has it, until the process ends."""
    while process.poll() is None:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            return
        if found := re.search(r"VmHWM:\s+(\d+)", status):
            most.append(int(found[1]))
        time.sleep(0.5)


def _cost_of_idle_workers(settings: Mapping[str, str]) -> dict[str, float]:
    """Milliseconds of the server's processor time for each thing that a worker does when there is nothing to do."""
    import httpx

    url, process = settings["PREFECT_API_URL"], int(settings[SERVER])
    asks = {
        "asks for a shard": (f"/work_pools/{POOL}/get_scheduled_flow_runs", {"limit": 1}),
        "gives a sign of life": (f"/work_pools/{POOL}/workers/heartbeat", {"name": "idle"}),
    }
    found = {}
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        for what, (path, body) in asks.items():
            before = _cpu_seconds(process)
            for _ in range(CALLS):
                client.post(path, json=body).raise_for_status()
            found[f"{what}, ms"] = round(1000 * (_cpu_seconds(process) - before) / CALLS, 2)
    return found


def _cpu_seconds(process: int) -> float:
    """Processor time of a process and its threads, in seconds."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _drain(database: Any) -> float:
    """Seconds until the database knows of no task run that goes on, and of no more of them for five seconds."""
    begun = time.perf_counter()
    last, since = Counter[str](), begun
    while time.perf_counter() - since < 5:
        now = _states(database, "task_run")
        if now != last or set(now) & {"RUNNING", "PENDING", "SCHEDULED"}:
            last, since = now, time.perf_counter()
        if time.perf_counter() - begun > 600:
            break
        time.sleep(0.5)
    return since - begun


def _states(database: Any, table: str) -> Counter[str]:
    rows = database.rows(f"SELECT state_type, count(*) FROM {table} GROUP BY 1")
    return Counter({state: int(count) for state, count in rows})


def _database_size(database: Any) -> int:
    """Bytes."""
    return int(database.rows("SELECT pg_database_size('prefect')")[0][0])


if __name__ == "__main__":
    main(sys.argv[1:])
