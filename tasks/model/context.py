"""What the tasks of every run on a model share in this process; each flow's own context adds to it.

Prefect's tasks are told names; what a name stands for they find in the context of their run, by
`tasks.session.open_runs.find_shared`. A context lives as long as the flow run that opened it.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from tasks.model.network import Network
from tasks.session.open_runs import share
from tasks.session.session import Session
from tasks.session.tally import Tally


@dataclass
class RunContext:
    """`tally`: what the run's task runs came to, by title."""

    session: Session
    network: Network
    tally: Tally = field(default_factory=Tally, kw_only=True)
    _lock: threading.RLock = field(default_factory=threading.RLock, kw_only=True)
    _open: ExitStack = field(default_factory=ExitStack, kw_only=True)


Context = TypeVar("Context", bound=RunContext)


@contextmanager
def open_context(context: Context) -> Iterator[Context]:
    """While inside, tasks find this context under its run's id; then what it holds open is closed."""
    with share(context.session.run.id, context), context._open:
        yield context
