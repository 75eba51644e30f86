"""What a person means by a text."""

import pytest

from storage.document import digest_of
from storage.errors import StoreError
from storage.resolve import resolve


@pytest.fixture
def swept(store, committing):
    """A store with a run of three units, two of which yielded the same picture."""
    run = store.open_run("sweep", {})
    records = []
    for number, picture in enumerate([b"black", b"black", b"white"]):
        records.append(
            committing(
                store,
                parameters={"n": number},
                outputs={"oips": bytes([number]), "picture": picture},
                attributes={"unit": f"Conv2D_2/{number}"},
            )
        )
        run.add(f"Conv2D_2/{number}", records[-1], "computed")
    store.set_ref("tonight", f"run:{run.close('completed', {}).id}")
    store.set_ref("best", f"record:{records[2].key}")
    return store, run, records


def test_every_way_to_name_a_record_leads_to_it(swept, tmp_path):
    store, _, records = swept
    record = records[2]
    for text in (
        "best",
        "Conv2D_2/2",
        record.key,
        f"record:{record.key}",
        f"{record.recipe[:9]}/{record.execution[:5]}",
        record.recipe[:12],
        record.recipe.upper(),
    ):
        found = resolve(store, text)
        assert (found.kind, found.name, found.artifacts) == ("record", record.key, ((record, None),)), text
    exported = tmp_path / "Conv2D_2-2.png"
    exported.write_bytes(b"white")
    for text in (digest_of(b"white"), digest_of(b"white")[:6], digest_of(b"white")[:20].upper(), str(exported)):
        found = resolve(store, text)
        assert (found.kind, found.name) == ("blob", digest_of(b"white")), text
        assert found.artifacts == ((record, "picture"),)


def test_a_run_is_named_by_its_id_or_a_ref(swept):
    store, run, _ = swept
    for text in ("tonight", run.id, f"run:{run.id}"):
        found = resolve(store, text)
        assert (found.kind, found.name, found.run) == ("run", run.id, store.run(run.id))


def test_a_picture_that_two_units_yielded_names_both(swept):
    store, _, records = swept
    assert resolve(store, digest_of(b"black")).artifacts == ((records[0], "picture"), (records[1], "picture"))


def test_the_beginning_of_several_digests_lists_them(store, committing):
    pictures = {}
    for number in range(3000):
        pictures.setdefault(digest_of(b"%d" % number)[:4], []).append(b"%d" % number)
    one, two = next(found for found in pictures.values() if len(found) == 2)
    committing(store, outputs={"a": one, "b": two})
    with pytest.raises(StoreError) as error:
        resolve(store, digest_of(one)[:4].upper())
    for data in (one, two):
        assert f"blob {digest_of(data)}" in str(error.value)


def test_a_recipe_of_several_executions_lists_them(store, committing):
    one, two = committing(store), committing(store)
    with pytest.raises(StoreError) as error:
        resolve(store, one.recipe[:10])
    assert one.key in str(error.value)
    assert two.key in str(error.value)


def test_a_unit_is_that_of_the_latest_run_that_has_it_or_of_the_run_that_is_named(swept, committing):
    store, old, records = swept
    # Committed later than all, and in no run: the run still says what is meant.
    newer = committing(store, parameters={"n": 9}, outputs={"oips": b"new"}, attributes={"unit": "Conv2D_2/2"})
    assert resolve(store, "Conv2D_2/2").name == records[2].key
    run = store.open_run("sweep", {})
    run.add("Conv2D_2/2", newer, "reused")
    run.close("completed", {})
    assert resolve(store, "Conv2D_2/2").name == newer.key
    assert resolve(store, "Conv2D_2/0").name == records[0].key
    assert resolve(store, "Conv2D_2/2", run=old.id).name == records[2].key
    store.delete_ref("tonight")
    for known in (old.id, run.id):
        store.delete_run(known)
    assert resolve(store, "Conv2D_2/2").name == newer.key


def test_an_identity_leads_to_its_blob(store, committing):
    record = committing(store, "train", outputs={"checkpoint": b"weights"}, identity="1de" + "0" * 61)
    found = resolve(store, "1de000")
    assert (found.kind, found.name) == ("blob", record.output("checkpoint").digest)


def test_a_blob_of_no_record_is_found_too(store):
    digest = store.put(b"environment")
    assert resolve(store, digest[:8]).name == digest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("abc", "at least 4 characters"),
        ("0123456789", "nothing in the store"),
        ("Conv2D_2/17", "nearest names are .*Conv2D_2/1"),
        ("tonigth", "nearest names are tonight"),
        ("", "nothing in the store"),
        ("../../etc/nothing", "nothing in the store"),
        ("a\0b", "nothing in the store"),
        ("20000101-000000-abcdef", "has no run"),
    ],
)
def test_what_means_nothing_says_so(swept, text, message):
    with pytest.raises(StoreError, match=message):
        resolve(swept[0], text)


def test_a_file_that_was_changed_since_its_export_says_so(swept, tmp_path):
    exported = tmp_path / "Conv2D_2-2.png"
    exported.write_bytes(b"painted over")
    with pytest.raises(StoreError, match="did not come from the store"):
        resolve(swept[0], str(exported))


def test_a_file_of_other_bytes_is_the_latest_picture_of_the_recipe_and_role_that_it_names(swept, committing, tmp_path):
    store, _, records = swept
    again = committing(store, parameters={"n": 2}, outputs={"oips": b"2", "picture": b"nearly white"})
    assert again.recipe == records[2].recipe
    mailed = tmp_path / "mailed.jpg"
    mailed.write_bytes(b"white, but smaller")
    said = {"recipe": again.recipe, "role": "picture", "more": 1}
    found = resolve(store, str(mailed), said=lambda path: said if path == mailed else None)
    assert (found.kind, found.name, found.said) == ("blob", digest_of(b"nearly white"), said)
    assert found.artifacts == ((again, "picture"),)


def test_a_file_of_the_stores_own_bytes_is_not_asked_what_it_says(swept, tmp_path):
    exported = tmp_path / "Conv2D_2-2.png"
    exported.write_bytes(b"white")
    found = resolve(swept[0], str(exported), said=lambda path: {"recipe": "a lie", "role": "picture"})
    assert (found.name, found.said) == (digest_of(b"white"), None)


@pytest.mark.parametrize("said", [{"recipe": "0" * 64, "role": "picture"}, {"recipe": "../x"}, {"recipe": 3}, {}])
def test_a_file_that_says_what_the_store_does_not_know_is_just_a_file(swept, tmp_path, said):
    mailed = tmp_path / "mailed.png"
    mailed.write_bytes(b"of another store")
    found = resolve(swept[0], str(mailed), said=lambda _: said)
    assert (found.kind, found.name, found.artifacts) == ("file", digest_of(b"of another store"), ())
    assert found.said == said


def test_a_role_that_the_recipe_has_not_is_not_taken_for_another(swept, tmp_path):
    mailed = tmp_path / "mailed.png"
    mailed.write_bytes(b"of another store")
    said = {"recipe": swept[2][2].recipe, "role": "strip"}
    assert resolve(swept[0], str(mailed), said=lambda _: said).kind == "file"


def test_a_file_that_says_nothing_of_itself_did_not_come_from_the_store(swept, tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"the sea")
    with pytest.raises(StoreError, match="did not come from the store"):
        resolve(swept[0], str(tmp_path / "holiday.jpg"), said=lambda _: None)
