"""What all hosts share is away for a minute in the middle of a shard: they wait, and nothing is made again."""

import time
from collections.abc import Iterator

import pytest

from storage.verify import verify
from tests.fleet.fleet import Fleet
from tests.fleet.held import HeldSweep
from tests.fleet.hosts import Host
from tests.fleet.pool import Pool
from tests.fleet.subject import UNITS, Subject
from tests.flows.being_up import wait_until

AWAY_SECONDS = 60.0
STALLED_AFTER = 0.75
"""Minutes."""


@pytest.fixture(scope="module")
def pool(fleet: Fleet, ada: Host, bea: Host, cora: Host) -> Iterator[Pool]:
    made = Pool(fleet, "patient", cora)
    made.work(ada, bea)
    yield made
    made.rest()


def is_whole(held: HeldSweep) -> None:
    """See that the sweep ended well, and that nothing was begun twice, or is running."""
    pool, summary = held.pool, held.command.answer()
    assert (summary["state"], summary["failures"]) == ("completed", {})
    assert set(pool.made(summary["run"])) == set(UNITS)
    assert held.begun_again() == set()
    assert verify(pool.fleet.store).clean
    pool.is_at_rest(tasks=False)  # Prefect loses some of what they say while the server is away for more than 10 s


def test_a_server_and_a_database_that_were_killed_are_waited_for(pool: Pool, cora: Host) -> None:
    held = HeldSweep(pool, Subject(cora, 21))
    pool.fleet.server.kill()
    pool.fleet.database.kill()
    held.let_go()
    time.sleep(AWAY_SECONDS)
    pool.fleet.database.start()
    pool.fleet.server.start()
    is_whole(held)
    wait_until(lambda: pool.online() == {"ada", "bea"})


def test_a_bucket_that_was_killed_is_waited_for(pool: Pool, cora: Host) -> None:
    held = HeldSweep(pool, Subject(cora, 22))
    pool.fleet.bucket.kill()
    held.let_go()
    time.sleep(AWAY_SECONDS)
    pool.fleet.bucket.start()
    is_whole(held)


def test_a_bucket_that_is_away_for_too_long_ends_the_sweep_and_a_rerun_finishes_it(pool: Pool, cora: Host) -> None:
    held = HeldSweep(pool, Subject(cora, 23), "--stalled-after", STALLED_AFTER)
    pool.fleet.bucket.kill()
    held.let_go()
    assert held.command.wait() != 0
    assert pool.fleet.place in held.command.said
    pool.fleet.bucket.start()
    again = pool.rerun(held.run).answer()
    assert (again["state"], again["failures"]) == ("completed", {})
    assert set(pool.made(again["run"])) == set(UNITS)
    assert verify(pool.fleet.store).clean
