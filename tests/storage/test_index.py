"""The index: never needed for a right result, and always to be had again."""

import logging
import shutil
import sqlite3
import subprocess
import sys

import pytest

from storage import index, lineage
from storage.errors import StoreUnusable
from storage.verify import verify


def path(store):
    return store.files.local / "index.sqlite"


def depends(store, record):
    (tree,) = lineage.down(store, record.key)
    return [node.record.task for node in tree.walk()]


@pytest.fixture
def pair(store, committing):
    trained = committing(store, "train", outputs={"checkpoint": b"weights"})
    committing(store, inputs=[("checkpoint", trained.output("checkpoint").digest)])
    return trained


@pytest.mark.parametrize("damage", ["deleted", "garbage", "half", "folder", "read-only"])
def test_questions_are_answered_whatever_became_of_the_index(store, pair, damage, monkeypatch):
    store.index.close()
    if damage == "deleted":
        path(store).unlink()
    elif damage == "garbage":
        path(store).write_bytes(b"not a database " * 1000)
    elif damage == "half":
        path(store).write_bytes(path(store).read_bytes()[:6000])
    elif damage == "folder":
        path(store).unlink()
        path(store).mkdir()
    else:
        monkeypatch.setattr(index.Index, "_current", refuse_files(index.Index))
    assert depends(store, pair) == ["train", "oip"]


def refuse(*_given):
    raise OSError("read-only")


def refuse_files(kind, original=index.Index._current):
    """As a file on a read-only disk would: an index in memory still works."""
    return lambda self: original(self) if self._path is None else refuse()


@pytest.mark.parametrize("damage", [b"not a database " * 1000, b""])
def test_reindex_makes_a_damaged_index_anew(store, pair, damage):
    contents = store.index.contents()
    store.index.close()
    path(store).write_bytes(damage)
    assert store.reindex() == 2
    assert store.index.contents() == contents


def test_an_index_that_cannot_be_written_is_logged_and_never_fatal(store, committing, monkeypatch, caplog):
    with monkeypatch.context() as patch:
        patch.setattr(index, "open_engine", lambda _path: refuse())
        record = committing(store)
    assert f"record {record.key} is not in the index (read-only): run `dreamsweep reindex`" in caplog.text
    assert store.record(record.key) == record
    assert verify(store).unindexed == 1
    store.reindex()
    assert verify(store).unindexed == 0


def test_reindex_says_when_it_cannot_write(store, monkeypatch):
    monkeypatch.setattr(index, "open_engine", lambda _path: refuse())
    with pytest.raises(StoreUnusable, match="make the folder writable"):
        store.reindex()


def test_an_index_of_another_version_is_emptied_and_filled_again(store, pair):
    contents = store.index.contents()
    store.index.close()
    with sqlite3.connect(path(store)) as connection:
        connection.execute("CREATE TABLE old (a)")
        connection.execute("ALTER TABLE names RENAME COLUMN role TO part")
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    assert depends(store, pair) == ["train", "oip"]
    assert store.index.contents() == contents


def test_another_process_may_delete_the_index_at_any_time(store, committing):
    committing(store)
    for left in store.files.local.glob("index.sqlite*"):
        left.unlink()
    record = committing(store, parameters={"n": 1})
    assert store.index.keys() == {record.key}
    assert len(store.questions().keys()) == 2


def test_records_that_have_gone_leave_the_index(store, pair, tmp_path):
    shutil.rmtree(tmp_path / "store" / "records" / pair.recipe)
    indexed = store.questions().keys()
    assert pair.key not in indexed
    assert not store.index.producers(pair.output("checkpoint").digest)


def test_a_damaged_record_hides_no_other_from_reindex(store, pair, caplog):
    store.files.write(f"records/{pair.key}.json", b"{}")
    with caplog.at_level(logging.WARNING):
        assert store.reindex() == 1
    assert pair.key in caplog.text


def test_every_record_is_handed_out_whole_and_the_oldest_first(store, committing, monkeypatch):
    monkeypatch.setattr(index, "_AT_ONCE", 2)
    made = [committing(store, f"task {number}", outputs={"out": f"{number}".encode()}) for number in range(5)]
    questions = store.questions()
    assert list(questions.records()) == sorted(made, key=lambda record: (record.ended, record.key))
    assert [questions.record(record.key) for record in made] == made
    assert questions.record(f"{'0' * 64}/{'0' * 32}") is None


def test_other_questions_may_be_asked_between_two_records(store, pair):
    questions = store.questions()
    assert [questions.record(record.key) for record in questions.records()] == list(questions.records())


def test_opening_a_store_imports_nothing_heavy():
    # Every command opens one, and shall answer at once.
    heavy = "numpy h5py sqlalchemy fsspec s3fs tensorflow keras prefect"
    code = (
        "import sys, storage.store, storage.tensors, storage.recipe;"
        f"print([name for name in '{heavy}'.split() if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_entries_stand_for_all_records_the_oldest_first_and_for_what_they_say(store, committing):
    made = [committing(store, outputs={"picture": bytes([number])}) for number in range(3)]
    index = store.questions()
    assert [(entry.key, entry.task, entry.ended) for entry in index.entries()] == [
        (record.key, record.task, record.ended) for record in sorted(made, key=lambda one: (one.ended, one.key))
    ]
    assert len({entry.digest for entry in index.entries()}) == 3
    store.reindex()
    assert index.entries() == store.questions().entries()


def test_many_records_are_read_at_once_by_their_keys(store, committing):
    made = {record.key: record for record in (committing(store, outputs={"picture": bytes([n])}) for n in range(3))}
    some = list(made)[1:]
    assert store.questions().records_of([*some, "none/such"]) == {key: made[key] for key in some}
    assert store.questions().records_of([]) == {}
