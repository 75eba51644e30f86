"""What a run leaves in its store, however it ends."""

from datetime import timedelta
from typing import Any

import pytest

from lib import stop
from lib.errors import BadInput
from storage import garbage
from storage.store import NewOutput, Recipe, Store
from tasks.session.session import Session, session, session_of

RECIPE = Recipe("picture", 1, {"unit": "Conv2D_1/0"}, {})


def obtained(open_session: Session, calls: list[int] | None = None) -> tuple[Any, bool]:
    """The record of a picture, counted where it is computed."""

    def compute() -> tuple[list[NewOutput], list[Any]]:
        if calls is not None:
            calls.append(1)
        return [NewOutput("picture", b"png", "picture", "image/png")], []

    return open_session.obtain(RECIPE, compute, unit="Conv2D_1/0")


def test_what_is_there_is_not_computed_again(store: Store) -> None:
    calls: list[int] = []
    with session(store.root, "test", {}) as first:
        made, reused = obtained(first, calls)
        assert not reused
        assert obtained(first, calls) == (made, True)
        first.run.close("completed", {})
    with session(store.root, "test", {}) as second:
        assert obtained(second, calls) == (made, True)
        closed = second.run.close("completed", {})
    assert len(calls) == 1
    assert closed.units["Conv2D_1/0"].how == "reused"


def test_bad_input_that_is_noticed_before_anything_is_made_leaves_no_run(store: Store) -> None:
    with session(store.root, "test", {}) as first:
        obtained(first)
        kept = first.run.close("completed", {})
    with pytest.raises(BadInput), session(store.root, "test", {}) as second:  # noqa: PT012
        obtained(second)  # only looked up
        raise BadInput("no layer 'Conv2D_9'")
    assert store.runs() == [kept]


@pytest.mark.parametrize("problem", [KeyboardInterrupt(), stop.Stopped()])
def test_a_run_that_was_told_to_stop_is_kept_as_interrupted(store: Store, problem: BaseException) -> None:
    with pytest.raises(type(problem)), session(store.root, "test", {}) as broken:  # noqa: PT012
        obtained(broken)
        raise problem
    (run,) = store.runs()
    assert (run.state, run.summary) == ("interrupted", {"error": "it was told to stop"})
    assert len(run.units) == 1


def test_a_run_that_is_told_to_stop_while_the_store_is_listed_is_kept_as_interrupted(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(_: Store) -> None:
        raise stop.Stopped

    monkeypatch.setattr(Store, "listing", stopped)
    with pytest.raises(stop.Stopped), session(store.root, "test", {}):
        pytest.fail("the session is open")
    (run,) = store.runs()
    assert run.state == "interrupted"


@pytest.mark.parametrize("problem", [BadInput("too late"), RuntimeError("no memory")])
def test_a_run_that_made_something_and_broke_is_kept_as_failed(store: Store, problem: BaseException) -> None:
    with pytest.raises(type(problem)), session(store.root, "test", {}) as broken:  # noqa: PT012
        obtained(broken)
        raise problem
    (run,) = store.runs()
    assert run.state == "failed"
    assert run.summary["error"] == str(problem)
    assert set(run.units) == {"Conv2D_1/0"}


def test_a_session_ends_with_its_run(open_session: Session, store: Store) -> None:
    assert session_of(open_session.run.id) is open_session
    with pytest.raises(ValueError, match="broken"), session(store.root, "test", {}) as other:
        raise ValueError("broken")
    with pytest.raises(RuntimeError, match="not open in this process"):
        session_of(other.run.id)


def test_what_was_collected_before_it_was_pinned_is_not_counted_on(store: Store) -> None:
    with session(store.root, "test", {}) as first:
        old, _ = obtained(first)
        first.run.close("completed", {})
    with session(store.root, "test", {}) as second:
        assert second.find(RECIPE) == old
        store.delete_run(first.run.id)
        garbage.collect(garbage.plan(store, timedelta(0)))
        second.pin([RECIPE])
        new, reused = obtained(second)
        assert not reused
        garbage.collect(garbage.plan(store, timedelta(0)))
        assert store.get(new.output("picture").digest) == b"png"
        second.run.close("completed", {})


def test_provenance_names_run_code_and_environment(open_session: Session, store: Store) -> None:
    record, _ = obtained(open_session)
    assert record.provenance.run == open_session.run.id
    assert set(record.provenance.code) == {"commit", "changes", "sources"}
    assert b'"tensorflow"' in store.get(record.provenance.environment)
