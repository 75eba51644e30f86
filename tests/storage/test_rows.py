"""Some rows of a large array: of a remote store only their pieces are fetched, and each is verified."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import rows
from storage.errors import BlobCorrupt, BlobMissing
from storage.names import blob_path
from storage.record import Output
from storage.rows import pieces_of
from storage.store import Store
from storage.tensors import NPY, npy_bytes

ARRAY = np.arange(50 * 3 * 7, dtype=np.float32).reshape(50, 3, 7)


@pytest.fixture(scope="module", autouse=True)
def small_pieces() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "PIECE", 1000)  # some twelve rows, which no piece begins with
        yield


def put(store: Store, array: Any = ARRAY) -> Output:
    data = npy_bytes(array)
    return Output(
        "train_imgs", store.put(data), "images", NPY, len(data), str(array.dtype), array.shape, pieces_of(data)
    )


@pytest.fixture
def remote(s3: str, tmp_path: Path) -> Store:
    return Store.open(f"{s3}/{tmp_path.name}")


class Asked:
    """What is fetched of a remote store from now on: places in files, and whole files."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ranges: list[tuple[int, int]] = []
        read, cat = store.files.read_range, store.files.read

        def note(path: str, first: int, last: int) -> bytes:
            self.ranges.append((first, last))
            return read(path, first, last)

        monkeypatch.setattr(store.files, "read_range", note)
        monkeypatch.setattr(store.files, "read", lambda path: pytest.fail(f"all of {path} is read") or cat(path))


def test_only_the_pieces_of_the_rows_are_fetched_each_once(remote: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    output = put(remote)
    asked = Asked(remote, monkeypatch)
    found = remote.rows(output)
    assert (found.shape, found.dtype, len(found)) == (ARRAY.shape, ARRAY.dtype, 50)
    np.testing.assert_array_equal(found[20:24], ARRAY[20:24])
    assert asked.ranges == [(1000, 2000), (2000, 3000)]
    np.testing.assert_array_equal(found[21], ARRAY[21])
    np.testing.assert_array_equal(found[23:20:-1], ARRAY[23:20:-1])
    assert len(asked.ranges) == 2


@given(st.integers(-60, 60), st.integers(-60, 60), st.integers(-5, 5).filter(bool))
def test_rows_are_those_of_the_array_whatever_is_asked_for(first: int, last: int, step: int) -> None:
    store = Store.open("memory://rows")
    output = put(store)
    found = rows.Rows(store.files, output, store.blobs.cache())
    np.testing.assert_array_equal(found[first:last:step], ARRAY[first:last:step])
    if -50 <= first < 50:
        np.testing.assert_array_equal(found[first], ARRAY[first])
    else:
        with pytest.raises(IndexError):
            found[first]


def test_a_damaged_piece_is_never_used_and_the_others_are(remote: Store) -> None:
    output = put(remote)
    path = blob_path(output.digest)
    data = bytearray(remote.files.read(path))
    data[2500] ^= 1
    remote.files.write(path, bytes(data))
    found = remote.rows(output)
    np.testing.assert_array_equal(found[:8], ARRAY[:8])
    with pytest.raises(BlobCorrupt, match=output.digest):
        found[20:40]
    with pytest.raises(BlobCorrupt, match=output.digest):  # nor is it the second time
        found[20:40]


def test_an_array_that_has_gone_is_named(remote: Store) -> None:
    output = put(remote)
    remote.files.delete(blob_path(output.digest))
    with pytest.raises(BlobMissing, match=output.digest):
        remote.rows(output)[3]


def test_what_is_here_or_small_or_of_an_earlier_version_is_read_as_a_whole(
    remote: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Store.open(tmp_path / "store")
    assert isinstance(here.rows(put(here)), np.ndarray)
    assert pieces_of(npy_bytes(ARRAY[:2])) == {}
    assert isinstance(remote.rows(put(remote, ARRAY[:2])), np.ndarray)
    output = put(remote)
    remote.array(output.digest)  # it is in the cache then
    Asked(remote, monkeypatch)
    np.testing.assert_array_equal(remote.rows(output)[20:24], ARRAY[20:24])


@pytest.mark.parametrize("size", [1000, 1001, 2000, 12_345])
def test_the_pieces_of_a_file_are_those_of_its_bytes(tmp_path: Path, size: int) -> None:
    data = np.random.default_rng(0).bytes(size)
    (tmp_path / "file").write_bytes(data)
    assert pieces_of(tmp_path / "file") == pieces_of(data)
    assert bool(pieces_of(data)) == (size > 1000)
