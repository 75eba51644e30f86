"""Folders as they are handed round, and how their pictures are sorted."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lib.data.dataset import UNLABELLED
from lib.data.datasets import classes_of, load
from lib.data.layout import LAYOUTS

EVERY_FIFTH = "every fifth picture of each class, in the order of names, is a test image"


def pictures(folder: Path, count: int, ending: str = "png") -> None:
    """Pictures of noise, of which none is another's copy."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(len(str(folder)))
    for number in range(count):
        pixels = random.integers(0, 255, (8, 8, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.{ending}")


CASES = {
    "classes": (["cats 5", "dogs 5"], ("cats", "dogs"), (8, 2), EVERY_FIFTH, ()),
    "train and test": (
        ["train/a 3", "train/b 3", "test/a 1", "test/b 2"],
        ("a", "b"),
        (6, 3),
        "the folders train and test",
        (),
    ),
    "train and validation": (
        ["train/cats 8", "train/dogs 8", "validation/cats 4", "validation/dogs 4", "vectorize.py"],
        ("cats", "dogs"),
        (16, 8),
        "the folders train and validation",
        ("1 file that is no picture is passed over: vectorize.py",),
    ),
    "three sets": (
        [f"{name}/{one} 4" for name in ("train", "valid", "test") for one in ("cats", "dogs")],
        ("cats", "dogs"),
        (8, 8),
        "the folders train and test",
        ("valid is left out: there is test to test with",),
    ),
    "other names of sets": (
        ["Training/a 2", "Training/b 2", "Testing/a 1", "Testing/b 1"],
        ("a", "b"),
        (4, 2),
        "the folders Training and Testing",
        (),
    ),
    "a test set without labels": (
        ["train/a 5", "train/b 5", "test 3"],
        ("a", "b"),
        (8, 2),
        EVERY_FIFTH,
        ("the pictures of test are in no folders of classes: they are left out",),
    ),
    "a test set without labels beside a validation set": (
        ["train/a 2", "train/b 2", "val/a 1", "val/b 1", "test 3"],
        ("a", "b"),
        (4, 2),
        "the folders train and val",
        ("the pictures of test are in no folders of classes: they are left out",),
    ),
    "train alone": (
        ["train/a 5", "train/b 5"],
        ("a", "b"),
        (8, 2),
        EVERY_FIFTH,
        ("its pictures are sorted as in its only folder, train",),
    ),
    "a class called train": (["train 2", "bus 2"], ("bus", "train"), (2, 2), EVERY_FIFTH, ()),
    "sets beside other folders": (
        ["train/a 2", "train/b 2", "test/a 1", "test/b 1", "more 1"],
        ("a", "b"),
        (4, 2),
        "the folders train and test",
        ("pictures beside the sets are left out: more",),
    ),
    "unpacked into a folder of its own": (
        ["PetImages/Cat 5", "PetImages/Dog 5", "readme.txt", "PetImages/Cat/Thumbs.db"],
        ("Cat", "Dog"),
        (8, 2),
        EVERY_FIFTH,
        (
            "its pictures are sorted as in its only folder, PetImages",
            "1 file that is no picture is passed over: readme.txt",
        ),
    ),
    "classes with sub-folders": (
        ["cats/batch 1 4", "cats/batch 2 4", "dogs/batch 1 4", "dogs/batch 2 4"],
        ("cats", "dogs"),
        (14, 2),
        EVERY_FIFTH,
        (),
    ),
    "sets within the classes": (
        ["cats/train 3", "cats/test 1", "dogs/train 3", "dogs/test 1"],
        ("cats", "dogs"),
        (6, 2),
        "the folders of training and test pictures in each class",
        (),
    ),
    "what systems and programs leave": (
        [
            "cats 5",
            "dogs 5",
            "__MACOSX/cats 1",
            ".ipynb_checkpoints 2",
            "@eaDir 1",
            "cats/Thumbs.db",
            "cats/.DS_Store",
            "cats/x/",
        ],
        ("cats", "dogs"),
        (8, 2),
        EVERY_FIFTH,
        (),
    ),
    "loose pictures beside classes": (
        ["cats 5", "dogs 5", ". 3"],
        ("cats", "dogs"),
        (8, 2),
        EVERY_FIFTH,
        ("3 pictures that lie beside the folders of the classes are left out",),
    ),
}


def lay_out(folder: Path, what: list[str]) -> Path:
    """Folders with so many pictures ("cats 5"), other files ("notes.txt") and empty folders ("x/")."""
    for entry in what:
        name, _, count = entry.rpartition(" ")
        if entry.endswith("/"):
            (folder / entry).mkdir(parents=True)
        elif count.isdigit():
            pictures(folder / name, int(count))
        else:
            (folder / entry).parent.mkdir(parents=True, exist_ok=True)
            (folder / entry).write_bytes(b"x")
    return folder


@pytest.mark.parametrize("case", CASES)
def test_pictures_are_sorted_as_whoever_made_the_folder_meant_it(tmp_path: Path, case: str) -> None:
    what, classes, counts, split, notes = CASES[case]
    data = load(f"folder:{lay_out(tmp_path / 'folder', what)}")
    assert data.classes == classes == classes_of(f"folder:{tmp_path / 'folder'}")
    assert (len(data.train_imgs), len(data.test_imgs)) == counts
    assert data.attributes["split"] == split
    assert data.notes == notes
    for of_set, labels in (("train", data.train_labels), ("test", data.test_labels)):
        assert data.files is not None
        for name, label in zip(data.files[of_set], labels, strict=True):
            assert classes[label] in Path(name).parts


@pytest.mark.parametrize(
    ("what", "counts"),
    [
        ([". 8"], (7, 1)),
        (["all 8"], (7, 1)),
        ([". 3", "more 5"], (7, 1)),
        (["all/2019 4", "all/2019/deeper 1", "all 3"], (7, 1)),
        (["train 4", "test 2"], (4, 2)),
        (["train/all 4", "validation/all 2"], (4, 2)),
        ([". 2"], (1, 1)),
    ],
)
def test_pictures_without_classes_have_no_labels(tmp_path: Path, what: list[str], counts: tuple[int, int]) -> None:
    name = f"folder:{lay_out(tmp_path / 'folder', what)}"
    data = load(name)
    assert data.classes == classes_of(name) == ()
    assert (len(data.train_imgs), len(data.test_imgs)) == counts
    assert (data.train_labels.tolist(), data.test_labels.tolist()) == (
        [UNLABELLED] * counts[0],
        [UNLABELLED] * counts[1],
    )
    assert data.notes[-1] == "the pictures are not sorted into classes: there are no labels to compare predictions with"


def test_no_two_layouts_have_the_same_turn() -> None:
    turns = [layout.turn for layout in LAYOUTS.values()]
    assert len(set(turns)) == len(turns) == 5
