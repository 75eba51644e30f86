"""The file of an index under flipped bits: no question is answered wrongly, and what is damaged is made anew."""

import logging
import sqlite3

import pytest

from benchmarks.index_flips import MAIN, WAL, Asked, flip_bits
from storage.database.opening import is_damage
from storage.database.tables import IndexDamaged
from storage.index import Index
from storage.store import Store


@pytest.fixture(scope="module")
def asked(tmp_path_factory) -> Asked:
    """A small store, and all that its index answers."""
    return Asked.of_new_store(tmp_path_factory.mktemp("flips"), 12)


def test_no_flipped_bit_gives_a_wrong_answer_and_what_is_damaged_is_said(asked, caplog):
    with caplog.at_level(logging.WARNING):
        found = flip_bits(asked, {MAIN: 25, WAL: 10}, seed=1)
    assert (found.wrong, found.raised) == ([], [])
    assert found.said > 5
    assert "is damaged" in caplog.text
    assert "made anew" in caplog.text


@pytest.mark.parametrize("place", [5, 18, 19, 21, 27, 31, 35, 43, 47, 55, 59, 63, 67, 95, 99])
def test_no_byte_of_the_header_gives_a_wrong_answer(asked, place):
    asked.put_back()
    asked.change(MAIN, place, lambda byte: byte ^ 0x14)
    assert asked.answers() == asked.right


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM names WHERE what = 'input'",
        "DELETE FROM records WHERE key = (SELECT min(key) FROM records)",
        "DELETE FROM documents WHERE key = (SELECT min(key) FROM documents)",
        "UPDATE records SET ended = '2000' WHERE key = (SELECT max(key) FROM records)",
        "UPDATE names SET term = upper(term) WHERE key = (SELECT min(key) FROM names)",
        "UPDATE documents SET document = replace(document, 'oip', 'oop')",
        "INSERT INTO names SELECT what, term || 'x', key, role, position, seal FROM names LIMIT 1",
        "UPDATE seals SET total = randomblob(32)",
        "CREATE TABLE more (a)",
    ],
)
def test_rows_that_were_changed_removed_or_added_past_us_are_noticed(asked, damage, caplog):
    asked.put_back()
    with sqlite3.connect(asked.file) as connection:
        connection.execute(damage)
    connection.close()
    assert asked.answers() == asked.right
    assert "made anew" in caplog.text


def test_damage_that_comes_while_questions_are_asked_is_noticed_by_the_next(asked, caplog):
    asked.put_back()
    store = Store.open(asked.folder)
    questions = store.questions()
    key = next(iter(questions.keys()))
    right = questions.record(key)
    other = sqlite3.connect(asked.file)
    with other:
        other.execute("UPDATE documents SET document = replace(document, 'oip', 'oop')")
    other.close()
    assert questions.record(key) == right
    assert "made anew" in caplog.text
    store.index.close()


def test_a_record_that_is_committed_to_a_damaged_index_is_entered_into_a_new_one(store, committing, caplog):
    committing(store)
    store.index.close()
    file = store.files.local / "index.sqlite"
    file.write_bytes(file.read_bytes()[:-4096] + bytes(4096))
    second = committing(store, parameters={"n": 2})
    known = store.index.keys()
    assert second.key in known
    assert len(store.questions().keys()) == 2
    assert "run `dreamsweep reindex`" not in caplog.text


def test_an_index_that_another_process_has_made_anew_is_not_removed(store, committing):
    committing(store)
    file = store.files.local / "index.sqlite"
    inode = file.stat().st_ino
    store.index.discard(IndexDamaged("another process said so"))
    assert file.stat().st_ino == inode


def test_only_damage_counts_as_damage(tmp_path):
    index = Index(tmp_path / "index.sqlite")
    index.check()
    holder = sqlite3.connect(tmp_path / "index.sqlite")
    holder.execute("BEGIN IMMEDIATE")
    waiting = sqlite3.connect(tmp_path / "index.sqlite", timeout=0)
    with pytest.raises(sqlite3.OperationalError) as locked:
        waiting.execute("BEGIN IMMEDIATE")
    assert not is_damage(locked.value)
    with pytest.raises(sqlite3.OperationalError) as unknown:
        waiting.execute("SELECT * FROM nothing")
    assert is_damage(unknown.value)
    assert is_damage(IndexDamaged("it is"))
    assert not is_damage(OSError("no"))
    for connection in (holder, waiting):
        connection.close()
    index.close()
