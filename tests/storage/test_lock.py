"""The lock between commits and garbage collection."""

import threading
from datetime import timedelta

import pytest

from storage import garbage

SOON, LATER = 0.2, 20.0  # seconds


@pytest.fixture
def in_background():
    """Starts a function in a thread; the event that is returned is set when it has ended."""
    threads = []

    def start(work) -> threading.Event:
        ended = threading.Event()
        threads.append(threading.Thread(target=lambda: (work(), ended.set())))
        threads[-1].start()
        return ended

    yield start
    for thread in threads:
        thread.join(LATER)


def test_a_collection_waits_for_the_commit_under_way(store, in_background):
    with store.files.writing():
        collected = in_background(lambda: garbage.collect(garbage.plan(store, timedelta(0))))
        assert not collected.wait(SOON)
    assert collected.wait(LATER)


def test_commits_wait_for_the_collection_under_way(store, committing, in_background):
    with store.files.collecting():
        committed = in_background(lambda: committing(store))
        assert not committed.wait(SOON)
    assert committed.wait(LATER)


def test_commits_do_not_wait_for_each_other(store, committing, in_background):
    with store.files.writing():
        assert in_background(lambda: committing(store)).wait(LATER)


def test_a_collection_that_waits_comes_before_commits_that_begin_later(store, committing, in_background):
    order = []

    def collect() -> None:
        with store.files.collecting():
            order.append("collection")

    with store.files.writing():
        collected = in_background(collect)
        assert not collected.wait(SOON)
        committed = in_background(lambda: (committing(store), order.append("commit")))
        assert not committed.wait(SOON)
    assert collected.wait(LATER)
    assert committed.wait(LATER)
    assert order == ["collection", "commit"]
