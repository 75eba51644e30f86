"""Names that are changed."""

import pytest

from storage.errors import StoreError
from storage.garbage import plan
from storage.resolve import resolve
from storage.verify import verify


@pytest.fixture
def named(store, committing):
    """A store with two records, `model/one` and `model/two`."""
    records = [committing(store, parameters={"n": number}, outputs={"model": bytes([number])}) for number in (1, 2)]
    for name, record in zip(("one", "two"), records, strict=True):
        store.set_ref(f"model/{name}", f"record:{record.key}")
    return store, records


def test_what_was_renamed_is_found_by_its_new_name_and_by_all_former_ones(named):
    store, (one, _) = named
    store.rename_ref("model/one", "model/first")
    store.rename_ref("model/first", "model/oldest")
    for name in ("model/one", "model/first", "model/oldest"):
        assert resolve(store, name).name == one.key
    assert sorted(name for name in store.refs() if name.startswith("model/")) == ["model/oldest", "model/two"]
    assert verify(store).clean
    assert plan(store).records == ()


@pytest.mark.parametrize("wanted", ["model/two", "model/first"])
def test_a_name_that_is_or_was_that_of_something_else_cannot_be_taken(named, wanted):
    store, _ = named
    store.rename_ref("model/one", "model/first")
    store.rename_ref("model/first", "model/oldest")
    before = store.refs()
    with pytest.raises(StoreError, match="is, or was, the name of something else"):
        store.rename_ref("model/two" if wanted == "model/first" else "model/oldest", wanted)
    assert store.refs() == before


def test_something_gets_its_own_former_name_back(named):
    store, (one, _) = named
    store.rename_ref("model/one", "model/first")
    store.rename_ref("model/first", "model/one")
    assert resolve(store, "model/one").name == resolve(store, "model/first").name == one.key
    assert "renamed/model/one" not in store.refs()


def test_a_former_name_is_not_among_the_nearest(named):
    store, _ = named
    store.rename_ref("model/one", "model/first")
    with pytest.raises(StoreError, match="the nearest names are model/first") as caught:
        resolve(store, "model/firs")
    assert "renamed" not in str(caught.value)
