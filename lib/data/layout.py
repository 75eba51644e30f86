"""How pictures are sorted into classes and sets by the folders that they lie in: each way is a file of `layouts`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lib.data.folder_tree import Tree
from lib.errors import BadInput
from lib.pictures.names import ENDINGS, show_name
from lib.registry import Registry

Classes = Mapping[str, tuple[Path, ...]]
"""The pictures of each class, both in the order of their names."""

UNSORTED = ""
"""The class, by its name, of pictures that are not sorted into classes: it is the only one then."""


@dataclass(frozen=True)
class Sorted:
    """How the pictures of a folder are sorted.

    Attributes:
        train: what is trained on.
        test: what is tested with, of the same classes; None where some of `train` is to be taken.
        split: what the data set says of that, where there is `test`.
        notes: what whoever brought the folder should know, a sentence each.
    """

    train: Classes
    test: Classes | None = None
    split: str = ""
    notes: tuple[str, ...] = ()

    @property
    def labelled(self) -> bool:
        """Whether there are classes."""
        return UNSORTED not in self.train


@dataclass(frozen=True)
class Layout:
    """One way.

    Attributes:
        name: what it is called.
        text: what lies in such a folder, as the documentation says it.
        turn: those with the lower number are asked first.
        sort: sorts the pictures of a folder; None where the folder is not of this kind. Raises BadInput for one that is
            meant to be, and cannot be used.
    """

    name: str
    text: str
    turn: int
    sort: Callable[[Tree], Sorted | None]


LAYOUTS = Registry("lib.data.layouts", constant="LAYOUT", kind=Layout)


def sort_pictures(tree: Tree) -> Sorted:
    """The pictures of a folder, sorted by the first layout that it is of. Raises BadInput where there are none."""
    if not tree.all_pictures:
        raise BadInput(
            f"{show_name(str(tree.path))} has no pictures: name a folder that has one sub-folder of pictures per class"
        )
    for layout in sorted(LAYOUTS.values(), key=lambda layout: layout.turn):
        found = layout.sort(tree)
        if found is not None:
            return found
    raise AssertionError("the last layout takes every folder")


def classes_in(tree: Tree) -> Classes | None:
    """The classes of a folder with one sub-folder for each; None where it has less than two of them.

    Raises BadInput where one of several sub-folders is without a picture: it would be missed among the classes.
    """
    found = tree.with_pictures
    empty = [name for name in tree.folders if name not in found]
    if empty and (len(found) > 1 or (found and not tree.pictures)):
        raise BadInput(
            f"{show_name(str(tree.path))} has sub-folders without pictures: {', '.join(map(show_name, empty))} "
            f"({', '.join(sorted(ENDINGS))}): add some, or remove them"
        )
    if len(found) < 2:
        return None
    return {name: folder.all_pictures for name, folder in found.items()}


def loose_pictures(tree: Tree) -> tuple[str, ...]:
    """A note on pictures that lie beside the folders of classes, where there are any."""
    if not tree.pictures:
        return ()
    return (f"{len(tree.pictures)} pictures that lie beside the folders of the classes are left out",)
