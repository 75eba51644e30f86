"""From a function that obtains a record to a Prefect task: what all tasks have in common."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import Completed

from lib.deadline import OutOfTime
from storage.store import Record
from tasks.session.transient import transient

P = ParamSpec("P")

RETRY_DELAYS = [2.0, 10.0]
"""Seconds to wait before each further attempt at what failed for a reason that time may mend."""


def key_of(state: State[Any]) -> str:
    """The key of the record that a task run came to. Raises what the task raised, and OutOfTime."""
    if state.name == PARTIAL:
        raise OutOfTime(state.message or "")
    return str(state.result(raise_on_failure=True))


PARTIAL = "Partial"
"""The name of the state in which ends, as it should, what ran out of time."""


def stored_task(function: Callable[P, State[Any]], name: str, *, run_name: str) -> "Task[P, Any]":
    """A Prefect task around a function that finds in the store what is there, and tolerates its own partial output.

    Prefect keeps no result and asks no cache of its own: it cannot know whether a picture still exists, the store does.
    What fails for a reason that time may mend is tried again, what does not is not.

    Args:
        name: of the task.
        run_name: of its runs, with the parameters' names in braces.
    """

    def again(_: Any, __: TaskRun, state: State[Any]) -> bool:
        error = state.result(raise_on_failure=False)
        return isinstance(error, BaseException) and transient(error)

    return task(
        name=name,
        task_run_name=run_name,
        persist_result=False,
        cache_policy=NO_CACHE,
        retries=len(RETRY_DELAYS),
        retry_delay_seconds=RETRY_DELAYS,
        retry_jitter_factor=0.5,
        retry_condition_fn=again,
    )(function)


def recorded(name: str, *, run_name: str) -> Callable[[Callable[P, tuple[Record, bool]]], "Task[P, Any]"]:
    """Make a `stored_task` of a function that returns a record, and whether it was there already.

    The task's result is the record's key; its state is named `Reused` where nothing was computed.
    """

    def make(function: Callable[P, tuple[Record, bool]]) -> "Task[P, Any]":
        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> State[str]:
            try:
                record, reused = function(*args, **kwargs)
            except OutOfTime as late:
                return Completed(name=PARTIAL, message=str(late))
            return Completed(name="Reused" if reused else "Completed", data=record.key)

        return stored_task(run, name, run_name=run_name)

    return make
