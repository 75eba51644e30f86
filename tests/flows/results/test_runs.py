"""What is known of runs that did not come to their end."""

from typing import Any

from flows.results.runs import list_runs
from storage.record import NewOutput, Record
from storage.store import Store


def grown(committing: Any, store: Store, index: int, run: str) -> Record:
    """The record of a unit that a run has stored."""
    about = {"unit": f"Conv2D_1/{index}", "verdict": "responded" if index else "dead"}
    output = NewOutput("oips", f"{index}".encode(), "oips", "application/x-npy", attributes=about)
    record: Record = committing(store, "oip", {"unit": f"Conv2D_1/{index}"}, [output], run=run)
    return record


def test_of_a_run_that_crashed_all_is_counted_that_it_had_stored(small: Any, committing: Any) -> None:
    store = small.store
    run = store.open_run("oip-sweep", {"model": "model/latest"})
    for index in range(5):
        record = grown(committing, store, index, run.id)
        if index < 2:  # the others were stored in the last seconds, before it wrote down that it has them
            run.add(f"Conv2D_1/{index}", record, "computed")
    run._write()
    other = store.open_run("oip-sweep", {"model": "model/latest"})
    (noted, before) = list_runs(store)[1], list_runs(store)[2]
    assert (noted["run"], noted["computed"]) == (run.id, 5)  # while it is open, too
    store.close_crashed(run.id, "it was killed")
    known = {one["run"]: one for one in list_runs(store)}
    crashed = known[run.id]
    assert (crashed["state"], crashed["computed"], crashed["reused"]) == ("crashed", 5, 0)
    assert crashed["verdicts"] == {"dead": 1, "responded": 4}
    assert known[other.id]["computed"] == 0
    assert known[small.sweep] == before  # a run that has ended has said all of itself


def test_a_run_that_crashed_is_shown_with_the_verdicts_of_all_that_it_had_stored(
    small: Any, committing: Any, cli: Any
) -> None:
    run = small.store.open_run("oip-sweep", {"model": "model/latest"})
    for index in range(3):
        grown(committing, small.store, index, run.id)
    small.store.close_crashed(run.id, "it was killed")
    code, out, _ = cli("show", run.id, "--store", small.root)
    assert code == 0
    assert "3 computed, 0 reused" in out
    assert "Conv2D_1" in out
