"""The bytes of tensors."""

import io
import resource
import time
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from storage import tensors
from storage.errors import StoreError
from storage.tensors import hdf5_bytes, npy_bytes, write_hdf5


@given(
    arrays.arrays(
        st.sampled_from([np.float32, np.float64, np.uint8, np.int64, np.bool_]),
        arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
    )
)
def test_an_array_reads_as_it_was_stored(array):
    found = np.load(io.BytesIO(npy_bytes(array)), allow_pickle=False)
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype


def test_arrays_of_no_or_one_number_can_be_mapped(store):
    for array in (np.zeros((0, 28, 28, 1), np.float32), np.array(3.0), np.asfortranarray(np.eye(3))):
        np.testing.assert_array_equal(store.array(store.put(npy_bytes(array))), array)


def test_an_array_of_objects_is_refused():
    with pytest.raises(StoreError, match="numeric dtype"):
        npy_bytes(np.array([{}], dtype=object))


def test_hdf5_holds_datasets_and_attributes():
    data = hdf5_bytes(
        {"oips": np.ones((2, 3), np.float32), "group/mask": np.array([True, False])},
        {
            "/": {"layer": "Conv2D_2", "seeds": [1, 2], "none": None, "mixed": [1, "a"], "long": list(range(50_000))},
            "oips": {"unit": "pixel", "verdicts": ["responded", "dead"], "range": np.array([0.0, 1.0])},
        },
    )
    with h5py.File(io.BytesIO(data)) as file:
        np.testing.assert_array_equal(file["oips"][:], np.ones((2, 3)))
        np.testing.assert_array_equal(file["group/mask"][:], [True, False])
        assert file.attrs["layer"] == "Conv2D_2"
        assert list(file.attrs["seeds"]) == [1, 2]
        assert file.attrs["none"] == "null"
        assert file.attrs["mixed"] == '[1, "a"]'
        assert file.attrs["long"].startswith("[0, 1, 2")
        assert list(file["oips"].attrs["verdicts"]) == ["responded", "dead"]


def test_equal_datasets_have_equal_bytes_at_any_time_and_in_any_order():
    one = hdf5_bytes({"a": np.ones(3), "b": np.zeros(2)}, {"/": {"x": 1, "y": "z"}})
    time.sleep(1.1)  # HDF5 notes times in seconds, if it notes them
    assert hdf5_bytes({"b": np.zeros(2), "a": np.ones(3)}, {"/": {"y": "z", "x": 1}}) == one


def test_attributes_of_no_dataset_are_refused():
    with pytest.raises(StoreError, match="no dataset"):
        hdf5_bytes({"a": np.ones(3)}, {"b": {"x": 1}})


def test_a_file_that_is_written_in_pieces_has_the_same_bytes(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    datasets = {
        "imgs": rng.random((50, 7, 5, 3), np.float32),
        "labels": np.arange(50),
        "mask": rng.random(999) > 0.5,
        "none": np.zeros((50, 0), np.float32),
        "one": np.array(3.0),
    }
    attributes = {"/": {"classes": [str(number) for number in range(900)], "none": None}, "imgs": {"unit": "pixel"}}
    whole = hdf5_bytes(datasets, attributes)
    monkeypatch.setattr(tensors, "PIECE", 300)
    write_hdf5(tmp_path / "file.h5", datasets, attributes)
    assert (tmp_path / "file.h5").read_bytes() == whole


def test_a_disk_that_has_too_little_room_is_said_to_be_full(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10**6))
    with pytest.raises(OSError, match="No space left"):
        write_hdf5(tmp_path / "file.h5", {"imgs": np.ones(10**6)})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("missing", [600_000, 4_000, 2_144, 1])  # some of the data, or what is written at the end
def test_a_disk_that_becomes_full_is_said_to_be(tmp_path, missing):
    datasets, attributes = {"a": np.ones(1000), "b": np.ones(10**5)}, {"/": {"x": "y" * 3000}}
    room = len(hdf5_bytes(datasets, attributes)) - missing
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_hdf5(tmp_path / "file.h5", datasets, attributes)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
