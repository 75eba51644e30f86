"""From a function that obtains a record to a Prefect task: what all tasks have in common."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed

from storage.store import Record

P = ParamSpec("P")


def key_of(state: State[Any]) -> str:
    """The key of the record that a task run came to. Raises what the task raised."""
    return str(state.result(raise_on_failure=True))


def recorded(name: str, *, run_name: str) -> Callable[[Callable[P, tuple[Record, bool]]], "Task[P, Any]"]:
    """Make a task of a function that returns a record, and whether it was there already.

    The task's result is the record's key; its state is named `Reused` where nothing was computed. Prefect keeps no
    result and asks no cache of its own: it cannot know whether a picture still exists, the store does.

    Args:
        name: of the task.
        run_name: of its runs, with the parameters' names in braces.
    """

    def make(function: Callable[P, tuple[Record, bool]]) -> "Task[P, Any]":
        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> State[str]:
            record, reused = function(*args, **kwargs)
            return Completed(name="Reused" if reused else "Completed", data=record.key)

        return task(name=name, task_run_name=run_name, persist_result=False, cache_policy=NO_CACHE)(run)

    return make
