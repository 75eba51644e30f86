"""Runs."""

import threading
from types import SimpleNamespace

import pytest

from flows.results.runs import SILENCE
from storage import runs
from storage.document import digest_of, seal, unseal
from storage.errors import StoreError
from storage.names import RUN, run_path


def test_ids_sort_by_time_and_tell_runs_of_one_second_apart(store):
    ids = [store.open_run("sweep", {}).id for _ in range(5)]
    assert all(RUN.fullmatch(run) for run in ids)
    assert len(set(ids)) == 5
    assert [run.id for run in store.runs()] == ids
    assert sorted(ids, key=lambda run: run[:15]) == ids


def test_a_killed_run_stays_open_and_what_it_had_is_on_record(store, committing, monkeypatch):
    monkeypatch.setattr(runs, "SECONDS_BETWEEN_WRITES", 0)
    monkeypatch.setattr(runs, "BYTES_A_SECOND", float("inf"))
    run = store.open_run("sweep", {"seed": 7})
    run.add("Conv2D_1/0", committing(store), "reused")
    found = store.run(run.id)
    assert (found.state, found.closed) == ("open", None)
    assert found.units["Conv2D_1/0"].how == "reused"
    assert found.parameters == {"seed": 7}


def test_a_run_of_many_units_is_not_written_once_a_unit(store, committing, monkeypatch):
    record = committing(store)
    run = store.open_run("sweep", {})
    written = []
    original = store.files.write
    monkeypatch.setattr(store.files, "write", lambda path, data: (written.append(path), original(path, data)))
    for number in range(200):
        run.add(f"Conv2D_1/{number}", record, "computed")
    assert len(written) <= 2
    run.close("completed", {})
    assert len(store.run(run.id).units) == 200


def test_what_a_run_of_ten_thousand_units_writes_in_ten_hours_is_less_than_its_records(store, committing, monkeypatch):
    units, hours = 10_000, 10
    record = committing(store)
    written = []
    original = store.files.write
    monkeypatch.setattr(store.files, "write", lambda path, data: (written.append(len(data)), original(path, data)))
    clock = [0.0]
    monkeypatch.setattr(runs, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    pins = [digest_of(b"%d" % number) for number in range(units)]
    run = store.open_run("sweep", {}, pins)
    for number in range(units):
        clock[0] += hours * 3600 / units
        run.add(f"Conv2D_1/{number}", record, "computed")
        if number == 500:
            assert len(store.run(run.id).units) > 400  # half an hour later it is known what there was
    lost = units - len(store.run(run.id).units)
    assert lost <= units / hours * runs.LONGEST_SECONDS / 3600
    closed = run.close("completed", {})
    assert len(store.run(run.id).units) == len(closed.units) == units
    assert sum(written) < hours * 3600 * runs.BYTES_A_SECOND * 1.1
    assert sum(written) / units < 20_000


def test_a_run_that_goes_on_is_heard_of_before_it_counts_as_dead_however_large_it_is():
    assert runs.LONGEST_SECONDS < SILENCE


def test_what_many_runs_name_is_held_once(store, committing):
    record = committing(store)
    for _ in range(2):
        run = store.open_run("sweep", {}, pins=[record.recipe])
        run.add("Conv2D_1/0", record, "reused")
        run.close("completed", {})
    one, other = store.runs()
    assert next(iter(one.units)) is next(iter(other.units))
    assert one.units["Conv2D_1/0"].record is other.units["Conv2D_1/0"].record
    assert one.pins[0] is other.pins[0]


def test_many_threads_may_add_to_a_run(store, committing):
    record = committing(store)
    run = store.open_run("sweep", {})

    def work(seed: int) -> None:
        for number in range(100):
            run.add(f"Conv2D_{seed}/{number}", record, "computed")

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(run.close("completed", {}).units) == 400


def test_a_closed_run_takes_nothing_more(store, committing):
    record = committing(store)
    run = store.open_run("sweep", {})
    run.close("completed", {})
    with pytest.raises(StoreError, match="is closed"):
        run.add("Conv2D_1/0", record, "computed")
    with pytest.raises(StoreError, match="is closed"):
        run.fail("Conv2D_1/0", "late")


def test_a_run_whose_process_died_is_closed_as_crashed_with_what_it_had(store, committing):
    run = store.open_run("sweep", {"seed": 7}, pins=["ab" * 32])
    assert store.close_crashed(run.id, "its process was killed")
    found = store.run(run.id)
    assert (found.state, found.summary) == ("crashed", {"error": "its process was killed"})
    assert found.closed is not None
    assert (found.parameters, found.opened) == ({"seed": 7}, store.runs()[0].opened)


def test_a_run_that_was_closed_is_not_closed_as_crashed(store):
    run = store.open_run("sweep", {})
    closed = run.close("completed", {"layers": []})
    assert not store.close_crashed(run.id, "its process was killed")
    assert store.run(run.id) == closed


def test_a_damaged_run_is_named_and_hides_no_other(store, caplog):
    whole, damaged = store.open_run("sweep", {}), store.open_run("sweep", {})
    store.files.write(run_path(damaged.id), b'{"id":')
    assert [run.id for run in store.runs()] == [whole.id]
    assert damaged.id in caplog.text
    with pytest.raises(StoreError, match="dreamsweep verify"):
        store.run(damaged.id)


def test_a_run_that_a_ref_points_at_is_not_deleted(store):
    run = store.open_run("sweep", {})
    store.set_ref("tonight", f"run:{run.id}")
    with pytest.raises(StoreError, match="tonight"):
        store.delete_run(run.id)
    store.delete_ref("tonight")
    store.delete_run(run.id)
    assert store.runs() == []
    assert any(path.endswith(run_path(run.id)) for path in store.files.listing("trash"))
    with pytest.raises(StoreError, match="has no run"):
        store.delete_run(run.id)


def test_a_pin_is_the_digest_of_a_recipe(store):
    with pytest.raises(StoreError, match="cannot pin"):
        store.open_run("sweep", {}, pins=["Conv2D_1/0"])


def test_units_say_their_kind_and_those_of_earlier_versions_have_it_from_their_records(store, committing):
    record = committing(store)
    run = store.open_run("sweep", {})
    run.add("Conv2D_1/0", record, "computed")
    run.fail("Conv2D_1/1", "no luck", record.task)
    new = run.close("completed", {})
    assert (new.units["Conv2D_1/0"].kind, new.failed_kinds) == (record.task, {"Conv2D_1/1": record.task})
    document = unseal(store.files.read(run_path(run.id)))
    for unit in document["units"].values():
        del unit["kind"]
    del document["failed_kinds"]
    document["units"]["gone"] = {"record": f"{'0' * 64}/{'0' * 32}", "how": "reused"}
    store.files.write(run_path(run.id), seal(document, "a run of an earlier version"))
    for old in (store.run(run.id), *store.runs()):
        assert {unit: result.kind for unit, result in old.units.items()} == {"Conv2D_1/0": record.task, "gone": None}
        assert old.failures == {"Conv2D_1/1": "no luck"}
        assert old.failed_kinds is None
