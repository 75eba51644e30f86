"""What every store promises, wherever its files lie: one suite for a folder, fsspec's memory and S3."""

from datetime import timedelta

import numpy as np
import pytest

from storage import garbage, lineage
from storage.errors import BlobCorrupt, BlobMissing, StoreError
from storage.names import blob_path, record_path
from storage.recipe import Recipe
from storage.store import Store
from storage.tensors import npy_bytes
from storage.verify import verify


def test_what_was_put_is_read_again_by_its_digest(any_store):
    digest = any_store.put(b"pixels")
    assert any_store.get(digest) == b"pixels"
    assert any_store.path(digest).read_bytes() == b"pixels"
    assert any_store.put(b"pixels") == digest


@pytest.mark.parametrize("size", [0, 1, 2**20, 2**20 + 1])
def test_an_output_from_a_file_is_as_one_from_its_bytes_and_leaves_the_file(any_store, committing, tmp_path, size):
    data = np.random.default_rng(size).bytes(size)
    file = tmp_path / "activations.h5"
    file.write_bytes(data)
    by_bytes = committing(any_store, outputs={"tensors": data})
    by_file = committing(any_store, parameters={"n": 1}, outputs={"tensors": file, "again": file})
    assert by_file.output("tensors") == by_bytes.output("tensors")
    assert by_file.output("again").size == size
    assert any_store.get(by_file.output("again").digest) == data
    assert file.read_bytes() == data
    assert Store.open(any_store.root).record(by_file.key) == by_file
    assert verify(any_store).clean


def test_an_output_from_a_file_heals_a_damaged_blob(any_store, committing, tmp_path):
    file = tmp_path / "activations.h5"
    file.write_bytes(b"pixels")
    digest = committing(any_store, outputs={"tensors": file}).output("tensors").digest
    any_store.files.write(blob_path(digest), b"pixelz")
    committing(any_store, outputs={"tensors": file})
    assert any_store.get(digest) == b"pixels"


def test_a_file_that_cannot_be_read_is_named_and_nothing_is_recorded(any_store, committing, tmp_path):
    for file in (tmp_path / "none.h5", tmp_path):
        with pytest.raises(StoreError, match=str(file)):
            committing(any_store, outputs={"tensors": file})
    assert list(any_store.records()) == []
    assert not any_store.files.listing("tmp")


def test_nothing_but_bytes_of_the_digest_is_ever_read(any_store):
    digest = any_store.put(b"pixels")
    any_store.files.write(blob_path(digest), b"pixelz")
    for read in (any_store.get, any_store.path):
        with pytest.raises(BlobCorrupt, match="dreamsweep verify"):
            read(digest)


def test_putting_whole_bytes_again_heals_a_damaged_blob(any_store):
    digest = any_store.put(b"pixels")
    any_store.files.write(blob_path(digest), b"pixelz")
    any_store.put(b"pixels")
    assert any_store.get(digest) == b"pixels"


def test_a_blob_that_is_not_there_says_so(any_store):
    for read in (any_store.get, any_store.path, any_store.array):
        with pytest.raises(BlobMissing, match="run again"):
            read("0" * 64)


@pytest.mark.parametrize("rows", [3, 70_000])
def test_an_array_comes_back_read_only_and_a_large_one_mapped(any_store, rows):
    array = np.arange(4 * rows, dtype=np.float32).reshape(rows, 4)
    found = any_store.array(any_store.put(npy_bytes(array)))
    np.testing.assert_array_equal(found, array)
    assert isinstance(found, np.memmap) == (rows > 3)
    assert not found.flags.writeable


def test_a_record_reads_as_it_was_committed(any_store, committing):
    record = committing(
        any_store,
        parameters={"sizes": (1, 2), "seed": 2**63, "name": "Größe"},
        outputs={"oips": b"a", "picture": b"b"},
        inputs=[("checkpoint", "1" * 64)],
        attributes={"response": np.float32(0.5), "unit": "Conv2D_2/17"},
    )
    assert Store.open(any_store.root).record(record.key) == record
    assert list(any_store.records()) == [record]
    assert record.output("oips").attributes["response"] == 0.5


def test_two_executions_of_one_recipe_are_both_kept(any_store, committing):
    first, second = committing(any_store), committing(any_store)
    assert first.recipe == second.recipe
    assert first.key != second.key
    found = any_store.listing().find(Recipe("oip", 1, {}, {}), changes=None)
    assert found == first


def test_a_listing_finds_only_whole_results_of_the_same_code(any_store, committing):
    record = committing(any_store, outputs={"oips": b"a", "picture": b"b"}, changes="d" * 64)
    recipe = Recipe("oip", 1, {}, {})
    assert any_store.listing().find(recipe, changes="d" * 64) == record
    assert any_store.listing().find(recipe, changes=None) is None
    assert any_store.listing().find(Recipe("oip", 2, {}, {}), changes="d" * 64) is None
    any_store.files.delete(blob_path(record.output("picture").digest))
    assert any_store.listing().find(recipe, changes="d" * 64) is None


def test_a_listing_asks_the_store_once_for_blobs_and_once_for_records(any_store, committing, monkeypatch):
    for number in range(5):
        committing(any_store, parameters={"n": number})
    asked = []
    files = any_store.files
    for name in ("listing", "exists"):
        original = getattr(files, name)
        monkeypatch.setattr(
            files, name, lambda path, name=name, original=original: asked.append((name, path)) or original(path)
        )
    listing = any_store.listing()
    assert all(listing.find(Recipe("oip", 1, {"n": number}, {}), changes=None) for number in range(5))
    assert asked == [("listing", "records"), ("listing", "blobs")]


def test_a_listing_knows_what_was_added_to_it(any_store, committing):
    listing = any_store.listing()
    record = committing(any_store)
    assert listing.find(Recipe("oip", 1, {}, {}), changes=None) is None
    listing.add(record)
    assert listing.find(Recipe("oip", 1, {}, {}), changes=None) == record


def test_a_run_is_on_record_from_its_first_moment_to_its_end(any_store, committing):
    run = any_store.open_run("sweep", {"layers": None}, pins=["a" * 64])
    assert any_store.run(run.id).state == "open"
    assert any_store.run(run.id).pins == ("a" * 64,)
    run.pin(["b" * 64])
    record = committing(any_store)
    run.fail("Conv2D_2/17", "out of memory")
    run.fail("Conv2D_2/18", "out of memory")
    run.add("Conv2D_2/17", record, "computed")
    closed = run.close("failed", {"responded": 1})
    assert any_store.run(run.id) == closed
    assert closed.units["Conv2D_2/17"].record == record.key
    assert closed.failures == {"Conv2D_2/18": "out of memory"}
    assert closed.pins == ("a" * 64, "b" * 64)
    assert [found.id for found in any_store.runs()] == [run.id]


def test_refs_point_at_what_is_there(any_store, committing):
    record = committing(any_store)
    any_store.set_ref("model/mnist", f"record:{record.key}")
    assert any_store.ref("model/mnist") == f"record:{record.key}"
    run = any_store.open_run("sweep", {})
    any_store.set_ref("model/mnist", f"run:{run.id}")
    assert any_store.refs() == {"model/mnist": f"run:{run.id}"}
    any_store.delete_ref("model/mnist")
    assert any_store.refs() == {}
    for ask in (any_store.ref, any_store.delete_ref):
        with pytest.raises(StoreError, match="no ref model/mnist"):
            ask("model/mnist")
    with pytest.raises(StoreError, match="no such thing"):
        any_store.set_ref("model/mnist", f"record:{'0' * 64}/{'0' * 32}")


def test_verify_names_what_is_damaged_and_what_is_gone_and_sets_the_damaged_aside(any_store, committing):
    record = committing(any_store, outputs={"oips": b"whole", "picture": b"bad", "curve": b"gone"})
    whole, bad, gone = (output.digest for output in record.outputs)
    any_store.files.write(blob_path(bad), b"bat")
    any_store.files.delete(blob_path(gone))
    any_store.put(b"nobody's")
    report = verify(any_store)
    assert report.corrupt == [bad]
    assert report.missing == [gone]
    assert report.orphans == 1
    assert report.unindexed == 0
    assert report.checked == 4
    assert any_store.files.read(f"{report.quarantine}/{blob_path(bad)}") == b"bat"
    assert any_store.get(whole) == b"whole"
    assert verify(any_store).missing == sorted([bad, gone])
    committing(any_store, outputs={"oips": b"whole", "picture": b"bad", "curve": b"gone"})
    assert verify(any_store).clean


def test_a_damaged_record_is_not_used_and_set_aside(any_store, committing):
    record = committing(any_store)
    data = any_store.files.read(record_path(record.key))
    any_store.files.write(record_path(record.key), data.replace(b"here", b"hero"))
    with pytest.raises(StoreError, match="dreamsweep verify"):
        any_store.record(record.key)
    assert any_store.listing().find(Recipe("oip", 1, {}, {}), changes=None) is None
    assert list(any_store.records()) == []
    assert verify(any_store).corrupt == [f"record:{record.key}"]
    assert verify(any_store).clean


def test_garbage_goes_by_the_trash_and_what_is_in_use_stays(any_store, committing):
    data = committing(any_store, "data", outputs={"train_imgs": b"images"})
    kept = committing(any_store, outputs={"oips": b"kept"}, inputs=[("data", data.output("train_imgs").digest)])
    dropped = committing(any_store, parameters={"n": 1}, outputs={"oips": b"dropped"})
    any_store.set_ref("tonight", f"record:{kept.key}")
    plan = garbage.plan(any_store, timedelta(0))
    assert plan.records == (dropped.key,)
    assert plan.blobs == (dropped.output("oips").digest,)
    assert sorted(record.key for record in any_store.records()) == sorted([data.key, kept.key, dropped.key])
    assert garbage.collect(plan).records == (dropped.key,)
    assert sorted(record.key for record in any_store.records()) == sorted([data.key, kept.key])
    with pytest.raises(BlobMissing):
        any_store.get(dropped.output("oips").digest)
    trash = any_store.files.listing("trash")
    assert any(path.endswith(blob_path(dropped.output("oips").digest)) for path in trash)
    report = verify(any_store)
    assert report.clean
    assert report.unindexed == 0


def test_reindex_brings_back_an_equal_index(any_store, committing):
    for number in range(4):
        committing(any_store, parameters={"n": number}, attributes={"unit": f"Conv2D_1/{number}"}, identity="e" * 64)
    contents = any_store.index.contents()
    any_store.index.close()
    (any_store.files.local / "index.sqlite").unlink()
    assert verify(any_store).unindexed == 4
    assert any_store.reindex() == 4
    assert any_store.index.contents() == contents
    assert verify(any_store).unindexed == 0


def test_lineage_goes_both_ways(any_store, committing):
    trained = committing(any_store, "train", outputs={"checkpoint": b"weights"})
    checkpoint = trained.output("checkpoint").digest
    oip = committing(any_store, outputs={"oips": b"pixels"}, inputs=[("checkpoint", checkpoint)])
    (tree,) = lineage.up(any_store, oip.output("oips").digest)
    assert [(node.role, node.output, node.record) for node in tree.walk()] == [
        (None, "oips", oip),
        ("checkpoint", "checkpoint", trained),
    ]
    (tree,) = lineage.down(any_store, checkpoint)
    assert (tree.role, tree.record) == ("checkpoint", oip)
