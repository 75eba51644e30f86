"""Garbage collection: what it takes, and above all what it does not."""

import os
import threading
import time
from datetime import timedelta

import pytest

from storage import garbage
from storage.collection.writers import temporary_name
from storage.errors import StoreError
from storage.names import blob_path, record_path
from storage.recipe import Recipe
from storage.verify import verify

NOW = timedelta(0)


def keys(store):
    return {record.key for record in store.records()}


def test_a_sweep_that_only_reused_an_older_ones_maps_keeps_them(store, committing):
    first = store.open_run("sweep", {})
    trained = committing(store, "train", outputs={"checkpoint": b"weights"})
    records = [
        committing(
            store,
            parameters={"n": number},
            outputs={"oips": bytes([number])},
            inputs=[("checkpoint", trained.output("checkpoint").digest)],
        )
        for number in range(3)
    ]
    for number, record in enumerate(records):
        first.add(f"Conv2D_1/{number}", record, "computed")
    first.close("completed", {})

    second = store.open_run("sweep", {}, pins=[record.recipe for record in records[:2]])
    listing = store.listing()
    for number in range(2):
        found = listing.find(Recipe("oip", 1, {"n": number}, {}), changes=None)
        second.add(f"Conv2D_1/{number}", found, "reused")
    second.close("completed", {})

    store.delete_run(first.id)
    assert garbage.collect(garbage.plan(store, NOW)).records == (records[2].key,)
    assert keys(store) == {trained.key, records[0].key, records[1].key}
    assert verify(store).clean


def test_an_open_run_keeps_what_it_may_reuse_until_it_is_closed(store, committing):
    record = committing(store)
    run = store.open_run("sweep", {}, pins=[record.recipe])
    assert garbage.plan(store, NOW).empty
    run.close("failed", {})
    assert garbage.plan(store, NOW).records == (record.key,)


def test_an_open_run_keeps_what_it_has_made_and_reused_before_it_has_written_that_down(store, committing):
    reusable = committing(store, "data", outputs={"train_imgs": b"images"})
    nobodys = committing(store, parameters={"n": 1}, outputs={"oips": b"nobody's"})
    run = store.open_run("dream", {})
    run.add("first", committing(store, "original", run=run.id), "computed")
    run.add("data", reusable, "reused")
    made = committing(store, parameters={"n": 2}, outputs={"oips": b"dream"}, run=run.id)
    environment = store.put(b"an environment that no record names yet")
    done = garbage.collect(garbage.plan(store, NOW))
    assert done.records == (nobodys.key,)
    assert done.blobs == (nobodys.output("oips").digest,)
    run.add("dream", made, "computed")
    run.close("completed", {})
    assert {result.record for result in store.run(run.id).units.values()} <= keys(store)
    assert verify(store).clean
    assert garbage.collect(garbage.plan(store, NOW)).blobs == (environment,)


def test_what_went_to_the_trash_since_an_open_run_began_stays_there(store, committing):
    run = store.open_run("sweep", {})
    committing(store)
    garbage.collect(garbage.plan(store, NOW))
    assert garbage.plan(store, NOW).expired == ()
    run.close("completed", {})
    assert len(garbage.plan(store, NOW).expired) == 3


def test_an_open_run_that_was_not_heard_of_for_a_week_is_closed_as_crashed_and_keeps_what_it_made(store, committing):
    reusable = committing(store)
    run = store.open_run("sweep", {}, pins=[reusable.recipe])
    made = committing(store, parameters={"n": 1}, outputs={"oips": b"new"}, run=run.id)
    age(store, f"runs/{run.id}.json", days=6)
    assert garbage.plan(store, NOW).empty
    age(store, f"runs/{run.id}.json", days=8)
    assert garbage.collect(garbage.plan(store, NOW)).records == (reusable.key,)
    assert keys(store) == {made.key}
    assert store.run(run.id).state == "crashed"


def test_a_crashed_run_pins_nothing_more_and_keeps_what_it_had_no_time_to_write_down(store, committing):
    reusable = committing(store)
    run = store.open_run("sweep", {}, pins=[reusable.recipe])
    committed = committing(store, parameters={"n": 1}, outputs={"oips": b"new"}, run=run.id)
    store.close_crashed(run.id, "its process was killed")
    assert garbage.collect(garbage.plan(store, NOW)).records == (reusable.key,)
    assert keys(store) == {committed.key}


def test_what_is_younger_than_the_grace_period_stays_with_all_that_it_needs(store, committing):
    data = committing(store, "data", outputs={"train_imgs": b"images"})
    old = committing(store, parameters={"n": 1}, outputs={"oips": b"old"})
    committing(
        store, parameters={"n": 2}, outputs={"oips": b"new"}, inputs=[("data", data.output("train_imgs").digest)]
    )
    for record in (data, old):
        for path in [record_path(record.key), *(blob_path(output.digest) for output in record.outputs)]:
            age(store, path)
    plan = garbage.plan(store)
    assert plan.records == (old.key,)
    assert plan.blobs == (old.output("oips").digest,)


def test_putting_a_blob_again_renews_its_time(store):
    digest = store.put(b"pixels")
    age(store, blob_path(digest))
    assert garbage.plan(store).blobs == (digest,)
    store.put(b"pixels")
    assert garbage.plan(store).empty


def age(store, path, days=2):
    then = time.time() - days * 86400
    os.utime(store.files.folder / path, (then, then))


def test_what_came_into_use_since_the_plan_was_shown_stays(store, committing):
    one, two = committing(store, parameters={"n": 1}), committing(store, parameters={"n": 2})
    plan = garbage.plan(store, NOW)
    assert set(plan.records) == {one.key, two.key}
    store.set_ref("best", f"record:{one.key}")
    assert garbage.collect(plan).records == (two.key,)
    assert keys(store) == {one.key}
    assert verify(store).clean


def test_temporary_files_of_killed_processes_go_once_they_are_old(store):
    for name in ("old", "young"):
        store.files.write(f"tmp/{name}", b"half")
    age(store, "tmp/old")
    assert garbage.collect(garbage.plan(store)).temporary == ("tmp/old",)
    assert set(store.files.listing("tmp")) == {"tmp/young"}
    # Whose it is is not known: it may be that of a writer on another machine.
    assert garbage.plan(store, NOW).empty
    age(store, "tmp/young", days=1 / 20)
    assert garbage.plan(store, NOW).temporary == ("tmp/young",)


def test_the_temporary_file_of_a_process_that_lives_stays_however_old_it_is(store):
    name = f"tmp/{temporary_name()}"
    store.files.write(name, b"half")
    age(store, name)
    assert garbage.plan(store, NOW).empty


def test_the_trash_is_emptied_of_what_has_lain_there_for_longer_than_the_grace_period(store, committing):
    committing(store)
    garbage.collect(garbage.plan(store, NOW))
    trash = store.files.folder / "trash"
    (folder,) = trash.iterdir()
    assert garbage.plan(store).expired == ()
    # Files keep the times of their writing, so the folder's name counts.
    folder.rename(trash / "20200101-000000-abcdef-garbage")
    done = garbage.collect(garbage.plan(store))
    assert len(done.expired) == 3
    assert done.size > 0
    assert list(trash.iterdir()) == []


def test_nothing_is_collected_while_it_is_unknown_what_is_needed(store, committing):
    record, run = committing(store), store.open_run("sweep", {})
    for path in (record_path(record.key), f"runs/{run.id}.json"):
        data = store.files.read(path)
        store.files.write(path, data[:-3])
        with pytest.raises(StoreError, match=r"nothing was collected.*dreamsweep verify"):
            garbage.plan(store, NOW)
        store.files.write(path, data)
    store.set_ref("best", f"record:{record.key}")
    store.files.write("refs/best.json", b"{}")
    with pytest.raises(StoreError, match="dreamsweep verify"):
        garbage.plan(store, NOW)


def test_a_collection_waits_for_commits_under_way_and_is_not_kept_waiting_by_new_ones(store, committing):
    stop = threading.Event()
    errors = []

    def work(seed: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            try:
                record = committing(store, parameters={"seed": seed, "n": number}, outputs={"oips": b"shared"})
                store.set_ref(f"kept/{seed}", f"record:{record.key}")
            except StoreError as error:
                # Collected between its commit and its ref: no grace was given.
                if "no such thing" not in str(error):
                    errors.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            garbage.collect(garbage.plan(store, NOW))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []
    report = verify(store)
    assert report.corrupt == report.missing == []


def test_blobs_that_a_record_names_and_no_record_made_are_kept(store, committing):
    read, changes = store.put(b"a file that was read"), store.put(b"a patch")
    record = committing(store, inputs=[("file", read)], changes=changes)
    store.set_ref("best", f"record:{record.key}")
    assert garbage.plan(store, NOW).empty
