"""Arrays that are too large for memory, in files."""

from pathlib import Path

import numpy as np
import pytest

from lib.data import room
from lib.data.room import Room, file_of, gather


def test_an_array_in_a_file_tells_it_and_a_part_of_it_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_IN_MEMORY", 100)
    place = Room(tmp_path, lambda: tmp_path / "array.npy", lambda: None, lambda *_: 1)
    rows = np.arange(60, dtype=np.float32).reshape(20, 3)
    array = gather((rows[first : first + 7] for first in range(0, 20, 7)), rows.shape, np.float32, place)
    file = file_of(array)
    assert file is not None
    np.testing.assert_array_equal(np.load(file), rows)
    for part in (array[2:], array[::2], array[[1, 2]], array * 2, np.ascontiguousarray(array)[1:]):
        assert file_of(part) is None


def test_a_small_array_is_in_memory(tmp_path: Path) -> None:
    place = Room(tmp_path, lambda: tmp_path / "array.npy", lambda: None, lambda *_: 1)
    array = gather([np.ones((2, 3), np.float32)], (2, 3), np.float32, place)
    assert file_of(array) is None
    assert not list(tmp_path.iterdir())
