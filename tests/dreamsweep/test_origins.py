"""Lineage, of units, models and files."""

from pathlib import Path

import pytest

import dreamsweep


def tasks(trees: list) -> set[str]:
    return {node.record.task for tree in trees for node in tree.walk() if node.record is not None}


def test_a_unit_leads_back_to_its_model_and_its_data(store: dreamsweep.Store) -> None:
    assert {"oip", "register", "data"} <= tasks(dreamsweep.lineage(store, "Conv2D_2/5"))


def test_a_model_leads_down_to_all_that_was_made_with_it(store: dreamsweep.Store) -> None:
    assert {"oip", "dream", "fcps"} <= tasks(dreamsweep.lineage(store, "model/folder-df2f13f9", down=True))


def test_the_file_of_a_dream_leads_back_to_its_record_and_bare_pixels_to_none(
    store: dreamsweep.Store, tmp_path: Path
) -> None:
    dream = dreamsweep.list_dreams(store)[0]
    file = tmp_path / "dream.png"
    file.write_bytes(store.get(dream.record.output("picture").digest))
    trees = dreamsweep.lineage(store, file)
    assert trees[0].record == dream.record
    dream.picture.save(tmp_path / "bare.png")
    with pytest.raises(dreamsweep.StoreError, match="did not come from the store"):
        dreamsweep.lineage(store, tmp_path / "bare.png")


def test_a_file_of_another_store_is_named_as_such(store: dreamsweep.Store, tmp_path: Path) -> None:
    dream = dreamsweep.list_dreams(store)[0]
    file = tmp_path / "dream.png"
    file.write_bytes(store.get(dream.record.output("picture").digest))
    (tmp_path / "other" / "records").mkdir(parents=True)
    with pytest.raises(dreamsweep.StoreError, match="is not of the store"):
        dreamsweep.lineage(dreamsweep.open_store(tmp_path / "other"), file)
