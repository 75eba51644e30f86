"""Blobs of the store in a gallery: one file with two names where that is safe, else a copy."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.errors import BlobCorrupt, BlobMissing
from storage.names import blob_path
from storage.store import Store
from tasks.gallery.folder import writer
from tasks.gallery.folder.site import Site, Written
from tasks.gallery.folder.stored import stored

DATA = b"the numbers of an OIP"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


@pytest.fixture
def blob(store: Store) -> Path:
    return Path(store.root, blob_path(store.put(DATA)))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "gallery"


def generation(store: Store, out: Path, digest: str, umask: int | None = None) -> Written:
    with Site(out, umask=umask) as site:
        site.file("unit/oips.npy", stored(store, digest), digest)
        return site.finish()


def test_a_blob_takes_its_room_once(store: Store, blob: Path, out: Path) -> None:
    assert generation(store, out, blob.name).written > 0
    assert (out / "unit/oips.npy").read_bytes() == DATA
    assert (out / "unit/oips.npy").samefile(blob)
    assert not (out / ".gallery/new").exists()
    assert generation(store, out, blob.name).written == 0


def test_a_file_of_a_gallery_is_replaced_and_never_written_to(store: Store, blob: Path, out: Path) -> None:
    generation(store, out, blob.name)
    with Site(out) as site:
        site.file("unit/oips.npy", lambda: b"other", "other")
        site.finish()
    assert (out / "unit/oips.npy").read_bytes() == b"other"
    assert blob.read_bytes() == DATA
    generation(store, out, blob.name)
    assert (out / "unit/oips.npy").samefile(blob)


def test_a_gallery_that_is_removed_takes_nothing_from_the_store(store: Store, blob: Path, out: Path) -> None:
    generation(store, out, blob.name)
    with Site(out) as site:
        assert site.finish().removed == 1
    assert blob.read_bytes() == DATA


def test_a_killed_generation_leaves_no_second_name_that_the_next_writes_to(store: Store, blob: Path, out: Path) -> None:
    generation(store, out, blob.name)
    os.link(blob, out / ".gallery/new")
    with Site(out) as site:
        site.file("page.json", lambda: b"a page", "a page")
        site.finish()
    assert blob.read_bytes() == DATA


def test_what_others_may_not_read_in_the_store_they_may_in_a_gallery_that_is_for_them(
    store: Store, blob: Path, out: Path
) -> None:
    blob.chmod(0o600)
    generation(store, out, blob.name, umask=0o022)
    assert (out / "unit/oips.npy").read_bytes() == DATA
    assert (out / "unit/oips.npy").stat().st_mode & 0o777 == 0o644
    assert blob.stat().st_mode & 0o777 == 0o600


def _no_links(_: object, path: str) -> None:
    number = errno.EEXIST if Path(path).exists() else errno.EXDEV
    raise OSError(number, os.strerror(number))


def test_on_another_disk_it_is_copied(store: Store, blob: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generation(store, out, store.put(b"another result"))
    # where there is a file already, that is what the system says first
    monkeypatch.setattr(writer.os, "link", _no_links)
    generation(store, out, blob.name)
    assert (out / "unit/oips.npy").read_bytes() == DATA
    assert not (out / "unit/oips.npy").samefile(blob)


@pytest.mark.parametrize(
    ("harm", "error"), [(Path.unlink, BlobMissing), (lambda path: path.write_bytes(b"x"), BlobCorrupt)]
)
def test_what_is_gone_or_damaged_is_no_file(
    store: Store, blob: Path, out: Path, harm: Callable[[Path], object], error: type[Exception]
) -> None:
    harm(blob)
    with Site(out) as site, pytest.raises(error):
        site.file("unit/oips.npy", stored(store, blob.name), blob.name)


def test_once_a_damaged_blob_is_whole_again_so_is_the_gallery(store: Store, blob: Path, out: Path) -> None:
    generation(store, out, blob.name)
    blob.write_bytes(b"cut")  # by somebody else, through either name
    blob.rename(out.parent / "set aside")
    store.put(DATA)
    assert generation(store, out, blob.name).written == 1
    assert (out / "unit/oips.npy").read_bytes() == DATA
