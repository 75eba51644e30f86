"""What is many of a kind is found by lying in its folder."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lib.registry import Registry


@dataclass(frozen=True)
class Knot:
    name: str


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a package `knots`, in which there are three."""
    knots = tmp_path / "knots"
    knots.mkdir()
    (knots / "__init__.py").write_text("")
    for name in ("sheet bend", "bowline", "reef"):
        declare(knots, name)
    monkeypatch.syspath_prepend(tmp_path)
    yield knots
    for name in [name for name in sys.modules if name.partition(".")[0] == "knots"]:
        del sys.modules[name]


def declare(folder: Path, name: str, file: str = "", constant: str = "KNOT") -> None:
    text = f"from {__name__} import Knot\n{constant} = Knot({name!r})\n"
    (folder / f"{file or name.replace(' ', '_')}.py").write_text(text)


def knots(*first: str) -> Registry[Knot]:
    return Registry("knots", constant="KNOT", kind=Knot, first=first)


def test_every_file_of_the_folder_is_one_and_those_that_are_named_come_first(folder: Path) -> None:
    assert list(knots()) == ["bowline", "reef", "sheet bend"]
    found = knots("reef", "bowline")
    assert list(found) == ["reef", "bowline", "sheet bend"]
    assert found["sheet bend"] == Knot("sheet bend")
    assert len(found) == 3
    assert "granny" not in found


def test_a_new_file_is_a_new_one_behind_those_that_are_named(folder: Path) -> None:
    declare(folder, "anchor")
    assert list(knots("sheet bend", "reef", "bowline")) == ["sheet bend", "reef", "bowline", "anchor"]


def test_nothing_is_imported_before_it_is_asked_for(folder: Path) -> None:
    found = knots()
    declare(folder, "anchor")
    assert "knots.bowline" not in sys.modules
    assert "anchor" in found


def test_a_file_that_declares_none_is_refused(folder: Path) -> None:
    declare(folder, "granny", constant="KNOTS")
    with pytest.raises(TypeError, match=r"knots\.granny declares no KNOT"):
        list(knots())


def test_two_of_the_same_name_are_refused(folder: Path) -> None:
    declare(folder, "reef", "square")
    with pytest.raises(ValueError, match=r"knots\.square declares 'reef', which there is already"):
        list(knots())
