"""Reading blobs."""

import io
import os

import numpy as np
import pytest

from storage.errors import BlobCorrupt, StoreError
from storage.names import blob_path
from storage.tensors import npy_bytes


def pickled() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return buffer.getvalue()


def test_pickled_objects_are_never_loaded(store):
    with pytest.raises(StoreError, match="pickled Python objects, which are never loaded"):
        store.array(store.put(pickled()))


def zipped() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, a=np.zeros(1))
    return buffer.getvalue()


@pytest.mark.parametrize("data", [b"", b"GIF89a", zipped(), npy_bytes(np.zeros(100))[:-8]])
def test_what_is_no_array_is_not_taken_for_one(store, data):
    with pytest.raises(StoreError, match=r"is not an \.npy array"):
        store.array(store.put(data))


def test_a_blob_whose_bytes_change_after_it_was_verified_is_not_used_again(store):
    digest = store.put(npy_bytes(np.zeros(4)))
    store.array(digest)
    path = store.path(digest)
    path.write_bytes(npy_bytes(np.ones(4)))
    with pytest.raises(BlobCorrupt, match="dreamsweep verify"):
        store.array(digest)


def test_a_blob_is_verified_once_a_process(store, monkeypatch):
    import storage.blobs

    hashed = []
    original = storage.blobs.hashlib.file_digest
    monkeypatch.setattr(storage.blobs.hashlib, "file_digest", lambda *given: (hashed.append(1), original(*given))[1])
    digest = store.put(npy_bytes(np.zeros(4)))
    for _ in range(3):
        store.array(digest)
    assert hashed == [1]


def test_the_copy_of_a_remote_blob_is_fetched_once_and_again_when_it_is_damaged(s3, tmp_path, monkeypatch):
    from storage.store import Store

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    store = Store.open(f"{s3}/cached")
    array = np.arange(5.0)
    digest = store.put(npy_bytes(array))
    reads = []
    original = store.files.read
    monkeypatch.setattr(store.files, "read", lambda path: (reads.append(path), original(path))[1])
    for _ in range(3):
        np.testing.assert_array_equal(store.array(digest), array)
    assert reads == [blob_path(digest)]
    assert store.path(digest).is_relative_to(tmp_path)
    os.truncate(store.path(digest), 3)
    np.testing.assert_array_equal(store.array(digest), array)
    assert len(reads) == 2
