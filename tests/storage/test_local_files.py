"""A store in a folder: how it writes, and how it says that it cannot."""

import errno
import hashlib
import os
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import pytest

from storage.collection.writers import temporary_name
from storage.errors import StoreError, StoreUnusable
from storage.files import PIECE, Kept
from storage.local_files import LocalFiles
from storage.mishaps.patience import in_company
from storage.names import FOLDERS, blob_path
from storage.store import Store


def fail(number: int):
    def failing(*_arguments, **_named):
        raise OSError(number, os.strerror(number))

    return failing


def test_a_store_is_made_where_there_is_none(tmp_path: Path):
    store = Store.open(tmp_path / "deep" / "store")
    assert sorted(path.name for path in (tmp_path / "deep" / "store").iterdir()) == sorted(FOLDERS)
    assert Store.open(f"file://{store.root}", create=False).root == store.root


def test_opening_without_creating_wants_a_store(tmp_path: Path):
    with pytest.raises(StoreUnusable, match=r"there is no store at .*--store"):
        Store.open(tmp_path / "store", create=False)
    assert not (tmp_path / "store").exists()


def test_a_path_that_is_a_file_is_refused(tmp_path: Path):
    file = tmp_path / "store"
    file.write_text("mine")
    for path in (file, file / "below"):
        with pytest.raises(StoreUnusable, match="--store"):
            Store.open(path)
    assert file.read_text() == "mine"


def test_an_empty_path_is_refused_rather_than_taken_for_the_working_folder():
    with pytest.raises(StoreUnusable, match="--store"):
        Store.open("")


@pytest.mark.parametrize(
    ("number", "message"), [(errno.ENOSPC, "is full"), (errno.EDQUOT, "is full"), (errno.EROFS, "is read-only")]
)
@pytest.mark.parametrize("at", ["fsync", "open", "replace"])
def test_a_store_that_cannot_be_written_says_why_and_keeps_nothing_half(
    store, committing, monkeypatch, tmp_path, number, message, at
):
    committing(store)
    file = tmp_path / "file"
    file.write_bytes(b"new too")
    before = {folder: set(store.files.listing(folder)) for folder in FOLDERS}
    with monkeypatch.context() as patch:
        if at == "open":
            original = os.open
            patch.setattr(
                os,
                "open",
                lambda path, flags, *rest: fail(number)() if flags & os.O_CREAT else original(path, flags, *rest),
            )
        elif at == "fsync":
            patch.setattr(os, "fsync", fail(number))
        else:
            patch.setattr(Path, "replace", fail(number))
        for write in (
            lambda: store.put(b"new"),
            lambda: store.blobs.put_file(file),
            lambda: committing(store, parameters={"n": 1}, outputs={"oips": b"new"}),
            lambda: store.open_run("sweep", {}),
        ):
            with pytest.raises(StoreUnusable, match=f"{message}.*--store"):
                write()
    assert {folder: set(store.files.listing(folder)) for folder in FOLDERS} == before


def test_what_is_written_is_on_disk_before_it_has_its_name_and_its_name_before_the_call_returns(
    store, monkeypatch, tmp_path: Path
):
    steps = []
    fsync, replace = os.fsync, Path.replace

    def logged_fsync(handle):
        steps.append(("fsync", Path(f"/proc/self/fd/{handle}").readlink().parent.name))
        fsync(handle)

    def logged_replace(source, target):
        steps.append(("rename", source.parent.name, target.parent.name))
        return replace(source, target)

    digest = store.put(b"pixels")
    store.files.delete(blob_path(digest))
    monkeypatch.setattr(os, "fsync", logged_fsync)
    monkeypatch.setattr(Path, "replace", logged_replace)
    store.put(b"pixels")
    assert steps == [("fsync", "tmp"), ("rename", "tmp", digest[:2]), ("fsync", "blobs")]
    steps.clear()
    (tmp_path / "large").write_bytes(b"more pixels")
    digest = store.blobs.put_file(tmp_path / "large").digest
    assert steps[0] == ("fsync", "tmp")
    assert steps[-2:] == [("rename", "tmp", digest[:2]), ("fsync", "blobs")]


@pytest.fixture
def ours(store) -> Path:
    """A file that has been written into the store's own folder for what is unfinished."""
    file = store.files.folder / "tmp" / temporary_name(".npy")
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"many pixels")
    os.utime(file, (1, 1))
    return file


def test_a_file_of_the_stores_own_is_kept_and_not_copied(store, ours: Path):
    for _ in range(2):  # the second finds it there
        kept = store.blobs.put_file(ours)
        assert ours.samefile(store.path(kept.digest))
        assert ours.stat().st_mtime > 1
        assert set(store.files.listing("tmp")) == {f"tmp/{ours.name}"}
    assert kept == Kept(hashlib.sha256(b"many pixels").hexdigest(), 11)
    ours.unlink()
    assert store.get(kept.digest) == b"many pixels"


def test_a_store_behind_a_link_keeps_its_own_files_too(tmp_path: Path):
    Store.open(tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    store = Store.open(tmp_path / "link")
    file = tmp_path / "real" / "tmp" / temporary_name()
    file.write_bytes(b"many pixels")
    assert file.samefile(store.path(store.blobs.put_file(file).digest))


def test_what_is_kept_without_a_copy_is_on_disk_before_it_has_its_name(store, ours: Path, monkeypatch):
    steps = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (steps.append(os.fstat(handle).st_ino), fsync(handle)))
    monkeypatch.setattr(Path, "replace", lambda *names: (steps.append("rename"), replace(*names))[1])
    store.blobs.put_file(ours)
    assert steps[: steps.index("rename") + 1][-2:] == [ours.stat().st_ino, "rename"]


def test_where_files_have_but_one_name_a_file_of_the_stores_own_is_copied(store, ours: Path, monkeypatch):
    monkeypatch.setattr(os, "link", fail(errno.EPERM))
    kept = store.blobs.put_file(ours)
    assert not ours.samefile(store.path(kept.digest))
    assert store.get(kept.digest) == ours.read_bytes() == b"many pixels"


def test_who_ends_before_a_file_of_the_stores_own_is_kept_leaves_it_where_it_was(store, ours: Path):
    with in_company(print, sys.exit), pytest.raises(SystemExit):
        store.blobs.put_file(ours)
    assert set(store.files.listing("tmp")) == {f"tmp/{ours.name}"}
    assert not store.files.listing("blobs")


def test_a_large_file_is_stored_in_pieces(store, tmp_path: Path):
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(64 * PIECE)
    tracemalloc.start()
    try:
        for _ in range(2):  # the second finds it there, and reads that
            kept = store.blobs.put_file(large)
        assert tracemalloc.get_traced_memory()[1] < 8 * PIECE
    finally:
        tracemalloc.stop()
    assert kept.size == 64 * PIECE
    assert store.path(kept.digest).stat().st_size == kept.size
    assert not store.files.listing("tmp")


def test_who_is_in_company_hears_of_each_piece_of_a_large_file_and_may_end_it(store, tmp_path: Path):
    large = tmp_path / "large"
    large.write_bytes(bytes(4 * PIECE))
    heard = []
    with in_company(print, lambda: heard.append(None)):
        store.blobs.put_file(large)
    assert len(heard) == 4
    large.write_bytes(bytes(5 * PIECE))
    before = {folder: set(store.files.listing(folder)) for folder in FOLDERS}
    with in_company(print, sys.exit), pytest.raises(SystemExit):
        store.blobs.put_file(large)
    assert {folder: set(store.files.listing(folder)) for folder in FOLDERS} == before


def test_a_file_that_is_stored_again_has_a_new_lease_from_garbage_collection(store, tmp_path: Path):
    (tmp_path / "large").write_bytes(b"pixels")
    digest = store.blobs.put_file(tmp_path / "large").digest
    os.utime(store.path(digest), (1, 1))
    store.blobs.put_file(tmp_path / "large")
    assert store.path(digest).stat().st_mtime > 1


def test_blobs_come_before_their_record_and_the_record_before_the_index(store, committing, monkeypatch):
    written = []
    original = LocalFiles.write
    monkeypatch.setattr(
        LocalFiles,
        "write",
        lambda self, path, data: (written.append(path.partition("/")[0]), original(self, path, data)),
    )
    monkeypatch.setattr(type(store.index), "add", lambda self, records: written.append("index"))
    committing(store, outputs={"oips": b"a", "picture": b"b"})
    assert written == ["blobs", "blobs", "blobs", "records", "index"]


def test_a_store_that_has_gone_is_not_made_again(store, tmp_path: Path):
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    with pytest.raises(StoreUnusable, match="has gone"):
        store.put(b"pixels")
    assert not (tmp_path / "store").exists()


def test_a_folder_of_the_store_that_is_missing_is_made_again(store, tmp_path: Path):
    for folder in ("tmp", "blobs"):
        (tmp_path / "store" / folder).rmdir()
    assert store.get(store.put(b"pixels")) == b"pixels"


def test_many_threads_may_write_at_once(store, committing):
    errors = []

    def work(seed: int) -> None:
        try:
            for number in range(5):
                committing(store, parameters={"n": number}, outputs={"oips": b"same", "own": bytes([seed])})
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(list(store.records())) == len(store.index.keys()) == 40


def test_nothing_is_written_where_a_commit_is_refused(store, committing):
    digest = store.put(b'{"python":"3.11"}')
    for attributes, inputs in (({"response": float("nan")}, ()), ({}, [("checkpoint", "short")])):
        with pytest.raises(StoreError):
            committing(store, outputs={"oips": b"new"}, attributes=attributes, inputs=inputs)
    assert set(store.files.listing("blobs")) == {blob_path(digest)}
    assert not store.files.listing("records")


OUT_OF_FILES = """
import os, resource, sys, threading, time
from storage.mishaps import patience
from storage.mishaps.patience import in_company
from storage.store import Store

store = Store.open(sys.argv[1])
digest = store.put(b"pixels")
patience.SAID_AFTER = 0.3
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
taken = []
def take():
    try:
        while True:
            taken.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
def give_back():
    time.sleep(0.8)
    while taken:
        os.close(taken.pop())
said = []
asks = {
    "get": lambda: store.get(digest) == b"pixels",
    "path": lambda: store.path(digest).exists(),
    "put": lambda: bool(store.put(b"more")),
    "listing": lambda: bool(store.listing()),
    "run": lambda: bool(store.open_run("sweep", {}).id),
}
with in_company(said.append):
    for name, ask in asks.items():
        take()
        giver = threading.Thread(target=give_back)
        giver.start()
        assert ask(), name
        giver.join()
    assert any("which cannot be used at the moment (Too many open files)" in line for line in said), said
    assert any("can be used again" in line for line in said), said
    patience.SECONDS = 0.5
    take()
    try:
        store.put(b"still more")
    except Exception as error:
        while taken:
            os.close(taken.pop())
        print(type(error).__name__, error)
"""


def test_what_is_asked_while_too_many_files_are_open_waits_for_one_to_be_closed(tmp_path):
    child = subprocess.run(
        [sys.executable, "-c", OUT_OF_FILES, str(tmp_path / "store")], capture_output=True, text=True, check=False
    )
    assert child.stdout == (
        f"StoreUnusable the store {tmp_path / 'store'} could not be locked, as too many files are open: end other "
        "programs, or allow more with `ulimit -n`\n"
    ), child.stderr
