"""Writes that go past the system's cache: the same bytes, wherever they begin and end."""

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lib.analysis import past_cache
from lib.analysis.past_cache import PAGE, PastCache

DATA = np.random.default_rng(0).integers(0, 256, 5 * PAGE + 7, np.uint8)


def written(path: Path, pieces: list[tuple[int, int]], length: int) -> bytes:
    """A file of zeros into which pieces of `DATA` were written, each at its place."""
    path.write_bytes(bytes(length))
    with PastCache(path) as file:
        for begin, end in pieces:
            file.write(DATA[begin:end], begin)
        file.let_go()
    return path.read_bytes()


@pytest.mark.parametrize("room", [PAGE, 2 * PAGE, 2**20])
@pytest.mark.parametrize("cut", [0, 1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE + 100, 4 * PAGE, len(DATA)])
def test_what_is_written_in_two_pieces_is_what_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, cut: int
) -> None:
    monkeypatch.setattr(past_cache, "_ROOM", room)
    assert written(tmp_path / "a", [(cut, len(DATA)), (0, cut)], len(DATA)) == DATA.tobytes()


def test_what_lies_before_and_behind_stays(tmp_path: Path) -> None:
    found = np.frombuffer(written(tmp_path / "a", [(100, 3 * PAGE + 5)], len(DATA)), np.uint8)
    assert not found[:100].any()
    np.testing.assert_array_equal(found[100 : 3 * PAGE + 5], DATA[100 : 3 * PAGE + 5])
    assert not found[3 * PAGE + 5 :].any()


def test_whole_pages_go_past_the_cache_from_memory_that_begins_at_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[int, int, int]] = []
    original = os.pwrite

    def pwrite(file: int, data: Any, at: int) -> int:
        calls.append((at, len(data), np.frombuffer(data, np.uint8).ctypes.data))
        return original(file, data, at)

    monkeypatch.setattr(os, "pwrite", pwrite)
    if not hasattr(os, "O_DIRECT"):
        pytest.skip("this system has no such thing")
    written(tmp_path / "a", [(10, 3 * PAGE + 5)], len(DATA))
    (past,) = [call for call in calls if call[1] == 2 * PAGE]
    assert (past[0] % PAGE, past[2] % PAGE) == (0, 0)
    assert [call[:2] for call in calls if call != past] == [(10, PAGE - 10), (3 * PAGE, 5)]


@pytest.mark.parametrize("refused", [errno.EINVAL, errno.EOPNOTSUPP])
def test_where_the_file_system_refuses_it_everything_goes_through_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: int
) -> None:
    original = os.pwrite

    def pwrite(file: int, data: Any, at: int) -> int:
        if at % PAGE == 0 and len(data) % PAGE == 0 and not refusals:
            refusals.append(at)
            raise OSError(refused, os.strerror(refused))
        return original(file, data, at)

    refusals: list[int] = []
    monkeypatch.setattr(os, "pwrite", pwrite)
    assert written(tmp_path / "a", [(0, len(DATA))], len(DATA)) == DATA.tobytes()
    assert refusals


def test_so_it_does_where_there_is_no_such_thing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "O_DIRECT", raising=False)
    assert written(tmp_path / "a", [(0, len(DATA))], len(DATA)) == DATA.tobytes()


def test_a_full_disk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match="No space left"):
        written(tmp_path / "a", [(0, len(DATA))], len(DATA))


def test_room_is_taken_before_anything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with path.open("wb") as file:
        file.truncate(64 * PAGE)
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_DIRECT))
    except (OSError, AttributeError):
        pytest.skip("nothing goes past the cache here")
    with PastCache(path):
        assert path.stat().st_blocks * 512 >= 64 * PAGE
    assert path.read_bytes() == bytes(64 * PAGE)


def test_what_cannot_have_its_room_before_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(os, "posix_fallocate", refuse, raising=False)
    assert written(tmp_path / "a", [(0, len(DATA))], len(DATA)) == DATA.tobytes()
