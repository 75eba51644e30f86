"""The lease of remote stores: one collection at a time, and one that has died is in nobody's way."""

import logging
import secrets
import threading
from datetime import timedelta

import pytest

from storage import garbage
from storage.collection import lease
from storage.collection.lease import LEASE, held_lease
from storage.errors import StoreError
from storage.store import Store

NOW = timedelta(0)


@pytest.fixture(params=["memory", "s3"])
def remote(request, monkeypatch) -> Store:
    """A store without locks, whose leases are renewed, and given up, soon."""
    for name, seconds in (("RENEWED_SECONDS", 0.1), ("STALE_SECONDS", 30.0), ("LOOKED_SECONDS", 0.05)):
        monkeypatch.setattr(lease, name, seconds)
    if request.param == "memory":
        return Store.open(f"memory://{secrets.token_hex(8)}/store")
    return Store.open(f"{request.getfixturevalue('s3')}/{secrets.token_hex(8)}")


def test_two_collections_are_never_at_work_at_once(remote):
    remote.put(b"nobody's")
    with held_lease(remote.files), pytest.raises(StoreError, match=r"a collection is at work in .*: wait"):
        garbage.collect(garbage.plan(Store.open(remote.root), NOW))
    assert len(garbage.collect(garbage.plan(remote, NOW)).blobs) == 1


def test_the_lease_of_a_collection_that_was_killed_is_taken_over(remote, monkeypatch):
    monkeypatch.setattr(lease, "STALE_SECONDS", 3.0)
    remote.put(b"nobody's")
    killed = held_lease(remote.files)
    holder = killed.__enter__()
    holder._ended.set()  # nothing renews it any more
    holder._thread.join()
    assert len(garbage.collect(garbage.plan(Store.open(remote.root), NOW)).blobs) == 1
    said = remote.files.read(LEASE)
    killed.__exit__(None, None, None)
    assert remote.files.read(LEASE) == said, "who has lost it does not give it back"


def test_who_has_lost_the_lease_moves_nothing_more(remote, committing):
    records = [committing(remote, parameters={"n": number}) for number in range(3)]
    plan = garbage.plan(remote, NOW)
    move = remote.files.move

    def taken_over(path, to):
        remote.files.move = move
        remote.files.write(LEASE, b'{"held": true}')
        for thread in threading.enumerate():
            if thread.name == "lease":
                thread.join()  # it has found that it is another's
        move(path, to)

    remote.files.move = taken_over
    with pytest.raises(StoreError, match="held up"):
        garbage.collect(plan)
    assert len(list(remote.records())) == len(records) - 1


def test_a_server_that_ignores_conditions_is_noticed_and_that_is_said(remote, monkeypatch, caplog):
    remote.put(b"nobody's")
    files = remote.files

    def ignoring(path, data, tag):
        files.write(path, data)
        return files.tag(path)

    monkeypatch.setattr(files, "swap", ignoring)
    with caplog.at_level(logging.WARNING):
        assert len(garbage.collect(garbage.plan(remote, NOW)).blobs) == 1
    assert "run only one `dreamsweep gc` at a time" in caplog.text
