"""A host, a worker or the coordinator is lost in the middle of a shard: others make what was lost, and no more."""

import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from storage.verify import verify
from tests.fleet.fleet import Fleet
from tests.fleet.held import HELD, LAYER, HeldSweep
from tests.fleet.hosts import Host
from tests.fleet.pool import Pool
from tests.fleet.subject import MAPS, UNITS, Subject
from tests.flows.being_up import wait_until

WITHOUT_HEARTBEAT = 240.0
"""By then the server has found out that a host is gone, with its default of 90 s."""


@pytest.fixture(scope="module")
def lossy(fleet: Fleet, cora: Host) -> Iterator[Pool]:
    made = Pool(fleet, "lossy", cora)
    yield made
    made.rest()


@pytest.fixture
def pool(lossy: Pool, ada: Host, bea: Host) -> Pool:
    """A pool for which two hosts work."""
    lossy.work(ada, bea)
    return lossy


def is_whole(pool: Pool, summary: dict[str, Any]) -> None:
    """See that a sweep has all maps, that it is the latest, and that the store is clean."""
    assert (summary["state"], summary["failures"], summary["left"]) == ("completed", {}, 0)
    assert len(summary["units"]) == len(UNITS)
    assert pool.fleet.store.ref("sweep/latest") == f"run:{summary['run']}"
    assert verify(pool.fleet.store).clean


def test_the_shard_of_a_host_that_lost_its_power_is_made_by_another(pool: Pool, cora: Host) -> None:
    held = HeldSweep(pool, Subject(cora, 11))
    shard = pool.shard(held.run, LAYER)
    lost = pool.fleet.hosts[pool.worker_of(shard)]
    lost.kill()
    held.let_go()
    is_whole(pool, held.command.answer())
    assert set(pool.made(held.run)) == set(UNITS)
    assert held.begun_again() == set(HELD)
    assert pool.worker_of(shard) != lost.name
    pool.is_at_rest()


def test_a_host_that_was_cut_off_comes_back_while_another_makes_its_shard(pool: Pool, cora: Host) -> None:
    held = HeldSweep(pool, Subject(cora, 12))
    shard = pool.shard(held.run, LAYER)
    lost = pool.fleet.hosts[pool.worker_of(shard)]
    lost.cut()
    wait_until(lambda: held.begun_again() == set(HELD), WITHOUT_HEARTBEAT)
    assert pool.worker_of(shard) != lost.name
    lost.mend()
    held.let_go()
    is_whole(pool, held.command.answer())  # though both make what is left, under the same recipes
    assert held.begun_again() == set(HELD)
    pool.is_at_rest()


def test_a_worker_that_is_told_to_end_hands_its_shard_back(pool: Pool, cora: Host) -> None:
    held = HeldSweep(pool, Subject(cora, 13))
    shard = pool.shard(held.run, LAYER)
    told = pool.worker_of(shard)
    began = time.monotonic()
    pool.workers[told].signal(signal.SIGTERM)
    wait_until(lambda: pool.worker_of(pool.shard(held.run, LAYER)) != told, 120)
    assert time.monotonic() - began < 120
    held.let_go()
    is_whole(pool, held.command.answer())
    assert set(pool.made(held.run)) == set(UNITS)
    assert pool.workers[told].wait(60) == 0
    assert held.begun_again() == set(HELD)
    pool.is_at_rest()


def test_shards_that_a_worker_took_and_never_began_are_made_by_another(lossy: Pool, ada: Host, cora: Host) -> None:
    lossy.rest()
    before = {shard["id"] for shard in lossy.shards()}
    sweep = lossy.sweep(Subject(cora, 14))
    wait_until(lambda: len(lossy.shards()) == len(before) + len(MAPS) or sweep.ended, 180)
    taken = [shard["id"] for shard in lossy.shards() if shard["id"] not in before]
    for shard in taken:
        lossy.fleet.server.ask("POST", f"/flow_runs/{shard}/set_state", json={"state": {"type": "PENDING"}})
        latest = f"(SELECT state_id FROM flow_run WHERE id = '{shard}')"
        lossy.fleet.database.rows(
            f"UPDATE flow_run_state SET timestamp = timestamp - interval '1 hour' WHERE id = {latest}"
        )
    lossy.work(ada)
    summary = sweep.answer()
    is_whole(lossy, summary)
    assert set(lossy.made(summary["run"])) == set(UNITS)
    lossy.is_at_rest()
    assert "was taken, and not begun: another worker takes it" in sweep.said
    assert {shard["id"] for shard in lossy.shards()} == before | set(taken)


def test_a_rerun_makes_nothing_again_that_shards_of_a_killed_coordinator_have_made(pool: Pool, cora: Host) -> None:
    held = HeldSweep(pool, Subject(cora, 15))
    shards = {shard["id"] for shard in pool.shards()}
    held.command.kill()
    again = pool.rerun(held.run)
    wait_until(lambda: "under way already" in again.said or again.ended, 180)
    held.let_go()
    is_whole(pool, again.answer())
    assert {shard["id"] for shard in pool.shards()} == shards
    assert held.begun_again() == set()
    pool.is_at_rest()
