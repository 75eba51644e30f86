"""How a flow run ends: what went wrong stands first in its state, and time that ran out is no failure."""

import functools
from collections.abc import Callable, Collection, Sequence
from typing import Any, ParamSpec, TypeVar, overload

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.results.summaries import RunSummary
from lib.deadline import OutOfTime
from lib.errors import BadInput
from lib.printable import printable
from storage.errors import StoreError
from tasks.session.recorded import PARTIAL

P = ParamSpec("P")
R = TypeVar("R")
Summary = TypeVar("Summary", bound=RunSummary)


SKIPPED = "Skipped"
"""The name of the state of a flow run that was not begun: `Cancelled`, where nobody was there to run it in time or its
schedule was turned off, or `Completed`, as another one was under way that does the same."""


@overload
def end_in_states(function: Callable[P, State[R]]) -> Callable[P, R]: ...
@overload
def end_in_states(function: Callable[P, R]) -> Callable[P, R]: ...
def end_in_states(function: Callable[P, State[R] | R]) -> Callable[P, R]:
    """The flow function, ending in states that say at once what happened.

    Bad input and an unusable store are `Failed` with their own message, instead of one that says where they were
    raised; whoever calls the flow directly still gets the error itself. What ran out of time is `Completed`, named
    `Partial`.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> Any:
        try:
            return function(*args, **kwargs)
        except (BadInput, StoreError) as problem:
            return Failed(message=printable(problem), data=problem)
        except OutOfTime as late:
            return end_partial(f"{late}; the next run goes on from there")

    return run


def end_partial(message: str, data: R | None = None) -> State[R]:
    """How a run ends, as it should, with work left."""
    return Completed(name=PARTIAL, message=message, data=data)


def end_run(
    summary: Summary,
    what: str,
    total: int,
    failed: Callable[[str], Exception],
    *,
    besides: Collection[str] = (),
    waiting: Sequence[str] = (),
    passed_over: Collection[str] = (),
    note: str = "",
) -> State[Summary]:
    """How a run ends by its summary.

    Args:
        what: is made, as "maps"; `total` of them were to be.
        failed: the error, from its message, that whoever calls the flow directly gets where some failed.
        besides: those of the failures that are none of `what`.
        waiting: what else is left to the next run.
        passed_over: those of the failures because of which nothing fails.
        note: what else there is to say.
    """
    left = summary["left"]
    failures = [name for name in summary["failures"] if name not in besides and name not in passed_over]
    to_come = [*([f"{left} of {total} {what}"] if left else []), *waiting]
    rest = f"{few(to_come)} are left; the next run goes on with them" if to_come else ""
    if failures or besides:
        said = [f"{len(failures)} of {total} {what} failed: {few(failures)}"] if failures else []
        said += [f"failed: {few(list(besides))}"] if besides else []
        message = "; ".join(filter(None, [*said, rest, note]))
        return Failed(message=message, data=failed(message))
    if rest:
        return end_partial("; ".join(filter(None, [rest, note])), summary)
    return Completed(message="; ".join(filter(None, [_counted(summary, what, total), note])), data=summary)


def _counted(summary: RunSummary, what: str, total: int) -> str:
    """As "224 of 224 maps: 12 computed, 212 reused"."""
    computed, reused = summary["computed"] or 0, summary["reused"] or 0
    return f"{computed + reused} of {total} {what}: {computed} computed, {reused} reused"


def few(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
