"""Data sets as artifacts: what they are, which file each image is, and what is said of them."""

import errno
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lib.data import room
from lib.data.wanted_images import Fit, WantedImages
from lib.errors import BadInput
from storage import tensors
from storage.errors import StoreUnusable
from storage.store import Record, Store
from tasks.model.data import load_data, store_data
from tasks.model.network import natural_of
from tasks.session.progress import listen
from tasks.session.session import Session, session
from tests.flows.tiny import write_photograph, write_pictures

FITS: tuple[Fit, ...] = ("crop", "pad", "stretch")


@pytest.fixture
def in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """All images are too many for memory, and a piece of them is two or three."""
    monkeypatch.setattr(room, "MOST_IN_MEMORY", 100)
    monkeypatch.setattr(room, "PIECE", 1500)
    monkeypatch.setattr(tensors, "PIECE", 1500)


def files_of(store: Store, record: Record) -> Any:
    return json.loads(store.get(record.output("files").digest))


def test_the_record_says_which_file_each_image_is_and_what_was_left_out(
    open_session: Session, store: Store, tmp_path: Path
) -> None:
    name = write_pictures(tmp_path / "pictures", each=6)
    (tmp_path / "pictures" / "class 1" / "2.png").write_bytes(b"")
    (tmp_path / "pictures" / "notes.txt").write_text("of no use")
    said: list[str] = []
    with listen(lambda *_: None, said.append):
        record, _ = store_data(name, None, open_session.run.id)
    files = files_of(store, record)
    assert files["broken"] == [{"file": "class 1/2.png", "reason": "is empty: the file has 0 bytes"}]
    assert files["passed_over"] == ["notes.txt"]
    assert files["test"] == ["class 0/4.png", "class 1/5.png", "class 2/4.png"]
    assert len(files["train"]) == record.output("train_imgs").shape[0] == 14  # type: ignore[index]
    assert said == [
        f"{name}: 1 picture cannot be read and is left out: class 1/2.png is empty: the file has 0 bytes",
        f"{name}: 1 file that is no picture is passed over: notes.txt",
    ]


def test_what_fits_already_is_the_record_that_there_was(open_session: Session, store: Store, pictures: str) -> None:
    before, _ = store_data(pictures, None, open_session.run.id)
    for fit in FITS:
        wanted = WantedImages(12, 12, 1, fit)
        again, reused = store_data(pictures, None, open_session.run.id, wanted=wanted)
        assert (again.key, reused) == (before.key, True)


def test_how_pictures_are_fitted_is_part_of_what_the_data_set_is(
    open_session: Session, store: Store, tmp_path: Path
) -> None:
    for number in range(4):
        write_photograph(tmp_path / "pictures" / "ab"[number % 2] / f"{number}.png", number)
    name = f"folder:{tmp_path / 'pictures'}"
    made = {fit: store_data(name, None, open_session.run.id, wanted=WantedImages(16, 16, 3, fit))[0] for fit in FITS}
    assert len({record.recipe for record in made.values()}) == 3
    assert [record.parameters["attributes"]["fitted"] for record in made.values()] == [  # type: ignore[index,call-overload]
        f"{fit} to 16x16x3" for fit in made
    ]


def test_pictures_without_classes_have_images_and_no_labels(
    open_session: Session, store: Store, tmp_path: Path
) -> None:
    for number in range(6):
        write_photograph(tmp_path / "flat" / f"{number}.png", number)
    record, _ = store_data(f"folder:{tmp_path / 'flat'}", None, open_session.run.id)
    natural = natural_of(store, record)
    assert (natural.labels, len(natural.images)) == (None, 5)
    data = load_data(store, record)
    assert (data.classes, len(data.test_imgs)) == ((), 1)
    assert store.array(record.output("y_train").digest).shape == (5, 0)


@pytest.mark.parametrize("name", ["arrays.npz", "digits"])
def test_what_came_from_no_files_lists_none(open_session: Session, tmp_path: Path, name: str) -> None:
    np.savez(tmp_path / "arrays.npz", images=np.arange(10 * 64, dtype=np.uint8).reshape(10, 8, 8), labels=[0, 1] * 5)
    record, _ = store_data(str(tmp_path / name) if name != "digits" else name, None, open_session.run.id)
    assert "files" not in {output.role for output in record.outputs}


def made(store: Store, name: str) -> tuple[str, dict[str, str], list[Any]]:
    """The recipe of a data set, the digests of its outputs, and what is said of them."""
    with session(store.root, "test", {}) as opened:
        record, there = store_data(name, None, opened.run.id)
    assert not there
    about = [(output.role, output.size, output.dtype, output.shape, output.attributes) for output in record.outputs]
    return record.recipe, {output.role: output.digest for output in record.outputs}, about


@pytest.mark.parametrize("kind", ["classes", "broken", "flat", "arrays"])
def test_what_is_too_large_for_memory_is_stored_as_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, kind: str
) -> None:
    name = write_pictures(tmp_path / "pictures", channels=3, each=11)
    if kind == "broken":
        (tmp_path / "pictures" / "class 1" / "2.png").write_bytes(b"x")
    if kind == "flat":
        for number in range(12):
            write_photograph(tmp_path / "flat" / f"{number}.png", number)
        name = f"folder:{tmp_path / 'flat'}"
    if kind == "arrays":
        name = str(tmp_path / "arrays.npz")
        np.savez(name, images=np.arange(30 * 64, dtype=np.uint8).reshape(30, 8, 8), labels=[0, 1, 2] * 10)
    monkeypatch.setattr("storage.rows.PIECE", 4000)
    in_memory = made(Store.open(tmp_path / "in memory"), name)
    request.getfixturevalue("in_files")
    store = Store.open(tmp_path / "in files")
    assert made(store, name) == in_memory
    assert "pieces" in in_memory[2][0][-1]
    assert store.files.listing("tmp") == {}


@pytest.mark.usefixtures("in_files")
@pytest.mark.parametrize("names", ["two names", "one name"])
def test_too_little_disk_is_refused_with_the_numbers_before_anything_is_decoded(
    open_session: Session, store: Store, pictures: str, monkeypatch: pytest.MonkeyPatch, names: str
) -> None:
    monkeypatch.setattr("lib.data.fit.MOST_BYTES", 100)
    # 24 pictures of 12x12: as bytes, and twice as floats; once more each where a file can have but one name
    needed = 24 * 12 * 12 * 9
    if names == "one name":
        needed = 24 * 12 * 12 * 17
        monkeypatch.setattr("os.link", fail_to_link)
    monkeypatch.setattr("shutil.disk_usage", lambda _: disk(needed - 1))
    with pytest.MonkeyPatch.context() as nothing_read:
        nothing_read.setattr("lib.data.folder_reading.read_picture", lambda *_: pytest.fail("it is decoded"))
        with pytest.raises(BadInput, match=r"24 pictures of 12x12 with 1 channels need 0\.0 GB of disk .* --store"):
            store_data(pictures, None, open_session.run.id)
    assert store.files.listing("tmp") == {}
    monkeypatch.setattr("shutil.disk_usage", lambda _: disk(needed + tensors._BESIDE))
    stored, _ = store_data(pictures, None, open_session.run.id)
    # to see that it is there already takes less; how its path is written does not matter
    monkeypatch.setattr("shutil.disk_usage", lambda _: disk(24 * 12 * 12 * 5))
    again, there = store_data(f"{pictures}/", None, open_session.run.id)
    assert (again.key, there) == (stored.key, True)
    monkeypatch.setattr("shutil.disk_usage", lambda _: disk(24 * 6 * 6 * 5))
    with pytest.raises(BadInput, match="24 pictures of 6x6"):  # which is not there
        store_data(pictures, None, open_session.run.id, wanted=WantedImages(height=6, width=6))


@pytest.mark.usefixtures("in_files")
def test_what_fits_into_memory_is_held_there_where_the_disk_has_too_little_room(
    open_session: Session, store: Store, pictures: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: disk(0))
    monkeypatch.setattr("tasks.model.data.write_hdf5", lambda *_: pytest.fail("a file"))
    record, _ = store_data(pictures, None, open_session.run.id)
    assert load_data(store, record).train_imgs.shape == (21, 12, 12, 1)


def fail_to_link(*_: Any, **__: Any) -> None:
    raise PermissionError(errno.EPERM, "Operation not permitted")


def disk(free: int) -> Any:
    return SimpleNamespace(free=free)


@pytest.mark.usefixtures("in_files")
@pytest.mark.parametrize("what", ["lib.data.folder_reading.read_picture", "tasks.model.data.write_hdf5"])
def test_a_failure_midway_leaves_no_file(
    open_session: Session, store: Store, pictures: str, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def fail(*_: Any) -> None:
        assert len(store.files.listing("tmp")) > 0
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(what, fail)
    with pytest.raises(StoreUnusable, match="is full: free some space there"):
        store_data(pictures, None, open_session.run.id)
    assert store.files.listing("tmp") == {}
