"""What every flow that works in a store is wrapped in: checks, signs of life, and its run in the store."""

from collections.abc import Iterator
from contextlib import contextmanager

from flows.parameters import InStore, Limits
from lib.deadline import NEVER
from tasks.session import Session, session


@contextmanager
def work(parameters: InStore, flow: str) -> Iterator[Session]:
    """A run in the parameters' store, open while inside, with their deadline if they have one.

    Raises BadInput and StoreError.
    """
    deadline = parameters.deadline() if isinstance(parameters, Limits) else NEVER
    with session(parameters.store, flow, parameters.model_dump(mode="json"), deadline) as open_session:
        yield open_session
