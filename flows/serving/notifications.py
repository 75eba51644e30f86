"""Telling how flow runs ended: `dreamsweep up` asks the server now and then, and sends a message for each one.

This is the one place that decides about it. The server knows every end of a flow run, whatever it came by: the flow run
itself, its process that died, a night that nobody was there to begin. So nothing has to be heard at the moment when it
happens, and what happened while `up` was not running is told later.
"""

import logging
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import httpx

from flows.running.server_client import client_of
from flows.serving.delivery import ANSWER_SECONDS, CONNECT_SECONDS, NotSent, send
from flows.serving.deployments import NAME
from flows.serving.notify_settings import NotifySettings, read_settings
from flows.serving.outbox import Outbox
from lib.errors import BadInput
from lib.words import duration

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

    from flows.serving.message import Places

LOOK_SECONDS = 2.0
OFTEN, SELDOM = timedelta(hours=1), timedelta(days=30)
"""How long ago a flow run may have ended that is asked for at every look, and at the first one of each hour: its end
may be noted late, and clocks are put right."""
PAGE = 200
AWAY_SECONDS = 60.0
"""A server that cannot be asked for so long is no passing trouble."""
END_SECONDS = CONNECT_SECONDS + ANSWER_SECONDS
"""How long the end of `up` waits for what is being sent: if that were broken off, it would be sent again."""

log = logging.getLogger("dreamsweep.up")


class Notifications:
    """A thread that tells of the flow runs of a server, while it is held in a `with`.

    Args:
        folder: Prefect's, in the data folder.
        url: the server's API.
        places: where links lead, and the store that is served.
    """

    def __init__(self, folder: Path, url: str, places: "Places") -> None:
        self._folder, self._url, self._places = folder, url, places
        self._outbox = Outbox(folder / "outbox")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notifications", daemon=True)
        self._has_taken_over = False
        self._long_look_at = 0.0
        self._trouble = ""
        self._away_since: float | None = None

    def __enter__(self) -> "Notifications":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(END_SECONDS)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with client_of(self._url) as client:
                    while not self._stop.is_set():
                        self._look(client)
                        self._trouble, self._away_since = "", None
                        self._stop.wait(LOOK_SECONDS)
            except (httpx.HTTPError, RuntimeError) as error:  # RuntimeError: the client could not ask for its version
                self._note_away(error)
            except BadInput as problem:
                self._say(str(problem))
            except Exception as error:  # it looks again, and `up` goes on
                self._say(f"cannot look for flow runs that have ended: {type(error).__name__}: {error}")
            self._stop.wait(LOOK_SECONDS)

    def _say(self, trouble: str) -> None:
        """Log what goes wrong at every look, once."""
        if trouble != self._trouble:
            log.error("%s", trouble)
            self._trouble = trouble

    def _note_away(self, error: Exception) -> None:
        """Say that the server cannot be asked, where that goes on for a while: now and then it is busy, or starts."""
        self._away_since = self._away_since or time.monotonic()
        if time.monotonic() - self._away_since > AWAY_SECONDS:
            self._say(f"flow runs that have ended are not told, as the server cannot be asked: {error}")

    def _look(self, client: "SyncPrefectClient") -> None:
        """Note what has ended, and tell it."""
        if not self._has_taken_over:
            self._take_over(client)
        self._outbox.tidy()
        settings = read_settings(self._folder)
        if settings is None:
            self._outbox.drop_waiting()
            return
        self._outbox.drop_waiting(datetime.fromisoformat(settings.since).timestamp())
        try:
            self._note_ended(client, settings)
        finally:
            self._tell(settings)  # also while the server is away

    def _take_over(self, client: "SyncPrefectClient") -> None:
        from flows.serving.earlier_automation import take_over

        try:
            if take_over(client, self._folder):
                log.info("notifications are sent by dreamsweep up from now on, and by Prefect's server no more")
        except httpx.HTTPStatusError as error:
            if error.response.is_server_error:  # it is busy
                raise
            log.warning("whether an earlier version turned notifications on cannot be read: %s", error)
        self._has_taken_over = True

    def _note_ended(self, client: "SyncPrefectClient", settings: NotifySettings) -> None:
        from flows.serving.message import ended_well, message_of

        is_long = time.monotonic() > self._long_look_at
        since = max(datetime.now(UTC) - (SELDOM if is_long else OFTEN), datetime.fromisoformat(settings.since))
        for run in sorted(_ended(client, since), key=lambda run: run.end_time or since):
            assert run.state is not None
            if self._outbox.knows(str(run.id), run.run_count):
                continue
            well = ended_well(run.state)
            wanted = well is not None and not (well and settings.which == "trouble")
            message = message_of(client, run, bool(well), self._places) if wanted else None
            self._outbox.put(str(run.id), run.run_count, message)
        if is_long:
            self._long_look_at = time.monotonic() + OFTEN.total_seconds()

    def _tell(self, settings: NotifySettings) -> None:
        for entry, message in self._outbox.due():
            if self._stop.is_set():
                return
            try:
                send(settings.address, message)
            except NotSent as problem:
                wait = self._outbox.note_not_sent(entry)
                again = "given up" if wait is None else f"again in {duration(wait)}"
                log.error("the message about %s could not be sent: %s; %s", message["run"], problem, again)
            else:
                self._outbox.note_sent(entry)


def _ended(client: "SyncPrefectClient", since: datetime) -> "Iterator[FlowRun]":
    """The flow runs of our deployments that ended since then."""
    from prefect.client.schemas import filters
    from prefect.client.schemas.objects import TERMINAL_STATES
    from prefect.client.schemas.sorting import FlowRunSort

    ended = filters.FlowRunFilter(
        state=filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=sorted(TERMINAL_STATES))),
        end_time=filters.FlowRunFilterEndTime(after_=since),
    )
    ours = filters.DeploymentFilter(name=filters.DeploymentFilterName(any_=[NAME]))
    offset = 0
    while page := client.read_flow_runs(
        flow_run_filter=ended, deployment_filter=ours, sort=FlowRunSort.END_TIME_DESC, limit=PAGE, offset=offset
    ):
        offset += len(page)
        yield from page
