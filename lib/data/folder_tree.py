"""What lies in a folder of pictures: pictures, folders, and what is neither. No picture is opened."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lib.door.roots import lies_within
from lib.errors import BadInput
from lib.pictures.names import ENDINGS, is_nobodys, may_be_picture, show_name
from lib.pictures.signatures import begins_like_picture

MOST_ENTRIES, MOST_LINKED, DEEPEST = 2_000_000, 1_000, 50
"""Of files and folders, of links to folders, and of folders in folders: more is a mistake, or links in each other."""


@dataclass(frozen=True)
class Tree:
    """A folder: the pictures and folders in it, by name, and files that are no pictures, each in the order of names."""

    path: Path
    pictures: tuple[Path, ...]
    folders: dict[str, "Tree"]
    others: tuple[Path, ...]

    @cached_property
    def all_pictures(self) -> tuple[Path, ...]:
        """With those in folders at any depth, in the order of their names."""
        found = [*self.pictures, *(path for folder in self.folders.values() for path in folder.all_pictures)]
        return tuple(sorted(found, key=lambda path: path.relative_to(self.path).parts))

    @property
    def all_others(self) -> Iterator[Path]:
        """All files that are no pictures, at any depth."""
        yield from self.others
        for folder in self.folders.values():
            yield from folder.all_others

    @property
    def with_pictures(self) -> dict[str, "Tree"]:
        """The folders in it in which there are pictures, at any depth."""
        return {name: folder for name, folder in self.folders.items() if folder.all_pictures}


def look_into(folder: Path) -> Tree:
    """What lies in a folder. Passed over is what is hidden, and what systems leave (`__MACOSX`, `Thumbs.db`).

    A file is a picture by its ending; one without is one if it begins like one. Links are followed, but not into a
    folder that they lie in, nor out of what may be used (`lib/door/roots.py`): what such a link leads to is passed
    over.

    Raises:
        BadInput: a folder may not be read, or there are too many of them, too many files, or one in another too deep.
    """
    return _look_into(folder, frozenset(), _Count(folder))


class _Count:
    """How much was met so far, so that links through each other come to an end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._entries = self._linked = 0

    def meet(self, entries: int, depth: int, *, linked: bool) -> None:
        """Raise BadInput where it becomes too much."""
        self._entries += entries
        self._linked += linked
        if self._entries > MOST_ENTRIES or self._linked > MOST_LINKED:
            raise BadInput(
                f"{show_name(str(self._folder))} holds more than {MOST_ENTRIES:,} files, or {MOST_LINKED:,} links to "
                "folders: name a folder in it"
            )
        if depth > DEEPEST:
            raise BadInput(
                f"{show_name(str(self._folder))} has folders in folders, more than {DEEPEST} deep: name one in it"
            )


def _look_into(folder: Path, above: frozenset[tuple[int, int]], count: _Count) -> Tree:
    try:
        status = folder.stat()
        entries = sorted(folder.iterdir())
    except OSError as problem:
        raise BadInput(f"{show_name(str(folder))} cannot be read: {problem.strerror}") from problem
    count.meet(len(entries), len(above), linked=folder.is_symlink())
    inside = above | {(status.st_dev, status.st_ino)}
    pictures, folders, others = [], {}, []
    for path in entries:
        if is_nobodys(path.name):
            continue
        if _is_folder(path):
            if path.is_symlink() and not lies_within(path):
                others.append(path)
                continue
            status = path.stat()
            if (status.st_dev, status.st_ino) not in inside:
                folders[path.name] = _look_into(path, inside, count)
        elif _is_picture(path):
            pictures.append(path)
        else:
            others.append(path)
    return Tree(folder, tuple(pictures), folders, tuple(others))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a link that leads in a circle
        return False


def _is_picture(path: Path) -> bool:
    if path.suffix.lower() in ENDINGS:
        return True
    return may_be_picture(path.name) and begins_like_picture(path)
