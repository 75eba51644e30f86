"""Names: that they are sealed, and how they are changed."""

import pytest

from storage.document import encode
from storage.errors import StoreError
from storage.garbage import plan
from storage.names import ref_path
from storage.refs import parse_ref
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


def test_no_flipped_bit_of_a_ref_goes_unnoticed(named):
    store, (one, _) = named
    whole = store.files.read(ref_path("model/one"))
    wrong = []
    for bit in range(len(whole) * 8):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        try:
            wrong.append(parse_ref("model/one", bytes(data)))
        except StoreError:
            continue
    assert wrong == []
    assert parse_ref("model/one", whole) == f"record:{one.key}"


def test_a_ref_without_a_seal_of_an_earlier_version_is_read_and_gets_one_when_it_is_set_again(named):
    store, (one, _) = named
    target = f"record:{one.key}"
    store.files.write(ref_path("model/one"), encode({"target": target, "set": "2026-11-22T10:15:30.000000+00:00"}))
    assert store.ref("model/one") == target
    report = verify(store)
    assert report.clean
    assert report.unsealed == ["model/one"]
    store.set_ref("model/one", target)
    assert verify(store).unsealed == []
