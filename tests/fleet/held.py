"""Sweeps that are held in the middle: some maps of a shard wait, all others are made, until they are let go."""

from tests.fleet.hosts import Command
from tests.fleet.pool import Pool
from tests.fleet.subject import MAPS, UNITS, Subject
from tests.flows.being_up import wait_until

LAYER = "Conv2D_2"
HELD = [f"{LAYER}/{index}" for index in range(3, MAPS[LAYER], 6)]
"""Fewer than are made at a time, so that all others are."""


class HeldSweep:
    """A sweep by a pool in which these maps wait; `run` is what the store calls it."""

    def __init__(self, pool: Pool, subject: Subject, *more: object) -> None:
        self.pool = pool
        self.faults = pool.fleet.faults
        self.faults.forget()
        self.faults.set(**{unit.replace("/", "__"): {"do": "wait"} for unit in HELD})
        before = {run.id for run in pool.fleet.store.runs()}
        self._asked = len(pool.fleet.bucket.asked)
        self.command: Command = pool.sweep(subject, *more)
        wait_until(lambda: self._waits() and self._stored() == len(UNITS) - len(HELD), 240)
        (self.run,) = {run.id for run in pool.fleet.store.runs() if run.flow == "oip-sweep"} - before

    def _waits(self) -> bool:
        assert not self.command.ended, self.command.said
        return all(self.faults.happened(f"{unit} waits") for unit in HELD)

    def _stored(self) -> int:
        """How many maps are stored: what workers store."""
        asked = self.pool.fleet.bucket.asked[self._asked :]
        workers = {self.pool.fleet.hosts[name].address for name in self.pool.workers}
        return len(
            {one.path for one in asked if one.client in workers and one.kind == "PUT" and "/records/" in one.path}
        )

    def let_go(self) -> None:
        """Nothing waits any more."""
        self.faults.mend()

    def begun(self) -> dict[str, int]:
        """How often each map was begun."""
        return {unit: len(self.faults.happened(f"{unit} begins")) for unit in UNITS}

    def begun_again(self) -> set[str]:
        """The maps that were begun more than once."""
        return {unit for unit, times in self.begun().items() if times > 1}
