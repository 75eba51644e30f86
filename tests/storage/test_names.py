"""Names, and the paths they stand for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import names
from storage.errors import StoreError
from storage.store import Store

UNSAFE = [
    "",
    ".",
    "..",
    "../x",
    "a/../b",
    "a/..",
    "/a",
    "a/",
    "a//b",
    ".a",
    "a/.b",
    "a\\b",
    "a b",
    "a\0b",
    "a\nb",
    "-rf",
]
UNSAFE += ["a.json/b", "x.json", "a" * 201, "ä", "a:b"]


@pytest.mark.parametrize("name", UNSAFE)
def test_a_name_that_is_not_safe_as_a_path_is_refused_everywhere(tmp_path, name):
    store = Store.open(tmp_path / "store")
    for ask in (store.ref, store.delete_ref, lambda name: store.set_ref(name, "run:20261122-101530-a1b2c3")):
        with pytest.raises(StoreError, match="cannot name a ref"):
            ask(name)
    for ask in (store.run, store.record, store.get, store.path):
        with pytest.raises(StoreError):
            ask(name)


@given(st.text(max_size=20) | st.from_regex(names.REF, fullmatch=True))
def test_every_name_of_a_ref_comes_back_from_its_path(name):
    if names.is_ref(name):
        path = names.ref_path(name)
        assert names.ref_of_path(path) == name
        assert ".." not in path.split("/")


def test_a_ref_and_a_group_of_refs_may_share_a_name(store, committing):
    target = f"record:{committing(store).key}"
    for name in ("model", "model/mnist", "model/mnist/best", "v1.0", "v1.0/x"):
        store.set_ref(name, target)
    assert list(store.refs()) == ["model", "model/mnist", "model/mnist/best", "v1.0", "v1.0/x"]


def test_foreign_files_in_a_store_are_left_alone(store, committing):
    record = committing(store)
    for path in (
        "blobs/.DS_Store",
        "blobs/ab/notes.txt",
        "records/x.json",
        f"records/{record.key}.json~",
        "runs/x.json",
    ):
        store.files.write(path, b"mine")
    assert [found.key for found in store.records()] == [record.key]
    assert store.runs() == []
    assert store.listing() is not None
    assert store.reindex() == 1
