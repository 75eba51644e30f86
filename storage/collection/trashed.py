"""What garbage collection has moved to the trash, and the way back."""

import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress

from storage.files import Files
from storage.names import key_of_path
from storage.record import Record
from storage.records import RecordDamaged, parse_record
from storage.trash import COLLECTED, trash_path

log = logging.getLogger(__name__)


UNFINISHED = "unfinished"
"""A file in a folder of the trash while a collection moves things there. One that was killed has left it, and has not
looked whether something of that had come into use."""


def collected_files(trash: Iterable[str], *, unfinished: bool = False) -> dict[str, str]:
    """Paths in the trash that garbage collection has put there, by the paths that they had before.

    `unfinished`: only those of collections that were killed.
    """
    listed = set(trash)
    found = {}
    for path in sorted(listed):
        _, folder, before = path.split("/", 2)
        if folder.endswith(f"-{COLLECTED}") and (not unfinished or marker_of(folder) in listed):
            found[before] = path
    return found


def marker_of(folder: str) -> str:
    """The path of the file that says that a collection is moving things to this folder of the trash."""
    return trash_path(folder, UNFINISHED)


def read_collected(files: Files, collected: Mapping[str, str]) -> dict[str, Record]:
    """The records among them, by key; without those that are damaged."""
    keys = {place: key for path, place in collected.items() if (key := key_of_path(path)) is not None}
    found = {}
    for place, data in files.read_many(sorted(keys)).items():
        with suppress(RecordDamaged):
            found[keys[place]] = parse_record(keys[place], data)
    return found


def bring_back(files: Files, path: str, place: str) -> None:
    """Move what lies in the trash at `place` back to `path`, unless there is something again, or it has gone."""
    if files.exists(path):
        return
    with suppress(FileNotFoundError):
        files.move(place, path)
        log.info("%s is needed, and is back from the trash", path)


def recover(files: Files, path: str) -> bool:
    """Bring back what was collected at this path, if it lies in the trash; whether it is in its place."""
    place = collected_files(files.listing("trash")).get(path)
    if place is not None:
        bring_back(files, path, place)
    return files.exists(path)
