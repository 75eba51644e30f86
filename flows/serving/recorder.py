"""Waiting until Prefect's server has recorded what this process ran.

Task runs are orchestrated in this process and reach the server as events, which a service there, the recorder, writes
to the database some time later. A server that is stopped before that loses them. So every event is tallied on its way
out, and the tally is compared with what the database holds.
"""

import contextlib
import time
from collections.abc import Callable, Iterator

import httpx
from prefect.client.schemas.objects import TERMINAL_STATES
from prefect.events import Event
from prefect.events.clients import PrefectEventsClient
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker

from flows.serving.server_settings import password

FINAL = frozenset(state.value for state in TERMINAL_STATES)
PATIENCE_SECONDS = 20.0
"""How long the recorder may make no headway before it is given up. As it gets on, it may take what it takes."""
LOOK_SECONDS = 0.2


class Tally:
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
def tally_events() -> Iterator[Tally]:
    """Tally what this process sends to the server within the `with`."""
    send_all()  # to whichever server it is for
    tally = Tally()
    as_usual = PrefectEventsClient.emit

    async def emit(self: PrefectEventsClient, event: Event) -> None:
        tally.note(event)
        await as_usual(self, event)

    # The method is replaced because Prefect sends nothing through a client of any type but its own.
    PrefectEventsClient.emit = emit  # type: ignore[method-assign, assignment]
    try:
        yield tally
    finally:
        PrefectEventsClient.emit = as_usual  # type: ignore[method-assign]


def send_all() -> None:
    """Wait until all events and log lines so far have been sent, and close the connections; later ones open new."""
    APILogWorker.drain_all(timeout=PATIENCE_SECONDS)
    EventsWorker.drain_all(timeout=PATIENCE_SECONDS)


def wait_for_recorder(url: str, tally: Tally, progress: Callable[[str], None]) -> int:
    """Wait until every task run in `tally` that ended has ended in the server's database as well.

    Returns how many are missing: 0, unless the recorder made no headway for `PATIENCE_SECONDS`.
    """
    send_all()
    question = {
        "flow_runs": {"id": {"any_": tally.flow_runs}},
        "task_runs": {"state": {"type": {"any_": sorted(FINAL)}}},
    }
    recorded, wanted = 0, tally.finished
    give_up = time.monotonic() + PATIENCE_SECONDS
    with httpx.Client(auth=password(), trust_env=False, timeout=PATIENCE_SECONDS) as client:
        while recorded < wanted and time.monotonic() < give_up:
            try:
                now = int(client.post(f"{url}/task_runs/count", json=question).raise_for_status().json())
            except httpx.HTTPError:
                now = recorded  # a busy server answers 503, and a dead one will be given up
            if now > recorded:
                recorded, give_up = now, time.monotonic() + PATIENCE_SECONDS
                progress(f"Prefect's server has recorded {recorded} of {wanted} task runs")
            if recorded < wanted:
                time.sleep(LOOK_SECONDS)
    return max(wanted - recorded, 0)
