"""IDX files: read whole, or refused with the reason."""

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lib.data import idx
from lib.errors import BadInput

images = arrays(np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5)))


def written(folder, array, *, gz=False, cut=None, extra=b""):
    data = (idx.header(array) + array.tobytes())[:cut] + extra
    path = folder / ("file.gz" if gz else "file")
    path.write_bytes(gzip.compress(data) if gz else data)
    return path


@given(array=images, gz=st.booleans())
def test_what_was_written_is_read_gzipped_or_not(tmp_path_factory, array, gz):
    path = written(tmp_path_factory.mktemp("idx"), array, gz=gz)
    np.testing.assert_array_equal(idx.read_idx(path, "images"), array)


def test_what_is_not_gzipped_is_memory_mapped(tmp_path):
    path = written(tmp_path, np.zeros((2, 3, 3), np.uint8))
    assert isinstance(idx.read_idx(path, "images").base, np.memmap)


@given(array=images, gz=st.booleans(), data=st.data())
def test_a_file_cut_anywhere_is_called_truncated(tmp_path_factory, array, gz, data):
    whole = len(idx.header(array)) + array.size
    cut = data.draw(st.integers(0, whole - 1))
    path = written(tmp_path_factory.mktemp("idx"), array, gz=gz, cut=cut)
    with pytest.raises(BadInput, match="truncated"):
        idx.read_idx(path, "images")


def test_a_gzip_file_cut_short_is_called_truncated(tmp_path):
    path = written(tmp_path, np.arange(90, dtype=np.uint8).reshape(10, 3, 3), gz=True)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadInput, match=r"ends before it is whole|is damaged"):
        idx.read_idx(path, "images")


def test_a_gzip_file_with_a_flipped_byte_is_called_damaged(tmp_path):
    path = written(tmp_path, np.arange(90, dtype=np.uint8).reshape(10, 3, 3), gz=True)
    data = bytearray(path.read_bytes())
    data[40] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(BadInput, match=r"ends before it is whole|is damaged"):
        idx.read_idx(path, "images")


def test_bytes_after_the_end_are_refused(tmp_path):
    path = written(tmp_path, np.zeros((2, 3, 3), np.uint8), extra=b"more")
    with pytest.raises(BadInput, match="too long"):
        idx.read_idx(path, "images")


def test_labels_where_images_are_wanted_are_called_mislabelled(tmp_path):
    path = written(tmp_path, np.zeros(5, np.uint8))
    with pytest.raises(BadInput, match="holds labels, not images"):
        idx.read_idx(path, "images")


def test_images_where_labels_are_wanted_are_called_mislabelled(tmp_path):
    path = written(tmp_path, np.zeros((2, 3, 3), np.uint8), gz=True)
    with pytest.raises(BadInput, match="holds images, not labels"):
        idx.read_idx(path, "labels")


def test_another_kind_of_file_is_refused(tmp_path):
    path = tmp_path / "page"
    path.write_text("<html>not found</html>")
    with pytest.raises(BadInput, match="no IDX file"):
        idx.read_idx(path, "images")


def test_sizes_that_overflow_are_refused_without_allocating(tmp_path):
    path = tmp_path / "huge"
    path.write_bytes(bytes.fromhex("00000803") + b"\xff" * 12)
    with pytest.raises(BadInput, match="truncated"):
        idx.read_idx(path, "images")
