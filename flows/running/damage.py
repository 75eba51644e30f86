"""What a flow does about blobs that are found damaged while it reads them: it begins again, and makes them again.

What it finds damaged while it looks for what is there already it makes again at once (`Session.find`); this is for
what is read later, or read by those that could not make it. All that is whole is found again.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast, overload

from prefect.client.schemas.objects import State

from flows.forms.every_run import InStore
from flows.running.outcome import end_in_states
from storage.errors import BlobGone
from storage.store import Store
from tasks.model.kinds.data import KIND as DATA
from tasks.model.kinds.register import KIND as REGISTER
from tasks.session.damage import gone_blobs, gone_of
from tasks.session.kind import kind_of_task
from tasks.session.progress import say

P = ParamSpec("P")
R = TypeVar("R")


class NotMadeAgain(BlobGone):
    """A blob is damaged or missing, and no run can make it from what it is given."""


@overload
def makes_damaged_again(function: Callable[P, State[R]]) -> Callable[P, R]: ...
@overload
def makes_damaged_again(function: Callable[P, R]) -> Callable[P, R]: ...
def makes_damaged_again(function: Callable[P, State[R] | R]) -> Callable[P, R]:
    """As `end_in_states`; it is begun again for every blob that it found damaged and had not found damaged before.

    Its first parameter is the run's. It ends as NotMadeAgain says where a blob is gone that it does not make.
    """
    return end_in_states(cast(Callable[P, R], function), _until_whole)  # a state or not: both are well


def _until_whole(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    known: set[str] = set()
    while True:
        with gone_blobs() as gone:
            result, error = _outcome(function, args, kwargs)
        if error is None and not (isinstance(result, State) and result.is_failed()):
            return result
        met, new = gone_of(error), set(gone) - known
        if met is not None and met.digest in known:
            raise _explain(args[0], met) from error
        if not new:
            if error is not None:
                raise error
            return result
        known |= new
        say("The run begins again, to make again what was damaged; all else is found where it is.")


def _outcome(function: Callable[..., R], args: Any, kwargs: Any) -> tuple[R | None, Exception | None]:
    try:
        return function(*args, **kwargs), None
    except Exception as error:
        return None, error


def _explain(parameters: object, gone: BlobGone) -> BlobGone:
    """What that is which cannot be had, and what to do about it."""
    made = Store.open(parameters.store).questions().producers(gone.digest) if isinstance(parameters, InStore) else []
    if not made:
        return gone
    record, role = made[-1]
    what = f"{kind_of_task(record.task).caption_of(record)}: its {role} (blob {gone.digest[:12]})"
    if record.task == DATA.task:
        todo = f"give the data set again, with --data {record.parameters['data']}"
    elif record.task == REGISTER.task:
        todo = f"register it again, with `dreamsweep models add {record.parameters['file']}`"
    else:
        todo = "run again what made it, as `dreamsweep lineage` says"
    return NotMadeAgain(
        f"{what} is missing or damaged, and cannot be made from what this run was given: {todo}", gone.digest
    )
