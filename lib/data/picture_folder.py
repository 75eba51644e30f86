"""Pictures of one's own: a folder, in whatever layout (`lib/data/layouts`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lib.arrays import Integers
from lib.data.dataset import UNLABELLED, Dataset, from_bytes
from lib.data.fit import say_fit
from lib.data.folder_reading import NAMED, Progress, Reading
from lib.data.folder_tree import look_into
from lib.data.layout import UNSORTED, Classes, Sorted, sort_pictures
from lib.data.room import Room
from lib.data.wanted_images import WantedImages
from lib.errors import BadInput
from lib.pictures.names import show_name

# every fifth picture of a class is a test image
TEST_EVERY = 5


def load(
    folder: Path, progress: Progress | None, wanted: WantedImages | None = None, room: Room | None = None
) -> Dataset:
    """The pictures of a folder, classes and pictures in the order of their names.

    With folders of sets as `train` and `test` these are the two sets; else every fifth picture of each class is a test
    image. Grey pictures give one channel; if any has colours, all give three. Where sizes differ, the commonest size is
    taken (the smallest of these). `wanted` says otherwise, and how pictures of other sizes are fitted. `room`: for
    what is too large for memory.

    What cannot be read is left out, counted and named: numbers are those of the pictures that can.

    Raises:
        BadInput: the folder is missing or without pictures, a class has fewer than two that can be read, more than a
            third of all cannot, or they are too large together for the room and for memory.
    """
    check_folder(folder)
    tree = look_into(folder)
    sorted_pictures = sort_pictures(tree)
    reading = Reading(folder, _paths(sorted_pictures), wanted or WantedImages(), progress, room)
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
        reading.data_name,
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
        reading.room,
    )


def check_folder(folder: Path) -> None:
    """Raise BadInput where there is no such folder."""
    if not folder.is_dir():
        raise BadInput(f"{folder} is no folder: name one that has one sub-folder of pictures per class")


def classes_of(folder: Path) -> tuple[str, ...]:
    """The classes of a folder, in the order of their names; none of pictures that are not sorted. None is opened."""
    found = sort_pictures(look_into(folder))
    return tuple(map(_printable, found.train)) if found.labelled else ()


def _paths(found: Sorted) -> list[Path]:
    sets = [found.train] if found.test is None else [found.train, found.test]
    return [path for of_set in sets for some in of_set.values() for path in some]


def _split(folder: Path, found: Sorted, reading: Reading) -> tuple[Classes, Classes]:
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
