"""Every pointer is followed, what is lost is said with who needs it, and nobody who is at work is taken for a loss."""

import secrets
import sqlite3
from dataclasses import replace
from datetime import timedelta

import pytest

from storage.checks import followed
from storage.checks.losses import Need
from storage.garbage import collect, plan
from storage.names import blob_path, record_path, ref_path, run_path
from storage.store import Store
from storage.verify import verify


@pytest.fixture
def pair(store, committing):
    """A run with a model and what was grown from it, and a ref to each."""
    run = store.open_run("oip-sweep", {"model": "model/latest"})
    model = committing(store, "model", outputs={"model": b"weights"}, run=run.id)
    grown = committing(
        store, inputs=[("model", model.output("model").digest)], attributes={"unit": "Conv2D_1/3"}, run=run.id
    )
    run.add("model", model, "computed")
    run.add("Conv2D_1/3", grown, "computed")
    closed = run.close("completed", {})
    store.set_ref("model/latest", f"record:{model.key}")
    store.set_ref("sweep/latest", f"run:{closed.id}")
    return closed.id, model, grown


def test_a_record_that_a_run_and_a_ref_name_is_missed(store, pair):
    run, model, _ = pair
    store.files.delete(record_path(model.key))
    report = verify(store)
    assert report.missing == [f"record:{model.key}"]
    (loss,) = report.losses
    assert set(loss.needs) == {Need("run", run, "model"), Need("ref", "model/latest")}
    assert loss.runs == (run,)


def test_a_blob_that_is_made_by_one_and_read_by_another_is_missed_once(store, pair):
    run, model, grown = pair
    digest = model.output("model").digest
    store.files.delete(blob_path(digest))
    report = verify(store)
    assert report.missing == [digest]
    (loss,) = report.losses
    assert set(loss.needs) == {Need("output", model.key, "model"), Need("input", grown.key, "model")}
    assert (loss.makers, loss.runs) == ((model.key,), (run,))


def test_an_input_that_no_record_made_is_missed(store, pair, committing):
    given = store.put(b"given")
    reader = committing(store, parameters={"n": 1}, inputs=[("picture", given)])
    assert verify(store).clean
    store.files.delete(blob_path(given))
    (loss,) = verify(store).losses
    assert (loss.name, loss.needs, loss.makers, loss.runs) == (given, (Need("input", reader.key, "picture"),), (), ())


def test_an_environment_and_a_run_that_a_ref_names_are_missed(store, pair):
    run, model, grown = pair
    store.files.delete(blob_path(model.provenance.environment))
    store.files.delete(run_path(run))
    report = verify(store)
    assert report.missing == [model.provenance.environment, f"run:{run}"]
    assert set(report.losses[0].needs) == {Need("environment", model.key), Need("environment", grown.key)}
    assert report.unlisted == [run]


def test_a_run_that_was_deleted_is_no_loss_as_long_as_the_trash_has_it(store, pair):
    run, _, _ = pair
    store.delete_ref("sweep/latest")
    store.delete_run(run)
    report = verify(store)
    assert (report.clean, report.unlisted) == (True, [])
    for path in store.files.listing("trash"):
        store.files.delete(path)
    report = verify(store)
    assert (report.clean, report.unlisted) == (True, [run])


def test_a_blob_is_damaged_once_and_missing_until_it_is_made_again(store, pair):
    run, _, grown = pair
    digest = grown.output("oips").digest
    store.files.write(blob_path(digest), b"pixelz")
    report = verify(store)
    assert (report.corrupt, report.missing) == ([digest], [])
    assert report.losses[0].runs == (run,)
    assert verify(store).missing == [digest]
    assert store.put(b"pixels") == digest
    assert verify(store).clean


def test_what_was_made_again_under_another_record_is_no_loss(store, pair, committing):
    _, model, grown = pair
    store.files.delete(record_path(grown.key))
    committing(store, inputs=[("model", model.output("model").digest)], attributes={"unit": "Conv2D_1/3"})
    report = verify(store)
    assert (report.clean, report.remade) == (True, 1)


def test_records_that_are_collected_between_the_listings_are_no_loss(store, committing, monkeypatch):
    for number in range(20):
        committing(store, parameters={"n": number}, outputs={"o": f"{number}".encode()})
    whole, listing = store.files, type(store.files).listing
    collected = []

    def collecting_before_blobs(files, folder):
        if folder == "blobs" and not collected:
            collected.append(True)
            collect(plan(store, timedelta(0)))
        return listing(files, folder)

    monkeypatch.setattr(type(whole), "listing", collecting_before_blobs)
    report = verify(store)
    assert collected
    assert (report.missing, report.corrupt, report.clean) == ([], [], True)


def test_what_a_collection_on_a_remote_store_brings_back_is_waited_for(s3, committing, monkeypatch):
    store = Store.open(f"{s3}/{secrets.token_hex(8)}")
    record = committing(store)
    path = blob_path(record.output("oips").digest)
    place = f"trash/20261128-000000-abcdef-garbage/{path}"
    store.files.move(path, place)
    waited = []

    def bring_back(seconds):
        waited.append(seconds)
        store.files.move(place, path)

    monkeypatch.setattr(followed.time, "sleep", bring_back)
    assert verify(store).clean
    assert len(waited) == 1


def test_what_lies_whole_in_the_trash_is_brought_back_and_what_is_damaged_there_is_not(store, pair):
    _, model, grown = pair
    digest = model.output("model").digest
    folder = "trash/20261128-000000-abcdef-garbage"
    for path in (record_path(model.key), blob_path(digest), record_path(grown.key)):
        store.files.move(path, f"{folder}/{path}")
    store.files.write(f"{folder}/{record_path(grown.key)}", b"{}")
    report = verify(store, repair=True)
    assert report.returned == [f"record:{model.key}"]
    assert [loss.name for loss in report.lost] == [grown.key]
    assert store.get(digest) == b"weights"
    assert verify(store).missing == [f"record:{grown.key}"]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE documents SET document = replace(document, 'oip', 'oop')",
        "DELETE FROM names WHERE what = 'input'",
    ],
)
def test_an_index_that_is_not_as_the_records_are_is_said_and_made_anew(store, pair, damage):
    store.index.close()
    with sqlite3.connect(store.files.local / "index.sqlite") as connection:
        connection.execute(damage)
    connection.close()
    report = verify(store)
    assert not report.clean
    assert "damaged" in report.index
    report = verify(store, repair=True)
    assert (report.reindexed, report.lost) == (2, [])
    assert verify(store).clean


def test_an_index_that_is_whole_and_holds_another_record_than_its_file_is_found(store, pair):
    _, model, _ = pair
    store.index.remove([model.key])
    store.index.add([replace(model, task="another")])
    report = verify(store)
    assert report.index == f"it does not hold {model.key} as its file does"
    assert verify(store, repair=True).reindexed == 2
    assert verify(store).index is None


def test_a_damaged_ref_is_set_aside_and_what_it_pointed_at_stays(store, pair):
    data = bytearray(store.files.read(ref_path("model/latest")))
    data[20] ^= 1
    store.files.write(ref_path("model/latest"), bytes(data))
    report = verify(store)
    assert report.corrupt == ["ref:model/latest"]
    assert verify(store).clean
