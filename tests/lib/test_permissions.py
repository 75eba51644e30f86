"""What is written for others has the permissions of the umask that is given, whatever that of the process."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.permissions import give, make_folders


@pytest.fixture(autouse=True)
def for_nobody_else() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.mark.parametrize("umask", [0o022, 0o002, 0o077, 0o007])
def test_every_folder_that_is_made_has_it_and_those_that_were_there_stay(tmp_path: Path, umask: int) -> None:
    (tmp_path / "there").mkdir()
    make_folders(tmp_path / "there/new/newer", umask)
    assert [mode(tmp_path / name) for name in ("there", "there/new", "there/new/newer")] == [
        0o700,
        0o777 & ~umask,
        0o777 & ~umask,
    ]
    file = tmp_path / "there/file"
    file.write_bytes(b"")
    give(file, umask)
    assert mode(file) == 0o666 & ~umask


def test_without_one_it_is_as_the_process_has_it(tmp_path: Path) -> None:
    make_folders(tmp_path / "new/newer", None)
    give(tmp_path / "new", None)
    assert mode(tmp_path / "new") == mode(tmp_path / "new/newer") == 0o700


def test_a_folder_hands_its_group_on_to_what_is_made_in_it(tmp_path: Path) -> None:
    (tmp_path / "of a group").mkdir()
    (tmp_path / "of a group").chmod(0o2775)
    make_folders(tmp_path / "of a group/new", 0o002)
    assert mode(tmp_path / "of a group/new") == 0o2775


def test_a_file_in_the_way_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for name in ("file", "file/below"):
        with pytest.raises(OSError, match=r"file"):
            make_folders(tmp_path / name, 0o022)
