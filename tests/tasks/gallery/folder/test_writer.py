"""A large gallery is written by two processes, and nobody can tell."""

import multiprocessing
import os
import signal
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lib.errors import BadInput
from tasks.gallery.folder import site as sites
from tasks.gallery.folder import writer
from tasks.gallery.folder.site import Site
from tasks.gallery.folder.writer import Content, Writer
from tests.tasks.gallery.made import Made
from tests.tasks.gallery.swept_store import SweptStore

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(os.cpu_count() == 1, reason="one core has no use for two processes"),
]


def contents(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def running(parent: int) -> list[int]:
    """The processes that a process has started."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            told = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(told[1]) == parent and told[0] != "Z":
            found.append(int(entry.parent.name))
    return found


def test_two_processes_make_the_same_gallery_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SweptStore(tmp_path / "store")
    store.swept({"Conv2D_1": range(3)})
    store.looked_at("Conv2D_1")
    alone = Made(store.store, tmp_path / "alone")
    monkeypatch.setattr(sites, "ALONE", 5)
    both = Made(store.store, tmp_path / "both")
    assert contents(both.out) == contents(alone.out)
    assert both.again().written == 0


@pytest.mark.parametrize("ahead", [1, 3])
def test_the_first_process_writes_what_the_second_one_has_no_time_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    monkeypatch.setattr(sites, "ALONE", 0)
    monkeypatch.setattr(writer, "_BATCH", 2)
    monkeypatch.setattr(writer, "_AHEAD", ahead)
    own: list[str] = []
    write = Writer.write

    def noted(self: Writer, address: str, what: Content, *, durable: bool = False) -> int:
        own.append(address)
        return write(self, address, what, durable=durable)

    monkeypatch.setattr(Writer, "write", noted)
    with Site(tmp_path / "gallery") as site:
        for number in range(100):
            site.file(f"many/{number}.json", partial(bytes, f"{number}".encode()), str(number))
        assert site.finish().written >= 100
    found = contents(tmp_path / "gallery/many")
    assert found == {f"{number}.json": f"{number}".encode() for number in range(100)}
    # the second process takes a second to start, and is given two files a batch until then
    assert 2 * ahead <= len([n for n in range(100) if f"many/{n}.json" not in own]) < 100


def test_what_cannot_be_written_is_said_by_the_process_that_was_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sites, "ALONE", 0)
    with Site(tmp_path / "gallery") as site:
        (tmp_path / "gallery/b").write_text("in the way")
        site.file("b/c.json", lambda: b"1", "1")
        with pytest.raises(BadInput, match=r"gallery/b/c\.json cannot be written"):
            site.finish()
    with Site(tmp_path / "gallery") as site:
        assert site.finish().written > 0


def _until_stopped(out: Path, begun: Any) -> None:
    sites.ALONE = 10
    with Site(out) as site:
        for number in range(10**6):
            site.file(f"many/{number}.json", lambda: b"x", str(number))
            if number == 500:
                begun.set()


def is_alive(process: int) -> bool:
    """Whether it runs: of one that ended, and that nobody has asked about yet, no command line is left."""
    try:
        return bool(Path(f"/proc/{process}/cmdline").read_bytes())
    except OSError:
        return False


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_the_second_process_ends_with_the_first(tmp_path: Path, how: signal.Signals) -> None:
    context = multiprocessing.get_context("spawn")
    begun = context.Event()
    process = context.Process(target=_until_stopped, args=(tmp_path / "gallery", begun))
    process.start()
    assert begun.wait(60)
    assert process.pid is not None
    workers = running(process.pid)
    assert workers
    os.kill(process.pid, how)
    process.join(30)
    until = time.monotonic() + 30
    while any(map(is_alive, workers)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(is_alive, workers))
    with Site(tmp_path / "gallery") as site:
        site.finish()
    left = [path for path in (tmp_path / "gallery").rglob("*") if path.is_file()]
    assert {path.parent.name for path in left} == {".gallery", "static"}
