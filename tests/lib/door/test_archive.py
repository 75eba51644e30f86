"""Zip archives of any bytes: a member is given whole, or a line says what is wrong; none grows."""

import io
import zipfile

import hypothesis.strategies as st
import pytest
from hypothesis import given

from lib.door.archive import open_archive, read_member
from lib.errors import BadInput


def archive(members: dict[str, bytes], packed: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", packed) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return stream.getvalue()


GOOD = archive({"a.json": b"{}" * 30, "inner/b.h5": bytes(range(256)) * 4, "c": b""})


def look(data: bytes) -> dict[str, bytes]:
    """All members, as far as the door lets them through."""
    with open_archive(data, "it") as opened:
        return {name: read_member(opened, name, "it") for name in opened.namelist()}


def attempt(data: bytes) -> tuple[dict[str, bytes] | None, str]:
    """All members, or what is said instead."""
    try:
        return look(data), ""
    except BadInput as problem:
        return None, str(problem)


def test_an_archive_gives_what_was_packed() -> None:
    assert look(GOOD) == {"a.json": b"{}" * 30, "inner/b.h5": bytes(range(256)) * 4, "c": b""}


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=6), st.integers(0, len(GOOD)))
def test_an_archive_of_changed_bytes_is_whole_or_refused(changes: list[tuple[int, int]], length: int) -> None:
    data = bytearray(GOOD)
    for place, value in changes:
        data[place] = value
    for one in (bytes(data), bytes(data[:length]), bytes(data[length:])):
        found, said = attempt(one)
        assert said.startswith("it ") or found is not None
        assert "\n" not in said
        assert sum(map(len, (found or {}).values())) <= 3_000


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (archive({"../up": b""}), "no name within an archive"),
        (archive({"/root": b""}), "no name within an archive"),
        (archive({"a": bytes(100 << 20)}), "as a decompression bomb does"),
        (archive({"a": b"1"}, zipfile.ZIP_BZIP2), "stored or deflated"),
        (archive({str(number): b"" for number in range(25_000)}), "too many members"),
        (b"PK\x05\x06" + b"\xff" * 18, "no whole zip archive"),
    ],
)
def test_what_an_archive_may_not_hold_is_said(data: bytes, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        open_archive(data, "it")
