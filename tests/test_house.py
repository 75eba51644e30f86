"""The floor plan: no folder of the code is crowded, and the folders of the tests are those of the code."""

from collections import Counter
from pathlib import Path

from tests.docs.blocks import PACKAGES

HOUSE = Path(__file__).parents[1]
MOST_MODULES = 25
BESIDES = ("browser", "compatibility", "corpus", "docs", "examples", "faults", "fleet")
"""Folders of tests of the house as a whole."""


def modules() -> Counter[str]:
    """How many modules each folder of the code holds."""
    found = (path for room in PACKAGES for path in (HOUSE / room).rglob("*.py") if path.name != "__init__.py")
    return Counter(path.parent.relative_to(HOUSE).as_posix() for path in found)


def folders_of_tests() -> set[str]:
    """The folders below the rooms' in which tests are."""
    tests = HOUSE / "tests"
    found = {path.parent.relative_to(tests).as_posix() for path in tests.rglob("test_*.py")}
    return {folder for folder in found if folder.partition("/")[0] not in (".", *BESIDES)} - set(PACKAGES)


def wings(folders: set[str]) -> set[str]:
    """The wings that folders belong to: room/wing."""
    return {"/".join(folder.split("/")[:2]) for folder in folders}


def test_no_folder_holds_more_modules_than_a_reader_takes_in() -> None:
    assert {folder: count for folder, count in modules().items() if count > MOST_MODULES} == {}


def test_each_wing_has_its_folder_of_tests_and_no_test_lies_where_no_wing_is() -> None:
    folders = set(modules()) - set(PACKAGES)
    assert folders_of_tests() - folders == set()
    assert wings(folders) - wings(folders_of_tests()) == set()
