"""Waiting until Prefect's server has recorded what this process ran.

Task runs are orchestrated in this process and reach the server as events, which a service there, the recorder, writes
to the database some time later. A server that is stopped before that loses them. So every event is noted on its way
out, and what was noted is compared with what the database holds.
"""

import contextlib
import time
from collections.abc import Callable, Iterator

import httpx
from prefect.client.schemas.objects import TERMINAL_STATES
from prefect.events import Event

from flows.running.prefect_internals import send_all, watch_events
from flows.serving.server_settings import api_headers

FINAL = frozenset(state.value for state in TERMINAL_STATES)
PATIENCE_SECONDS = 20.0
"""How long the recorder may make no headway before it is given up. As it gets on, it may take what it takes."""
LOOK_SECONDS = 0.2


class SentTaskRuns:
    """The task runs of this process whose events have gone out: which flow run each belongs to, and its last state."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[str, str]] = {}

    def note(self, event: Event) -> None:
        """Take an event that goes to the server; what is not a task run within a flow run is passed over."""
        flow_run = next((related.id for related in event.related if related.role == "flow-run"), None)
        if flow_run is not None and event.event.startswith("prefect.task-run."):
            state = event.resource.get("prefect.state-type") or ""
            self._last[event.resource.id] = (flow_run.removeprefix("prefect.flow-run."), state)

    @property
    def finished(self) -> int:
        """How many task runs ended, well or not."""
        return sum(state in FINAL for _, state in self._last.values())

    @property
    def flow_runs(self) -> list[str]:
        """The ids of the flow runs that they belong to."""
        return sorted({flow_run for flow_run, _ in self._last.values()})


@contextlib.contextmanager
def note_task_runs() -> Iterator[SentTaskRuns]:
    """Note the task runs that this process tells the server of within the `with`."""
    send_all(PATIENCE_SECONDS)  # to whichever server it is for
    sent = SentTaskRuns()
    with watch_events(sent.note):
        yield sent


def wait_for_recorder(
    url: str, sent: SentTaskRuns, progress: Callable[[str], None], patience: float = PATIENCE_SECONDS
) -> int:
    """Wait until every task run in `sent` that ended has ended in the server's database as well.

    Returns how many are missing: 0, unless the recorder made no headway for `patience` seconds.
    """
    send_all(patience)
    question = {
        "flow_runs": {"id": {"any_": sent.flow_runs}},
        "task_runs": {"state": {"type": {"any_": sorted(FINAL)}}},
    }
    recorded, wanted = 0, sent.finished
    give_up = time.monotonic() + patience
    with httpx.Client(headers=api_headers(), trust_env=False, timeout=patience) as client:
        while recorded < wanted and time.monotonic() < give_up:
            try:
                now = int(client.post(f"{url}/task_runs/count", json=question).raise_for_status().json())
            except httpx.HTTPError:
                now = recorded  # a busy server answers 503, and a dead one will be given up
            if now > recorded:
                recorded, give_up = now, time.monotonic() + patience
                progress(f"Prefect's server has recorded {recorded} of {wanted} task runs")
            if recorded < wanted:
                time.sleep(LOOK_SECONDS)
    return max(wanted - recorded, 0)
