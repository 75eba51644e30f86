"""Room for an output on its way into the store."""

import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from storage import garbage
from storage.store import Store
from tasks.session.scratch import scratch


def leave_one_behind(store: Store) -> None:
    """Have a process killed while it writes."""
    killed = os.fork()
    if killed == 0:
        with scratch(store, ".h5") as left:
            left.write_bytes(b"x")
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(killed, 0)


def test_the_file_is_gone_afterwards_also_where_something_went_wrong(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    with scratch(store, ".h5") as path:
        path.write_bytes(b"x")
        assert path.suffix == ".h5"
    assert not path.exists()
    room = scratch(store, ".h5")
    path = room.__enter__()
    path.write_bytes(b"x")
    error = RuntimeError("no luck")
    assert not room.__exit__(RuntimeError, error, None)
    assert not path.exists()


def test_what_a_killed_process_leaves_beside_a_remote_store_is_removed_by_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    store = Store.open("memory://scratch/store")
    with scratch(store, ".h5") as path:
        path.write_bytes(b"x")
        leave_one_behind(store)
        assert len(list(path.parent.iterdir())) == 2
        with scratch(store, ".h5"):
            assert list(path.parent.iterdir()) == [path]


def test_what_a_killed_process_leaves_is_garbage_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    with scratch(store, ".h5") as path:
        path.write_bytes(b"x")
        leave_one_behind(store)
        assert len(store.files.listing("tmp")) == 2
        garbage.collect(garbage.plan(store, timedelta(0)))
        assert set(store.files.listing("tmp")) == {f"tmp/{path.name}"}
