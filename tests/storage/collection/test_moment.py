"""Clocks that jump: nothing is collected by one that is wrong."""

import json
import os
import time
from datetime import timedelta

import pytest

from storage import garbage
from storage.errors import StoreError
from storage.names import blob_path
from storage.store import Store

YEAR = 365 * 86_400.0


@pytest.mark.parametrize("jump", [YEAR, -YEAR])
def test_nothing_is_collected_where_this_machines_clock_and_the_stores_are_apart(any_store, monkeypatch, jump):
    any_store.put(b"nobody's")
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + jump)
    for grace in (garbage.GRACE, timedelta(0)):
        with pytest.raises(StoreError, match=r"nothing was collected: the clock of this machine says .* of the store"):
            garbage.plan(any_store, grace)


@pytest.mark.parametrize("jump", [YEAR, -YEAR])
def test_nothing_is_collected_by_age_for_a_while_after_the_machines_clock_has_jumped(store, monkeypatch, jump):
    store.open_run("sweep", {}).close("completed", {})
    old = store.put(b"nobody's")
    now = store.files.listing("blobs")[blob_path(old)].modified
    # The file is dated by the same clock, so only what counts since the machine was started knows better.
    os.utime(store.files.folder / blob_path(old), (now - 2 * 86_400, now - 2 * 86_400))
    assert garbage.plan(store).blobs == (old,)
    since_boot = time.clock_gettime
    monkeypatch.setattr(time, "clock_gettime", lambda clock: since_boot(clock) - jump)
    for _ in range(2):
        with pytest.raises(StoreError, match="nothing was collected: the clock of this machine has jumped"):
            garbage.plan(Store.open(store.root))
    # Who gives no grace does not ask for the age.
    assert garbage.plan(store, timedelta(0)).blobs == (old,)


def test_a_machine_that_was_started_again_is_not_one_whose_clock_has_jumped(store, monkeypatch):
    store.open_run("sweep", {}).close("completed", {})
    note = store.files.folder / "clock.json"
    (boot,) = json.loads(note.read_text())["machines"]
    note.write_text(note.read_text().replace(boot, "another-start"))
    monkeypatch.setattr(time, "clock_gettime", lambda clock: 12.0)
    assert garbage.plan(store).empty


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"steady_since": "x", "machines": {}}', '{"machines": 3}'])
def test_a_note_of_the_clocks_that_cannot_be_read_is_as_none(store, text):
    (store.files.folder / "clock.json").write_text(text)
    assert garbage.plan(store).empty
