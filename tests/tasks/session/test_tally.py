"""What a run's task runs have come to."""

import threading

import pytest

from storage.errors import StoreUnusable
from tasks.session.tally import Tally


def test_a_title_is_made_or_has_failed_and_never_both() -> None:
    tally = Tally()
    tally.fail("Conv2D_1/0", "no memory")
    assert (tally.done, tally.failed) == (1, 1)
    tally.add("Conv2D_1/0", "a/b", reused=False)
    assert (tally.made, tally.failures) == ({"Conv2D_1/0": "a/b"}, {})
    assert tally.is_computed("Conv2D_1/0")
    tally.fail("Conv2D_1/0", "its file is taken")
    assert (tally.made, tally.failures) == ({}, {"Conv2D_1/0": "its file is taken"})
    assert (tally.computed, tally.reused, tally.done) == (0, 0, 1)
    with pytest.raises(KeyError):
        tally.key_of("Conv2D_1/0")


def test_what_was_there_before_is_told_from_what_this_run_computed() -> None:
    tally = Tally()
    tally.add("new", "a/b", reused=False)
    tally.add("old", "c/d", reused=True)
    assert (tally.computed, tally.reused) == (1, 1)
    assert [tally.is_computed(title) for title in ("new", "old", "neither")] == [True, False, False]
    assert [tally.is_done(title) for title in ("new", "old", "neither")] == [True, True, False]


def test_the_first_reason_to_stop_stays() -> None:
    tally = Tally()
    tally.stop(None)
    assert tally.stopped is None
    full, gone = StoreUnusable("the disk is full"), StoreUnusable("the disk is gone")
    tally.stop(full)
    tally.stop(None)
    tally.stop(gone)
    assert tally.stopped is full


def test_many_threads_write_while_one_reads() -> None:
    tally = Tally()
    writers = 8

    def write(writer: int) -> None:
        for number in range(500):
            title = f"{writer}/{number}"
            tally.fail(title, "not yet")
            tally.add(title, "a/b", reused=bool(number % 2))

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert set(tally.made.values()) <= {"a/b"}
        assert set(tally.failures.values()) <= {"not yet"}
    assert (tally.done, tally.failed, tally.computed, tally.reused) == (4000, 0, 2000, 2000)
