"""Whatever lies where a file was named is told in one line, and nothing waits or grows."""

import gzip
import io
import os
import socket
from pathlib import Path

import pytest

from lib.door.files import Gunzip, IsFolder, open_file, read_file
from lib.errors import BadInput


def test_only_a_regular_file_is_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.path.relpath(tmp_path / "socket"))
    kinds = {tmp_path / "pipe": "a named pipe", tmp_path / "socket": "a socket", Path("/dev/zero"): "a device"}
    for path, kind in kinds.items():
        with pytest.raises(BadInput, match=f"is {kind}, and no file: write what it gives into a file"):
            open_file(path)
    listener.close()
    with pytest.raises(IsFolder, match="is a folder: name a file in it"):
        open_file(tmp_path)
    with pytest.raises(BadInput, match="there is no file nothing%0Ahere: check how its name is written"):
        open_file("nothing\nhere")
    with pytest.raises(BadInput, match="cannot be read"):
        open_file("a\0b")


def test_what_becomes_a_pipe_after_it_was_looked_at_waits_for_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"1")
    looked = Path.stat

    def stat(self: Path, **kwargs: bool) -> os.stat_result:
        found = looked(self, **kwargs)
        path.unlink()
        os.mkfifo(path)
        return found

    monkeypatch.setattr(Path, "stat", stat)
    with pytest.raises(BadInput, match="is a named pipe"):
        open_file(path)


def test_a_file_larger_than_may_be_is_not_read_and_another_gives_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_file(path) == b"12345"
    with pytest.raises(BadInput, match="and at most"):
        read_file(path, most=4)
    with pytest.raises(BadInput, match="gives more bytes than it has"):
        read_file("/proc/self/status")


def test_gzip_streams_give_what_was_packed_and_no_bomb() -> None:
    data = os.urandom(3_000_000)
    packed = gzip.compress(data) + gzip.compress(b"more") + bytes(512)
    stream = Gunzip(io.BytesIO(packed), "it")
    assert stream.read(1000) + stream.read(1 << 40) == data + b"more"
    assert stream.read(1) == b""
    bomb = gzip.compress(bytes(100 << 20), 1)
    assert Gunzip(io.BytesIO(bomb), "it").read(50 << 20) == bytes(50 << 20)
    for broken, said in ((packed[:-600], "ends before"), (b"no", "damaged"), (b"", "ends before"), (bomb, "bomb")):
        with pytest.raises(BadInput, match=said):
            Gunzip(io.BytesIO(broken), "it").read(1 << 40)
