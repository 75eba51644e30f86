"""From a function that obtains a record to a Prefect task: what all tasks have in common."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import Completed, Failed

from lib.deadline import OutOfTime
from lib.errors import BadInput
from lib.printable import printable
from storage.errors import StoreUnusable
from storage.store import Record
from tasks.session.damage import gone_of
from tasks.session.session import session_of
from tasks.session.transient import store_unusable, transient

P = ParamSpec("P")
R = TypeVar("R")

RETRY_DELAYS = [2.0, 10.0]
"""Seconds to wait before each further attempt at what failed for a reason that time may mend."""


def key_of(state: State[str]) -> str:
    """The key of the record that a task run came to. Raises what the task raised, and OutOfTime."""
    if state.name == PARTIAL:
        raise OutOfTime(state.message or "")
    return str(state.result(raise_on_failure=True))


def unusable_store(state: State[R]) -> StoreUnusable | None:
    """Why a run ended so, where that stops every other as well: the store cannot be used."""
    error = state.result(raise_on_failure=False)
    return store_unusable(error) if isinstance(error, BaseException) else None


PARTIAL = "Partial"
"""The name of the state in which ends, as it should, what ran out of time."""


def stored_task(function: Callable[P, State[R]], name: str, *, run_name: str) -> "Task[P, R]":
    """A Prefect task around a function that finds in the store what is there, and tolerates its own partial output.

    Prefect keeps no result and asks no cache of its own: it cannot know whether a picture still exists, the store does.
    What fails for a reason that time may mend is tried again, what does not is not. Bad input ends it as failed, in one
    line.

    Args:
        name: of the task.
        run_name: of its runs, with the parameters' names in braces.
    """

    def should_retry(_: "Task[..., R]", __: TaskRun, state: State[R]) -> bool:
        error = state.result(raise_on_failure=False)
        return isinstance(error, BaseException) and transient(error)

    takes = inspect.signature(function)

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> State[R]:
        try:
            return function(*args, **kwargs)
        except BadInput as problem:
            # raised, it would stand in the log with a traceback, where its one line says what to change
            return Failed(message=printable(problem), data=problem)
        except Exception as error:
            if (gone := gone_of(error)) is not None:
                session_of(str(takes.bind(*args, **kwargs).arguments["run"])).meet(gone)
            raise

    made: Any = task(  # its result is what is in the state, which Prefect's types do not know
        name=name,
        task_run_name=run_name,
        persist_result=False,
        cache_policy=NO_CACHE,
        retries=len(RETRY_DELAYS),
        retry_delay_seconds=RETRY_DELAYS,
        retry_jitter_factor=0.5,
        retry_condition_fn=should_retry,
    )(run)
    task_of_result: Task[P, R] = made
    return task_of_result


def record_task(name: str, *, run_name: str) -> Callable[[Callable[P, tuple[Record, bool]]], "Task[P, str]"]:
    """Make a `stored_task` of a function that returns a record, and whether it was there already.

    The task's result is the record's key; its state is named `Reused` where nothing was computed.
    """

    def make(function: Callable[P, tuple[Record, bool]]) -> "Task[P, str]":
        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> State[str]:
            try:
                record, reused = function(*args, **kwargs)
            except OutOfTime as late:
                return Completed(name=PARTIAL, message=str(late))
            return Completed(name="Reused" if reused else "Completed", data=record.key)

        return stored_task(run, name, run_name=run_name)

    return make
