"""What every flow that works in a store is wrapped in: signs of life, and within them its run in the store."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from prefect.context import FlowRunContext

from flows.forms.every_run import InStore, Watched
from flows.forms.places import DATA_FOLDER
from flows.forms.private import keep_private, make_room
from flows.forms.resolve import Resolved, take_over
from flows.running.descriptors import allow_many_files
from flows.running.labels import label_flow_run
from flows.running.liveness import AliveFile, keep_alive_file
from flows.running.prefect_internals import FLOW_RUN_ID
from flows.running.printable_log import keep_log_printable
from flows.running.runs_log import open_log
from flows.running.stopping import noted_at_a_hard_end, stops_when_told
from flows.running.watchdog import watchdog
from lib.deadline import NEVER, Deadline
from lib.importing import KERAS_EXTRAS, quick_import
from storage.mishaps.patience import patient_for
from tasks.session.progress import listen_to_beats
from tasks.session.session import Session, session

OVERTIME_MINUTES = 30.0
"""So long after its deadline a run that has not ended by itself is ended, with its process."""
GIVEN_UP_MINUTES = 5.0
"""So long before that, no store is waited for any more, so that the run can say why it ends."""


@dataclass(frozen=True)
class LiveFlow:
    """A flow that is known to live. `found`: what its parameters name."""

    parameters: InStore
    file: AliveFile
    deadline: Deadline
    found: Resolved


@contextmanager
def alive(parameters: InStore) -> Iterator[LiveFlow]:
    """While inside, this flow is known to live, and its process ends where it stalls or is told to stop.

    Around all that a flow does, also before and after it has a run open (`work`). Raises BadInput and StoreError.
    """
    keep_log_printable()
    found = take_over(parameters)
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise RuntimeError("this works within a flow run only")
    allow_many_files()
    ours = FLOW_RUN_ID in os.environ  # a process that is there for this flow run alone
    with ExitStack() as stack:
        # A worker of Prefect's may have started this process.
        stack.enter_context(keep_private())
        stack.enter_context(stops_when_told(hard=ours))
        flow_run = context.flow_run
        file = stack.enter_context(keep_alive_file(DATA_FOLDER / "prefect", str(flow_run.id), flow_run.run_count))
        deadline = NEVER
        if isinstance(parameters, Watched):
            deadline = parameters.deadline()
            left = deadline.seconds_left()
            hard_limit = None if left is None else max(left, 0) + 60 * OVERTIME_MINUTES
            log = stack.enter_context(open_log())
            stalled_after = 60 * parameters.stalled_after
            dog = stack.enter_context(watchdog(stalled_after, hard_limit, log))
            # A store that is away is waited for as long as a run may get nowhere, and given up before the dog bites.
            left = None if hard_limit is None else hard_limit - 60 * GIVEN_UP_MINUTES
            stack.enter_context(patient_for(stalled_after, left))
            stack.enter_context(listen_to_beats(dog.alive))
        # all that works in a store computes, sooner or later
        with quick_import("tensorflow", without=KERAS_EXTRAS if ours else ()):
            import tensorflow
        del tensorflow
        yield LiveFlow(parameters, file, deadline, found)


@contextmanager
def work(live: LiveFlow, flow: str) -> Iterator[Session]:
    """A run in the store of a live flow's parameters, open while inside, with their deadline if they have one.

    The flow run bears the name of the store's run. Raises BadInput and StoreError.
    """
    parameters = live.parameters
    asked = parameters.model_dump(mode="json")
    make_room(parameters.store)
    with session(parameters.store, flow, asked, live.deadline) as open_session:
        live.file.note_run(parameters.store, open_session.run.id)
        with noted_at_a_hard_end(open_session.close_stopped):
            label_flow_run(open_session.run.id, parameters.store, flow)
            yield open_session
