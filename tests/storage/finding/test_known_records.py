"""Records that a process knows: they stay what they were, and take little room."""

import secrets
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from storage.finding.known_records import KnownRecords
from storage.names import record_path
from storage.recipe import Recipe
from storage.store import Store


def test_what_is_known_takes_a_few_thousand_bytes_a_unit(store, committing):
    curves = np.random.default_rng(0).normal(size=(400, 2, 64)).round(5).tolist()
    record = committing(store, attributes={"unit": "Conv2D_1/0"})
    known = KnownRecords(store.files)
    tracemalloc.start()
    try:
        for number, curve in enumerate(curves):
            about = {"unit": f"Conv2D_1/{number}", "oips": [{"response": 1.0, "curve": values} for values in curve]}
            output = replace(record.outputs[0], attributes=about)
            known.note(replace(record, execution=f"{number:032x}", outputs=(output,)))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken / len(curves) < 3_000
    for number in (0, 399):
        found = known.get(f"{record.recipe}/{number:032x}")
        assert [oip["curve"] for oip in found.output("oips").attributes["oips"]] == curves[number]
    assert known.get(record.key) is None


@pytest.mark.parametrize("kind", ["memory", "s3"])
def test_another_process_reads_what_was_read_or_committed_here_from_this_machines_disk(kind, request, committing):
    root = (
        f"memory://{secrets.token_hex(8)}"
        if kind == "memory"
        else f"{request.getfixturevalue('s3')}/{secrets.token_hex(8)}"
    )
    store = Store.open(root)
    made = [committing(store, parameters={"n": number}, outputs={"oips": b"%d" % number}) for number in range(4)]
    store.listing().add(made[0])
    assert list(store.read_records([made[1].key])) == [made[1]]
    other = Store.open(root)
    (other.files.local / record_path(made[1].key)).write_bytes(b"torn")
    asked = []
    read_many = other.files.read_many
    other.files.read_many = lambda paths: asked.extend(given := list(paths)) or read_many(given)
    keys = [record.key for record in made[:3]]
    assert list(other.read_records(keys)) == made[:3]
    assert asked == [record_path(key) for key in keys[1:]]
    copies = [path for path in (other.files.local / "records").rglob("*") if path.is_file()]
    assert {path.suffix for path in copies} == {".json"}  # nothing unfinished is left


def test_a_record_that_has_gone_is_not_found_though_there_is_a_copy_of_it(s3, committing):
    store = Store.open(f"{s3}/{secrets.token_hex(8)}")
    record = committing(store)
    recipe = Recipe("oip", 1, {}, {})
    assert store.listing().find(recipe, changes=None) == record
    store.files.delete(record_path(record.key))
    other = Store.open(store.root)
    assert other.listing().find(recipe, changes=None) is None
    assert other.lookup().find(recipe, changes=None) is None


def test_a_folder_has_no_copies_beside_its_records(store, committing):
    record = committing(store)
    store.listing().add(record)
    assert list(store.read_records([record.key])) == [record]
    assert list(store.files.listing("records")) == [record_path(record.key)]


def test_keys_that_are_found_by_asking_for_other_records_can_be_read_ahead(store, committing):
    first, second = (committing(store, parameters={"number": number}).key for number in range(2))
    known = KnownRecords(store.files)
    known.read_ahead(known.read(key).key for key in (first, second))
    assert known.get(second) is not None
