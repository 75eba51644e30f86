"""The settings of notifications: a file in the data folder that nobody else can read."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.serving.notify_settings import read_settings, turn_off, turn_on
from lib.errors import BadInput

ONE, OTHER = "https://hooks.example.com/one", "https://hooks.example.com/other"


def test_what_is_not_said_stays_as_it_was_and_trouble_is_what_one_begins_with(tmp_path: Path) -> None:
    assert read_settings(tmp_path) is None
    first = turn_on(tmp_path, ONE, None)
    assert (first.address, first.which) == (ONE, "trouble")
    assert datetime.fromisoformat(first.since) <= datetime.now(UTC)
    changed = turn_on(tmp_path, None, "all")
    assert turn_on(tmp_path, OTHER, None) == read_settings(tmp_path)
    # what ended meanwhile is told still
    assert changed.since == first.since
    assert read_settings(tmp_path) == type(first)(OTHER, "all", first.since)
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o600]
    turn_off(tmp_path)
    assert read_settings(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_without_an_address_nothing_can_be_turned_on(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="notifications are off: give an address"):
        turn_on(tmp_path, None, "all")


def test_a_file_that_cannot_be_used_says_so_and_is_replaced_when_it_is_turned_on_again(tmp_path: Path) -> None:
    (tmp_path / "notify.json").write_text("{")
    with pytest.raises(BadInput, match="turn notifications on again, or off"):
        read_settings(tmp_path)
    turn_on(tmp_path, ONE, None)
    assert read_settings(tmp_path) is not None
