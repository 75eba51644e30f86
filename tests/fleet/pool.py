"""A work pool, the hosts that work for it, and the shards that its sweeps submit."""

import signal
from collections import Counter
from contextlib import suppress
from functools import partial
from typing import Any

from storage.store import Record
from tests.fleet.fleet import Fleet
from tests.fleet.hosts import Command, Host
from tests.fleet.subject import UNITS, Subject
from tests.flows.being_up import wait_until

SHARD = "oip-shard"


class Pool:
    """A pool that a host has deployed, which runs its sweeps too."""

    def __init__(self, fleet: Fleet, name: str, coordinator: Host) -> None:
        self.fleet, self.name, self.coordinator = fleet, name, coordinator
        self.workers: dict[str, Command] = {}
        self.deploy()

    def deploy(self) -> dict[str, Any]:
        """Have all of it be on the server; returns what was done."""
        return self.coordinator.dreamsweep("deploy", "--pool", self.name, "--json").answer()

    def work(self, *hosts: Host) -> None:
        """Have a worker on each host."""
        for host in hosts:
            if host.name not in self.workers or self.workers[host.name].ended:
                self.workers[host.name] = host.dreamsweep("worker", "--pool", self.name)
        for host in hosts:
            wait_until(partial(_is_ready, self.workers[host.name]), 120)
        wait_until(lambda: {host.name for host in hosts} <= self.online(), 90)

    def rest(self) -> None:
        """End all workers as a user does."""
        for worker in self.workers.values():
            if not worker.ended:
                worker.signal(signal.SIGTERM)
        for worker in self.workers.values():
            worker.wait(120)

    def online(self) -> set[str]:
        """The names of the workers that are online, as the server sees it."""
        found = self.fleet.server.ask("POST", f"/work_pools/{self.name}/workers/filter", json={})
        return {worker["name"] for worker in found if worker["status"] == "ONLINE"}

    def shards(self, store_run: str | None = None) -> list[dict[str, Any]]:
        """The flow runs of shards, all of them or those of a run of the store, as the API has them."""
        asked = {"deployments": {"name": {"any_": [self.name]}}, "flows": {"name": {"any_": [SHARD]}}, "limit": 200}
        found = self.fleet.server.ask("POST", "/flow_runs/filter", json=asked)
        return [shard for shard in found if store_run is None or shard["parameters"]["run"] == store_run]

    def shard(self, run: str, layer: str) -> dict[str, Any]:
        """The only shard of a layer."""
        (found,) = (shard for shard in self.shards(run) if shard["parameters"]["layer"] == layer)
        return dict(found)

    def worker_of(self, shard: dict[str, Any]) -> str:
        """The name of the host that has taken a shard last."""
        return str(self.fleet.server.ask("GET", f"/flow_runs/{shard['id']}")["labels"]["prefect.worker.name"])

    def sweep(self, subject: Subject, *more: object) -> Command:
        """Begin to sweep by this pool."""
        words = ("sweep", *subject.words, "--pool", self.name, "--json", *more)
        return self.coordinator.dreamsweep(*words)

    def rerun(self, run: str, *more: object) -> Command:
        """Begin to finish a sweep."""
        return self.coordinator.dreamsweep("rerun", run, "--json", *more)

    def made(self, run: str) -> dict[str, Record]:
        """The records of a sweep's maps by their units. Raises AssertionError where one was made twice."""
        units = self.fleet.store.run(run).units
        maps = {unit: self.fleet.store.record(units[unit].record) for unit in UNITS if unit in units}
        recipes = {record.recipe for record in maps.values()}
        count = Counter(record.recipe for record in self.fleet.store.records() if record.recipe in recipes)
        twice = [recipe for recipe, many in count.items() if many > 1]
        assert not twice, twice
        return maps

    def is_at_rest(self, *, tasks: bool = True) -> None:
        """See that nothing is said to be running: no flow run, no task run unless they do not count, no run of the
        store."""

        def left() -> set[str]:
            return {one for one in self.fleet.unfinished() if tasks or not one.startswith("task_run ")}

        with suppress(AssertionError):
            wait_until(lambda: not left(), 30)  # the server records task runs a little later
        found = left()
        assert not found, found


def _is_ready(worker: Command) -> bool:
    assert not worker.ended, worker.said
    return "takes 1 shard at a time" in worker.said
