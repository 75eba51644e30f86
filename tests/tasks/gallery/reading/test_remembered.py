"""What was read of the records of OIPs is remembered, and never what they do not say."""

import json
from pathlib import Path

import pytest

from tasks.gallery.reading.catalogue import Catalogue
from tasks.gallery.reading.remembered import Remembered
from tests.tasks.gallery.swept_store import SweptStore, swept_store


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> SweptStore:
    return swept_store(tmp_path_factory.mktemp("store"))


def told(store: SweptStore, data: bytes | None = None, code: str = "code") -> tuple[Catalogue, bytes | None]:
    """A catalogue, and what it hands on."""
    remembered = Remembered(data, code)
    return Catalogue(store.store, remembered), remembered.to_bytes()


def reads(monkeypatch: pytest.MonkeyPatch, store: SweptStore, data: bytes | None, code: str = "code") -> int:
    """How many records of OIPs a catalogue reads."""
    index = store.store.questions()
    asked: list[str] = []
    original = index.records_of

    def records_of(keys):  # type: ignore[no-untyped-def]
        asked.extend(keys)
        return original(keys)

    monkeypatch.setattr(index, "records_of", records_of)
    monkeypatch.setattr(store.store, "questions", lambda: index)
    catalogue, _ = told(store, data, code)
    monkeypatch.undo()
    return len(set(asked) & catalogue.grown.keys())


def test_a_catalogue_that_remembers_is_the_one_that_read(swept: SweptStore) -> None:
    read, data = told(swept)
    remembers, again = told(swept, data)
    assert remembers.grown == read.grown
    assert list(remembers.grown) == list(read.grown)
    assert list(remembers.records) == list(read.records)
    for unit in read.grown.values():
        assert remembers.consumers(unit.oips) == read.consumers(unit.oips)
        assert remembers.producers(unit.oips) == read.producers(unit.oips)
        assert remembers.consumers(unit.model) == read.consumers(unit.model)
    assert again is None  # there is nothing new to hand on


def test_no_record_is_read_twice(swept: SweptStore, monkeypatch: pytest.MonkeyPatch) -> None:
    _, data = told(swept)
    assert reads(monkeypatch, swept, None) > 0
    assert reads(monkeypatch, swept, data) == 0


def test_of_new_records_alone_something_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SweptStore(tmp_path / "store")
    store.swept({"Conv2D_1": range(3)})
    _, data = told(store)
    store.swept({"Conv2D_1": [1]}, seed=7)
    assert reads(monkeypatch, store, data) == 1
    catalogue, later = told(store, data)
    assert catalogue.grown == told(store)[0].grown
    assert reads(monkeypatch, store, later) == 0


def test_what_other_code_read_is_read_again(swept: SweptStore, monkeypatch: pytest.MonkeyPatch) -> None:
    read, data = told(swept, code="earlier")
    assert reads(monkeypatch, swept, data) == len(read.grown)


@pytest.mark.parametrize("damage", ["torn", "foreign", "rows", "digests"])
def test_damaged_notes_are_forgotten(swept: SweptStore, damage: str) -> None:
    read, data = told(swept)
    assert data is not None
    document = json.loads(data)
    if damage == "torn":
        harmed = data[: len(data) // 2]
    elif damage == "foreign":
        harmed = b'{"code": "code"}'
    else:
        for row in document["records"].values():
            if damage == "rows":
                del row[5:]
            else:
                row[0] = "00" * 16
        harmed = json.dumps(document).encode()
    remembers, again = told(swept, harmed)
    assert remembers.grown == read.grown
    assert again is not None
    assert json.loads(again)["records"].keys() == read.grown.keys()


def test_what_is_gone_is_forgotten(tmp_path: Path) -> None:
    store = SweptStore(tmp_path / "store")
    store.swept({"Conv2D_1": range(3)})
    _, data = told(store)
    gone = store.store.questions().of_unit("Conv2D_1/1")[0].key
    Path(store.store.root, "records", f"{gone}.json").unlink()
    catalogue, later = told(store, data)
    assert gone not in catalogue.grown
    assert later is not None
    assert gone not in json.loads(later)["records"]


def test_values_that_only_a_removed_record_had_are_forgotten(tmp_path: Path) -> None:
    store = SweptStore(tmp_path / "store")
    store.swept({"Conv2D_1": range(3)})
    _, before = told(store)
    store.swept({"Conv2D_2": [0]}, seed=7)
    _, data = told(store, before)
    assert before is not None
    assert data is not None
    assert "Conv2D_2" in json.loads(data)["once"]
    (gone,) = [one.key for one in store.store.questions().of_unit("Conv2D_2/0")]
    Path(store.store.root, "records", f"{gone}.json").unlink()
    catalogue, later = told(store, data)
    assert later is not None
    assert json.loads(later)["once"] == json.loads(before)["once"]
    assert told(store, later)[0].grown == catalogue.grown == told(store)[0].grown
