"""Whether a collection was at work while something was committed: a look serves all who asked before it began."""

import threading
import time

import pytest

from storage.collection.witness import Witness
from storage.errors import StoreUnusable


class Lease:
    """Counts how often it is read; each reading takes a moment, and shows what the lease was when it began."""

    def __init__(self) -> None:
        self.body = b""
        self.fails = False
        self.begun: list[float] = []

    def read(self, _: str) -> bytes:
        self.begun.append(time.monotonic())
        now = self.body
        time.sleep(0.05)
        if self.fails:
            raise StoreUnusable("away")
        return now


@pytest.fixture
def lease() -> Lease:
    return Lease()


def test_a_burst_of_commits_looks_twice_and_nobody_is_told_what_was_seen_before_they_asked(lease: Lease) -> None:
    witness = Witness(lease)  # type: ignore[arg-type]
    witness.was_alone(b"")
    asked: list[float] = []
    answers: list[bool] = []
    before = witness.before()

    def commit() -> None:
        asked.append(time.monotonic())
        answers.append(witness.was_alone(before))

    threads = [threading.Thread(target=commit) for _ in range(24)]
    lease.begun.clear()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 24
    assert len(lease.begun) <= 12  # two, unless this machine starts threads slowly
    assert lease.begun[-1] >= max(asked)


def test_a_collection_that_began_before_somebody_asked_is_seen_though_a_look_is_under_way(lease: Lease) -> None:
    witness = Witness(lease)  # type: ignore[arg-type]
    witness.was_alone(b"")
    before = witness.before()
    early = threading.Thread(target=witness.was_alone, args=(before,))
    early.start()
    while len(lease.begun) < 2:
        time.sleep(0.001)
    lease.body = b"somebody collects"  # after that look has begun
    assert not witness.was_alone(before)
    early.join()


def test_where_it_cannot_be_known_nobody_was_alone(lease: Lease) -> None:
    witness = Witness(lease)  # type: ignore[arg-type]
    witness.was_alone(b"")
    before, lease.fails = witness.before(), True
    assert not witness.was_alone(before)
    lease.fails = False
    assert witness.was_alone(witness.before())
    lease.body, lease.fails = b"somebody collected meanwhile", True
    assert not witness.was_alone(witness.before())
    lease.fails = False
    assert not witness.was_alone(witness.before())
