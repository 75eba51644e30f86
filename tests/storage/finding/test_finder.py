"""Looking recipes up, by a listing of the whole store or of each: wherever the files lie, both find the same."""

import pytest

from storage.errors import StoreError
from storage.names import blob_path, record_path
from storage.recipe import Recipe
from storage.store import Store


def test_a_lookup_finds_what_a_listing_of_that_moment_finds(any_store, committing):
    lookup = any_store.lookup()
    recipe = Recipe("oip", 1, {}, {})
    assert lookup.find(recipe, changes=None) is None
    later = committing(any_store, outputs={"oips": b"a", "picture": b"b"})
    assert lookup.find(recipe, changes=None) == later == any_store.listing().find(recipe, changes=None)
    changed = committing(any_store, changes="d" * 64)
    for ask in (any_store.listing(), lookup):
        assert ask.find(recipe, changes=None) == later
        assert ask.find(recipe, changes="d" * 64) == changed
        assert ask.find(Recipe("oip", 2, {}, {}), changes=None) is None
        ask.drop(later.output("picture").digest)
        assert ask.find(recipe, changes=None) is None
        ask.add(later)
        assert ask.find(recipe, changes=None) == later
    torn = committing(any_store, parameters={"n": 1}, outputs={"oips": b"torn", "picture": b"gone"})
    any_store.files.write(blob_path(torn.output("oips").digest), b"to")
    of_another_size = any_store.listing(), any_store.lookup()
    any_store.files.write(blob_path(torn.output("oips").digest), b"torn")
    any_store.files.delete(blob_path(torn.output("picture").digest))
    gone = any_store.listing(), any_store.lookup()
    assert all(ask.find(Recipe("oip", 1, {"n": 1}, {}), changes=None) is None for ask in (*of_another_size, *gone))
    any_store.put(b"gone")
    assert gone[1].find(Recipe("oip", 1, {"n": 1}, {}), changes=None) == torn


def test_a_lookup_lists_one_recipe_and_asks_for_blobs_only_where_there_is_a_record(any_store, committing, monkeypatch):
    made = [committing(any_store, parameters={"n": number}, outputs={"oips": b"%d" % number}) for number in range(3)]
    asked = note_questions(any_store, monkeypatch)
    lookup = any_store.lookup()
    for number in (1, 5):
        lookup.find(Recipe("oip", 1, {"n": number}, {}), changes=None)
    (digest,) = (output.digest for output in made[1].outputs)
    assert asked == [
        ("listing", f"records/{made[1].recipe}"),
        ("read", record_path(made[1].key)),
        ("size", blob_path(digest)),
        ("listing", f"records/{Recipe('oip', 1, {'n': 5}, {}).digest}"),
    ]
    asked.clear()
    assert lookup.find(Recipe("oip", 1, {"n": 1}, {}), changes=None) == made[1]
    assert asked == [("listing", f"records/{made[1].recipe}")]


def test_records_that_are_known_are_not_read_again_and_others_side_by_side(any_store, committing, monkeypatch):
    made = [committing(any_store, parameters={"n": number}, outputs={"oips": b"%d" % number}) for number in range(6)]
    store = Store.open(any_store.root)
    store.listing().add(made[0])
    assert store.listing().find(Recipe("oip", 1, {"n": 1}, {}), changes=None) == made[1]
    asked = note_questions(store, monkeypatch)
    keys = [made[number].key for number in (3, 0, 1, 2, 3)]
    assert list(store.read_records(keys)) == [made[number] for number in (3, 0, 1, 2, 3)]
    assert [store.record(key) for key in keys] == [made[number] for number in (3, 0, 1, 2, 3)]
    assert asked == [("read_many", [record_path(made[3].key), record_path(made[2].key)])]
    listing = store.listing()
    asked.clear()
    listing.read_ahead([made[number].recipe for number in (2, 4)])
    assert listing.find(Recipe("oip", 1, {"n": 4}, {}), changes=None) == made[4]
    assert asked == [("read_many", [record_path(made[4].key)])]
    nowhere = f"{'0' * 64}/{'0' * 32}"
    with pytest.raises(StoreError, match=f"no record {nowhere}"):
        list(store.read_records([made[5].key, nowhere]))


def note_questions(store, monkeypatch):
    """What the store's files are asked from now on."""
    asked = []
    for name in ("listing", "exists", "size", "read", "read_many"):
        original = getattr(store.files, name)

        def ask(given, name=name, original=original):
            given = given if isinstance(given, str) else list(given)
            asked.append((name, given))
            return original(given)

        monkeypatch.setattr(store.files, name, ask)
    if store.files.folder is not None:  # a folder reads one after the other
        many = store.files.read_many

        def side_by_side(paths):
            before = len(asked)
            found = many(paths)
            del asked[before + 1 :]
            return found

        monkeypatch.setattr(store.files, "read_many", side_by_side)
    return asked
