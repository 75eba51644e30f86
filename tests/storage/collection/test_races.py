"""What comes into use while a collection is at work: each falls at the moment at which it does the most harm."""

import threading
from datetime import timedelta

import pytest

from storage import garbage
from storage.recipe import Recipe
from storage.store import Store
from storage.verify import verify

NOW = timedelta(0)
UNITS = 3


@pytest.fixture
def writer(any_store) -> Store:
    """The same store, as another machine has it open."""
    return Store.open(any_store.root)


def commit_units(committing, store, run=None):
    return [
        committing(store, parameters={"n": number}, outputs={"oips": bytes([number])}, run=run)
        for number in range(UNITS)
    ]


def meanwhile(store, happens, *, before: int = 1):
    """Collect garbage; something `happens` at the moment before this move of a file."""
    move, moves = store.files.move, []

    def moving(path, to):
        moves.append(path)
        if len(moves) == before:
            happens()
        move(path, to)

    plan = garbage.plan(store, NOW)
    store.files.move = moving
    done = garbage.collect(plan)
    store.files.move = move
    assert len(moves) >= before
    return done


@pytest.mark.parametrize(
    ("root", "before"), [("memory", 1), ("memory", UNITS), ("memory", 2 * UNITS), ("s3", UNITS)], indirect=["root"]
)
def test_a_sweep_that_makes_again_what_is_being_collected_loses_nothing(any_store, writer, committing, before):
    old = commit_units(committing, any_store)
    run, made = [], []

    def sweep():
        run.append(writer.open_run("sweep", {}, pins=[record.recipe for record in old]))
        made.extend(commit_units(committing, writer, run[0].id))
        for number, record in enumerate(made):
            run[0].add(f"Conv2D_1/{number}", record, "computed")
        run[0].close("completed", {})

    meanwhile(any_store, sweep, before=before)
    there = {record.key for record in writer.records()}
    assert {record.key for record in made} <= there
    assert verify(writer).clean


@pytest.mark.parametrize(("root", "before"), [("memory", 1), ("memory", UNITS + 1), ("s3", 1)], indirect=["root"])
def test_a_sweep_that_reuses_what_is_being_collected_has_it_in_the_end(any_store, writer, committing, before):
    old = commit_units(committing, any_store)
    reused = []

    def sweep():
        run = writer.open_run("sweep", {}, pins=[record.recipe for record in old])
        listing = writer.listing()
        for number in range(UNITS):
            found = listing.find(Recipe("oip", 1, {"n": number}, {}), changes=None)
            if found:
                run.add(f"Conv2D_1/{number}", found, "reused")
                reused.append(found.key)
        run.close("completed", {})

    done = meanwhile(any_store, sweep, before=before)
    assert len(reused) == (UNITS if before == 1 else 0)
    assert set(done.records) == {record.key for record in old} - set(reused)
    assert {record.key for record in writer.records()} == set(reused)
    assert verify(writer).clean


@pytest.mark.parametrize("root", ["memory", "s3"], indirect=True)
def test_blobs_that_are_taken_between_their_writing_and_their_record_are_put_back_by_the_commit(
    any_store, writer, committing, monkeypatch
):
    dead = committing(any_store, outputs={"oips": b"black"})
    run = writer.open_run("sweep", {})
    stored, collected = threading.Event(), threading.Event()
    made, write = [], writer.files.write

    def written_late(path, data):
        if path.startswith("records/"):
            stored.set()
            collected.wait()
        write(path, data)

    monkeypatch.setattr(writer.files, "write", written_late)
    commit = threading.Thread(target=lambda: made.append(committing(writer, outputs={"oips": b"black"}, run=run.id)))
    try:
        done = meanwhile(any_store, lambda: (commit.start(), stored.wait()), before=2)
    finally:
        collected.set()
    commit.join()
    assert set(done.blobs) == dead.own_blobs()
    assert verify(writer).clean
    assert writer.get(made[0].output("oips").digest) == b"black"


def test_what_a_collection_took_that_was_killed_is_back_after_the_next_if_it_is_needed(
    any_store, committing, monkeypatch
):
    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    def kill():
        # Nothing that the process would have done after this moment is done.
        for name in ("write", "delete", "listing", "read_many"):
            patch.setattr(any_store.files, name, killed)
        raise Killed

    data = committing(any_store, "data", outputs={"train_imgs": b"images"})
    needed = committing(any_store, outputs={"oips": b"a"}, inputs=[("data", data.output("train_imgs").digest)])
    committing(any_store, parameters={"n": 1}, outputs={"oips": b"b"})
    with monkeypatch.context() as patch, pytest.raises(Killed):
        meanwhile(any_store, kill, before=6)
    assert not list(any_store.records())
    run = any_store.open_run("sweep", {})
    run.add("Conv2D_1/0", needed, "reused")
    plan = garbage.plan(any_store, NOW)
    assert not plan.empty
    garbage.collect(plan)
    assert {record.key for record in any_store.records()} == {needed.key, data.key}
    assert verify(any_store).clean
    assert garbage.plan(any_store, NOW).returning == ()
