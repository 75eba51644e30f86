"""Reading everything again."""

import pytest

from storage import verify as module
from storage.names import blob_path, ref_path, run_path
from storage.verify import verify


def test_a_blob_that_a_commit_mended_meanwhile_is_not_set_aside(store, committing, monkeypatch):
    record = committing(store)
    # What was read before the commit put whole bytes there.
    monkeypatch.setattr(module, "_digest", lambda _files, _path: "")
    assert verify(store).corrupt == []
    assert store.get(record.output("oips").digest) == b"pixels"


def test_damaged_runs_and_refs_are_set_aside_and_a_ref_without_its_target_is_named(store, committing):
    record, run = committing(store), store.open_run("sweep", {})
    store.set_ref("best", f"record:{record.key}")
    store.set_ref("damaged", f"record:{record.key}")
    store.files.write(ref_path("damaged"), b"{}")
    store.files.write(run_path(run.id), b"{}")
    store.files.delete(f"records/{record.key}.json")
    report = verify(store)
    assert report.corrupt == [f"run:{run.id}", "ref:damaged"]
    assert report.missing == [f"record:{record.key}"]
    assert store.refs() == {"best": f"record:{record.key}"}


@pytest.mark.parametrize("size", [0, 1])
def test_a_torn_blob_is_found(store, committing, size):
    digest = committing(store).output("oips").digest
    store.files.write(blob_path(digest), b"pixels"[:size])
    assert verify(store).corrupt == [digest]
