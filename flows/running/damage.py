"""What a flow does about blobs that are found damaged while it reads them: it begins again, and makes them again.

What it finds damaged while it looks for what is there already it makes again at once (`Session.find`); this is for
what is read later, or read by those that could not make it. All that is whole is found again.
"""

import functools
from collections.abc import Callable
from typing import TypeVar, cast

from prefect.client.schemas.objects import State

from flows.forms.every_run import InStore
from storage.errors import BlobGone
from storage.store import Store
from tasks.model.kinds.data import KIND as DATA
from tasks.model.kinds.register import KIND as REGISTER
from tasks.session.damage import gone_blobs, gone_of
from tasks.session.kind import kind_of_task
from tasks.session.progress import say

Filled = TypeVar("Filled", bound=InStore)
R = TypeVar("R")


class NotMadeAgain(BlobGone):
    """A blob is damaged or missing, and no run can make it from what it is given."""


def makes_damaged_again(function: Callable[[Filled], R]) -> Callable[[Filled], R]:
    """The flow function, begun again for every blob that it found damaged and had not found damaged before.

    It raises NotMadeAgain where a blob is gone that it does not make.
    """

    @functools.wraps(function)
    def run(parameters: Filled) -> R:
        known: set[str] = set()
        while True:
            result, error = None, None
            with gone_blobs() as gone:
                try:
                    result = function(parameters)
                except Exception as raised:
                    error = raised
            if error is None and not (isinstance(result, State) and result.is_failed()):
                return cast(R, result)
            met, new = gone_of(error), set(gone) - known
            if met is not None and met.digest in known:
                raise _explain(parameters, met) from error
            if not new:
                if error is not None:
                    raise error
                return cast(R, result)
            known |= new
            say("The run begins again, to make again what was damaged; all else is found where it is.")

    return run


def _explain(parameters: InStore, gone: BlobGone) -> BlobGone:
    """What that is which cannot be had, and what to do about it."""
    made = Store.open(parameters.store).questions().producers(gone.digest)
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
