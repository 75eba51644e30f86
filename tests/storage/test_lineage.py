"""What made a picture, and what depends on it."""

import pytest

from storage import lineage
from storage.errors import StoreError


def labels(nodes):
    return [
        (node.record.task if node.record else None, node.role, node.output, node.repeated)
        for root in nodes
        for node in root.walk()
    ]


def test_two_units_that_yield_the_same_picture_are_two_artifacts(store, committing):
    one = committing(store, parameters={"n": 1}, outputs={"picture": b"black"})
    two = committing(store, parameters={"n": 2}, outputs={"picture": b"black"})
    trees = lineage.up(store, one.output("picture").digest)
    assert [tree.record for tree in trees] == [one, two]
    (tree,) = lineage.up(store, two.key)
    assert tree.record == two


def test_the_picture_of_the_same_bytes_does_not_hide_what_depends_on_a_checkpoint(store, committing):
    checkpoint = committing(store, "train", outputs={"checkpoint": b"weights"}).output("checkpoint").digest
    made = [
        committing(store, parameters={"n": n}, outputs={"picture": b"black"}, inputs=[("checkpoint", checkpoint)])
        for n in range(3)
    ]
    assert [tree.record for tree in lineage.down(store, checkpoint)] == made


def test_each_tree_upwards_is_whole_and_within_it_nothing_stands_twice(store, committing):
    data = committing(store, "data", outputs={"train_imgs": b"images"})
    digest = data.output("train_imgs").digest
    trained = committing(store, "train", outputs={"checkpoint": b"weights"}, inputs=[("data", digest)])
    read = [("checkpoint", trained.output("checkpoint").digest), ("data", digest)]
    one = committing(store, parameters={"n": 1}, outputs={"picture": b"black"}, inputs=read)
    committing(store, parameters={"n": 2}, outputs={"picture": b"black"}, inputs=read)
    tree = [
        ("oip", None, "picture", False),
        ("train", "checkpoint", "checkpoint", False),
        ("data", "data", "train_imgs", False),
        ("data", "data", "train_imgs", True),
    ]
    assert labels(lineage.up(store, one.output("picture").digest)) == tree * 2


def test_a_layer_that_gathers_its_maps_is_found_below_the_checkpoint(store, committing):
    trained = committing(store, "train", outputs={"checkpoint": b"weights"})
    maps = [
        committing(
            store,
            parameters={"n": n},
            outputs={"oips": bytes([n])},
            inputs=[("checkpoint", trained.output("checkpoint").digest)],
        )
        for n in range(2)
    ]
    committing(
        store,
        "layer",
        outputs={"sheet": b"sheet"},
        inputs=[(f"map/{m}", r.output("oips").digest) for m, r in enumerate(maps)],
    )
    assert labels(lineage.down(store, trained.key)) == [
        ("train", None, None, False),
        ("oip", "checkpoint", "checkpoint", False),
        ("layer", "map/0", "oips", False),
        ("oip", "checkpoint", "checkpoint", False),
        ("layer", "map/1", "oips", True),
    ]


def test_two_executions_of_one_recipe_are_one_parent(store, committing):
    for _ in range(2):
        data = committing(store, "data", outputs={"train_imgs": b"images"})
    trained = committing(store, "train", inputs=[("data", data.output("train_imgs").digest)])
    assert labels(lineage.up(store, trained.key)) == [
        ("train", None, None, False),
        ("data", "data", "train_imgs", False),
    ]


def test_what_no_record_made_is_named_by_its_digest(store, committing):
    record = committing(store, inputs=[("file", "f" * 64)])
    (tree,) = lineage.up(store, record.key)
    assert [(node.digest, node.record) for node in tree.children] == [("f" * 64, None)]
    (tree,) = lineage.up(store, "e" * 64)
    assert (tree.digest, tree.record) == ("e" * 64, None)
    assert lineage.down(store, "e" * 64) == []
    with pytest.raises(StoreError):
        lineage.up(store, f"{'e' * 64}/{'e' * 32}")


def test_an_execution_that_gives_back_what_it_read_does_not_go_round(store, committing):
    first = committing(store, "data", outputs={"train_imgs": b"images"})
    digest = first.output("train_imgs").digest
    copy = committing(store, "copy", outputs={"train_imgs": b"images"}, inputs=[("data", digest)])
    assert labels(lineage.up(store, copy.key)) == [("copy", None, None, False), ("data", "data", "train_imgs", False)]
    assert labels(lineage.down(store, first.key)) == [
        ("data", None, None, False),
        ("copy", "data", "train_imgs", False),
    ]


@pytest.mark.heavy
def test_a_training_of_a_thousand_epochs_has_a_lineage(store, committing, monkeypatch):
    monkeypatch.setattr("storage.local_files._fsync", lambda _folder: None)
    monkeypatch.setattr("os.fsync", lambda _handle: None)
    digest = "0" * 64
    for epoch in range(1100):
        record = committing(store, "train", {"epoch": epoch}, {"checkpoint": b"%d" % epoch}, inputs=[("last", digest)])
        digest = record.output("checkpoint").digest
    (tree,) = lineage.up(store, digest)
    assert sum(1 for _ in tree.walk()) == 1101
