"""The code of a worker: a copy without git makes what the checkout takes for its own, and other code makes nothing."""

from collections.abc import Iterator

import pytest

from tests.fleet.copies import Copy
from tests.fleet.fleet import Fleet
from tests.fleet.hosts import Host
from tests.fleet.pool import Pool
from tests.fleet.subject import UNITS, Subject


@pytest.fixture(scope="module")
def copy(bea: Host, cora: Host) -> Iterator[Copy]:
    """The code of one host; that of the other one is a git checkout of the same."""
    checkout = Copy.committed(cora)
    image = checkout.without_git(bea)
    before = [dict(host.settings) for host in (bea, cora)]
    cora.settings |= checkout.settings
    bea.settings |= image.settings
    yield image
    bea.settings, cora.settings = before


@pytest.fixture(scope="module")
def pool(fleet: Fleet, copy: Copy, bea: Host, cora: Host) -> Iterator[Pool]:
    made = Pool(fleet, "coded", cora)
    made.work(bea)
    yield made
    made.rest()


def test_a_checkout_reuses_what_a_worker_without_git_has_made(pool: Pool, bea: Host, cora: Host) -> None:
    subject = Subject(cora, 41)
    swept = pool.sweep(subject).answer()
    assert (swept["state"], swept["computed"]) == ("completed", len(UNITS))
    made = pool.made(swept["run"])
    assert {record.provenance.host for record in made.values()} == {"bea"}
    assert {record.changes for record in made.values()} == {None}
    again = cora.dreamsweep("sweep", *subject.words, "--json").answer()
    assert (again["state"], again["computed"], again["reused"]) == ("completed", 0, len(UNITS))


def test_a_worker_with_a_changed_line_makes_nothing_and_says_why(pool: Pool, copy: Copy, bea: Host, cora: Host) -> None:
    pool.rest()
    copy.change_a_line()
    pool.work(bea)
    swept = pool.sweep(Subject(cora, 42)).answer(1)
    assert (swept["state"], set(swept["failures"])) == ("failed", set(UNITS))
    for shard in pool.shards(swept["run"]):
        assert shard["state_type"] == "FAILED"
        assert "this worker runs other code" in shard["state"]["message"]
    assert all("this worker runs other code" in why for why in swept["failures"].values())
    assert not [one for one in pool.fleet.store.records() if one.provenance.run == swept["run"] and one.task == "oip"]
