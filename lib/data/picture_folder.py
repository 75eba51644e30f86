"""Pictures of one's own: a folder, in whatever layout (`lib/data/layouts`)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lib import stop
from lib.arrays import Bytes, Integers
from lib.data.dataset import UNLABELLED, Dataset, from_bytes
from lib.data.fit import check_memory, say_fit
from lib.data.folder_tree import look_into
from lib.data.layout import UNSORTED, Classes, Sorted, sort_pictures
from lib.data.picture_reading import read_head, read_picture
from lib.data.wanted_images import WantedImages
from lib.errors import BadInput
from lib.pictures.files import Head
from lib.pictures.names import show_name

# every fifth picture of a class is a test image
TEST_EVERY = 5
MOST_BROKEN = 1 / 3
"""Which share of the pictures may be left out because they cannot be read."""

NAMED = 5
"""Of files that are left out, as many are named in a note."""

Progress = Callable[[str, int, int], None]


def load(folder: Path, progress: Progress | None, wanted: WantedImages | None = None) -> Dataset:
    """The pictures of a folder, classes and pictures in the order of their names.

    With folders of sets as `train` and `test` these are the two sets; else every fifth picture of each class is a test
    image. Grey pictures give one channel; if any has colours, all give three. Where sizes differ, the commonest size is
    taken (the smallest of these). `wanted` says otherwise, and how pictures of other sizes are fitted.

    What cannot be read is left out, counted and named: numbers are those of the pictures that can.

    Raises:
        BadInput: the folder is missing or without pictures, a class has fewer than two that can be read, more than a
            third of all cannot, or they are too large together.
    """
    check_folder(folder)
    tree = look_into(folder)
    sorted_pictures = sort_pictures(tree)
    reading = _Reading(folder, _paths(sorted_pictures), wanted or WantedImages(), progress)
    reading.read()
    sets = _split(folder, sorted_pictures, reading)
    classes = tuple(map(_printable, sorted_pictures.train)) if sorted_pictures.labelled else ()
    train, test = (_labels(of_set, sorted_pictures.labelled) for of_set in sets)
    paths = [[path for some in of_set.values() for path in some] for of_set in sets]
    checksums = {"names and files": f"sha256:{reading.checksum([*paths[0], *paths[1]])}"}
    attributes: dict[str, Any] = {
        "source": f"folder {_printable(folder.name)}, {sum(map(len, paths))} pictures",
        "licence": "unknown",
        "checksums": checksums,
        "split": sorted_pictures.split or _every_fifth(sorted_pictures),
    }
    if reading.fitted:
        attributes["fitted"] = say_fit(reading.wanted.fit, reading.shape)
    if reading.broken:
        attributes["broken"] = len(reading.broken)
        checksums["broken files"] = f"sha256:{reading.broken_checksum()}"
    others = [reading.name(path) for path in tree.all_others]
    notes = [*sorted_pictures.notes, *reading.notes(), *_passed_over(others)]
    if not classes:
        notes.append("the pictures are not sorted into classes: there are no labels to compare predictions with")
    elif wanted is not None:
        notes.append(_in_order(classes))
    return from_bytes(
        f"folder:{folder}",
        (reading.images(paths[0]), train),
        (reading.images(paths[1]), test),
        classes,
        attributes,
        tuple(notes),
        {
            "train": [reading.name(path) for path in paths[0]],
            "test": [reading.name(path) for path in paths[1]],
            "broken": [{"file": reading.name(path), "reason": why} for path, why in reading.broken.items()],
            "passed_over": others,
        },
    )


def check_folder(folder: Path) -> None:
    """Raise BadInput where there is no such folder."""
    if not folder.is_dir():
        raise BadInput(f"{folder} is no folder: name one that has one sub-folder of pictures per class")


def classes_of(folder: Path) -> tuple[str, ...]:
    """The classes of a folder, in the order of their names; none of pictures that are not sorted. None is opened."""
    found = sort_pictures(look_into(folder))
    return tuple(map(_printable, found.train)) if found.labelled else ()


@dataclass
class _Reading:
    """The pictures of a folder while they are read: what is whole of them, and what is broken."""

    folder: Path
    paths: list[Path]
    wanted: WantedImages
    progress: Progress | None
    broken: dict[Path, str] = field(default_factory=dict)

    def read(self) -> None:
        """Read all pictures. Raises BadInput where too many are broken, or all together too large."""
        self._heads = self._read_heads()
        self.own_shape = self._find_own_shape()
        self.shape = height, width, channels = self.wanted.shape(self.own_shape)
        self._check_memory()
        self._at: dict[Path, int] = {}
        self._digests: dict[Path, bytes] = {}
        self._imgs = np.empty((len(self._heads), height, width, channels), np.uint8)
        # a size that is the pictures' own is always had from all of their pixels, as before there were others
        least = None if self.shape[:2] == self.own_shape[:2] else max(height, width)
        for done, path in enumerate(self._heads, start=1):
            stop.look()
            try:
                pixels, digest = read_picture(path, (width, height), channels, self.wanted.fit, least)
            except BadInput as problem:
                self.broken[path] = str(problem)
            else:
                self._imgs[len(self._at)] = pixels
                self._at[path] = len(self._at)
                self._digests[path] = digest
            if self.progress and (done % 100 == 0 or done == len(self._heads)):
                self.progress("pictures", done, len(self._heads))
        self.broken = {path: self.broken[path] for path in self.paths if path in self.broken}
        self._check_broken()

    def _read_heads(self) -> dict[Path, Head]:
        heads = {}
        for path in self.paths:
            stop.look()
            try:
                heads[path] = read_head(path)
            except BadInput as problem:
                self.broken[path] = str(problem)
        self._check_broken()
        return heads

    def _check_broken(self) -> None:
        if len(self.broken) > MOST_BROKEN * len(self.paths):
            reasons = "; ".join(f"{self.name(path)} {why}" for path, why in list(self.broken.items())[:NAMED])
            reasons += f"; and {len(self.broken) - NAMED} more" if len(self.broken) > NAMED else ""
            raise BadInput(
                f"{show_name(str(self.folder))}: {len(self.broken)} of {len(self.paths)} pictures cannot be read, more "
                f"than a third: replace or remove them: {reasons}"
            )

    def _find_own_shape(self) -> tuple[int, int, int]:
        sizes = Counter((head.width, head.height) for head in self._heads.values())
        most = max(sizes.values())
        width, height = min(size for size, count in sizes.items() if count == most)
        return height, width, 3 if any(head.colour for head in self._heads.values()) else 1

    def _check_memory(self) -> None:
        check_memory(show_name(str(self.folder)), len(self._heads), self.shape)

    @property
    def fitted(self) -> bool:
        """Whether any picture became another than in a data set of the pictures' own size and channels."""
        return self.shape != self.own_shape or (self.wanted.fit != "crop" and not self._all_alike)

    @property
    def _all_alike(self) -> bool:
        """Whether all pictures have the size of the images."""
        return all((self._heads[path].height, self._heads[path].width) == self.shape[:2] for path in self._at)

    def is_whole(self, path: Path) -> bool:
        """Whether a picture was read."""
        return path in self._at

    def images(self, paths: list[Path]) -> Bytes:
        """[N, H, W, C] of these pictures."""
        return self._imgs[[self._at[path] for path in paths]]

    def checksum(self, paths: list[Path]) -> str:
        """A SHA-256 of the names and contents of these files."""
        digest = hashlib.sha256()
        for path in paths:
            digest.update(f"{path.relative_to(self.folder).as_posix()}\n".encode("utf-8", "surrogateescape"))
            digest.update(self._digests[path])
        return digest.hexdigest()

    def broken_checksum(self) -> str:
        """A SHA-256 of the names of the files that are left out, and why: the record says them, and stands for them."""
        said = "".join(f"{self.name(path)}\n{why}\n" for path, why in self.broken.items())
        return hashlib.sha256(said.encode()).hexdigest()

    def name(self, path: Path) -> str:
        """A file's path within the folder, as it can be printed."""
        return show_name(path.relative_to(self.folder).as_posix())

    def notes(self) -> list[str]:
        """What was left out, and how pictures were fitted."""
        notes = []
        if self.broken:
            named = [f"{self.name(path)} {why}" for path, why in list(self.broken.items())[:NAMED]]
            more = f"; and {len(self.broken) - NAMED} more" if len(self.broken) > NAMED else ""
            count = len(self.broken)
            what = "1 picture cannot be read and is" if count == 1 else f"{count} pictures cannot be read and are"
            notes.append(f"{what} left out: {'; '.join(named)}{more}")
        if self.fitted or not self._all_alike:
            height, width, channels = self.shape
            colours = "grey" if channels == 1 else "in colours"
            notes.append(f"pictures are fitted ({self.wanted.fit}) to {height}x{width}, {colours}")
        return notes


def _paths(found: Sorted) -> list[Path]:
    sets = [found.train] if found.test is None else [found.train, found.test]
    return [path for of_set in sets for some in of_set.values() for path in some]


def _split(folder: Path, found: Sorted, reading: _Reading) -> tuple[Classes, Classes]:
    """The whole pictures of the two sets. Raises BadInput for a class without one, in either."""

    def whole(of_set: Mapping[str, tuple[Path, ...]]) -> dict[str, tuple[Path, ...]]:
        return {name: tuple(filter(reading.is_whole, paths)) for name, paths in of_set.items()}

    def broken(of_set: Mapping[str, tuple[Path, ...]], name: str) -> str:
        some = [f"{reading.name(path)} {reading.broken[path]}" for path in of_set[name] if path in reading.broken]
        return "; ".join(some[:NAMED]) + (f"; and {len(some) - NAMED} more" if len(some) > NAMED else "")

    train = whole(found.train)
    if found.test is not None:
        test = whole(found.test)
        for left, there_were in ((train, found.train), (test, found.test)):
            for name in left:
                if not left[name]:
                    why = broken(there_were, name)
                    raise BadInput(f"{_place(folder, name)} has no picture that can be read: {why}")
        return train, test
    for name, paths in train.items():
        if len(paths) < 2:
            why = f": {listed}" if (listed := broken(found.train, name)) else ""
            raise BadInput(
                f"{_place(folder, name)} has {'one' if paths else 'no'} picture that can be read: two are needed, "
                f"one of them to test with{why}"
            )
    test = {name: paths[TEST_EVERY - 1 :: TEST_EVERY] or paths[-1:] for name, paths in train.items()}
    kept_apart = {path for paths in test.values() for path in paths}
    return {name: tuple(path for path in paths if path not in kept_apart) for name, paths in train.items()}, test


def _place(folder: Path, name: str) -> str:
    return show_name(str(folder / name if name != UNSORTED else folder))


def _labels(of_set: Classes, labelled: bool) -> Integers:
    numbers = [number if labelled else UNLABELLED for number, some in enumerate(of_set.values()) for _ in some]
    return np.array(numbers, np.int64)


def _every_fifth(found: Sorted) -> str:
    of_what = "of each class, in the order of names, " if found.labelled else "in the order of names "
    return f"every fifth picture {of_what}is a test image"


def _printable(name: str) -> str:
    """A class by the name of its folder, which may be of bytes that are no text."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return show_name(name)
    return name


def _passed_over(others: list[str]) -> list[str]:
    if not others:
        return []
    more = f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
    verb = "1 file that is no picture is" if len(others) == 1 else f"{len(others)} files that are no pictures are"
    return [f"{verb} passed over: {', '.join(others[:NAMED])}{more}"]


def _in_order(classes: tuple[str, ...]) -> str:
    most = 20
    named = ", ".join(f"{number} {show_name(name)}" for number, name in enumerate(classes[:most]))
    more = f" and {len(classes) - most} more" if len(classes) > most else ""
    return f"the classes are numbered in the order of their names, as a network's outputs must be: {named}{more}"
