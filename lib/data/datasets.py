"""Data sets by name. There is one for each name, and never another in its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from lib.data import array_file, digits, mnist, picture_folder
from lib.data.dataset import Dataset
from lib.data.fit import fit_dataset
from lib.data.room import Room
from lib.data.wanted_images import WantedImages
from lib.errors import BadInput
from lib.pictures.names import show_name

__all__ = ["Dataset", "check", "check_trainable", "classes_of", "load"]

_FOLDER = "folder:"


def load(
    name: str,
    data_dir: Path | None = None,
    *,
    wanted: WantedImages | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    room: Room | None = None,
) -> Dataset:
    """A data set by name; image number n of it is the same picture for ever.

    Args:
        name: "digits" (embedded), "mnist", "fashion-mnist", "folder:DIR" of pictures, or an `.npz` or `.h5` file of
            arrays.
        data_dir: where the IDX files or the `.npz` of "mnist" and "fashion-mnist" are.
        wanted: the images that a network takes, to which these are fitted; None for the data set's own.
        progress: called with (what, done, of how many) while something takes long: a download, many pictures.
        room: where the images of a folder lie that are too many for memory; without it they are refused.

    Raises:
        BadInput: no such data set, or its files are missing, damaged, mislabelled or not the canonical ones.
    """
    check(name, data_dir)
    if name.startswith(_FOLDER):
        return picture_folder.load(_folder(name), progress, wanted, room)
    if name == "digits":
        data = digits.load()
    elif name in mnist.CANONICAL:
        data = mnist.load(name, data_dir, progress)
    else:
        data = array_file.load(Path(name).expanduser())
    return data if wanted is None else fit_dataset(data, wanted)


def check(name: str, data_dir: Path | None = None) -> None:
    """Raise BadInput as `load` does, for what is wrong with a name and a folder: no file is read."""
    if name in mnist.CANONICAL:
        if data_dir is not None:
            mnist.check_folder(name, data_dir)
    elif name.startswith(_FOLDER):
        picture_folder.check_folder(_folder(name))
    elif array_file.is_array_file(name):
        array_file.check_file(Path(name).expanduser())
    elif name != "digits":
        raise BadInput(
            f"there is no data set {name!r}: choose digits, {', '.join(mnist.CANONICAL)}, folder:DIR, or an .npz or "
            ".h5 file of arrays"
        )


def classes_of(name: str) -> tuple[str, ...]:
    """The names of a data set's classes, before its pictures are read; none where they are not sorted into classes.

    Raises BadInput as `check`, and for a folder or a file without pictures.
    """
    check(name)
    if name in mnist.CANONICAL:
        return mnist.CANONICAL[name].classes
    if array_file.is_array_file(name):
        return array_file.classes_of(Path(name).expanduser())
    return digits.CLASSES if name == "digits" else picture_folder.classes_of(_folder(name))


def check_trainable(name: str, classes: Sequence[str]) -> None:
    """Raise BadInput for a data set of these classes on which no classifier can be trained."""
    if len(classes) < 2:
        raise BadInput(
            f"{show_name(name)} has {len(classes) or 'no'} classes, and a network that classifies needs two: sort the "
            "pictures into sub-folders, or give labels"
        )


def _folder(name: str) -> Path:
    return Path(name.removeprefix(_FOLDER)).expanduser()
