"""Data sets by name. There is one for each name, and never another in its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lib.data import digits, mnist, picture_folder
from lib.data.dataset import Dataset
from lib.errors import BadInput

__all__ = ["Dataset", "check", "classes_of", "load"]

_FOLDER = "folder:"


def load(
    name: str, data_dir: Path | None = None, *, progress: Callable[[str, int, int], None] | None = None
) -> Dataset:
    """A data set by name; image number n of it is the same picture for ever.

    Args:
        name: "digits" (embedded), "mnist", "fashion-mnist", or "folder:DIR" with one sub-folder of pictures a class.
        data_dir: where the IDX files or the `.npz` of "mnist" and "fashion-mnist" are.
        progress: called with (what, done, of how many) while something takes long: a download, many pictures.

    Raises:
        BadInput: no such data set, or its files are missing, damaged, mislabelled or not the canonical ones.
    """
    check(name, data_dir)
    if name == "digits":
        return digits.load()
    if name in mnist.CANONICAL:
        return mnist.load(name, data_dir, progress)
    return picture_folder.load(_folder(name), progress)


def check(name: str, data_dir: Path | None = None) -> None:
    """Raise BadInput as `load` does, for what is wrong with a name and a folder: no file is read."""
    if name in mnist.CANONICAL:
        if data_dir is not None:
            mnist.check_folder(name, data_dir)
    elif name.startswith(_FOLDER):
        picture_folder.check_folder(_folder(name))
    elif name != "digits":
        raise BadInput(f"there is no data set {name!r}: choose digits, {', '.join(mnist.CANONICAL)} or folder:DIR")


def classes_of(name: str) -> tuple[str, ...]:
    """The names of a data set's classes, as far as they are known before it is read. Raises BadInput as `check`."""
    check(name)
    if name in mnist.CANONICAL:
        return mnist.CANONICAL[name].classes
    return digits.CLASSES if name == "digits" else picture_folder.classes_of(_folder(name))


def _folder(name: str) -> Path:
    return Path(name.removeprefix(_FOLDER)).expanduser()
