"""Data sets as artifacts: what they are, which file each image is, and what is said of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lib.data.wanted_images import Fit, WantedImages
from storage.store import Record, Store
from tasks.model.data import load_data, store_data
from tasks.model.network import natural_of
from tasks.session.progress import listen
from tasks.session.session import Session
from tests.flows.tiny import write_photograph, write_pictures

FITS: tuple[Fit, ...] = ("crop", "pad", "stretch")


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
    assert (data.classes, data.y_test.shape) == ((), (1, 0))
    assert store.array(record.output("y_train").digest).shape == (5, 0)


@pytest.mark.parametrize("name", ["arrays.npz", "digits"])
def test_what_came_from_no_files_lists_none(open_session: Session, tmp_path: Path, name: str) -> None:
    np.savez(tmp_path / "arrays.npz", images=np.arange(10 * 64, dtype=np.uint8).reshape(10, 8, 8), labels=[0, 1] * 5)
    record, _ = store_data(str(tmp_path / name) if name != "digits" else name, None, open_session.run.id)
    assert "files" not in {output.role for output in record.outputs}
