"""Flow runs whose process died, marked as crashed, so that nothing stays `Running` for ever.

Prefect notices a flow run that was killed only as long as the process lives that started it. `flows.running.liveness`
says which ones died all the same.
"""

import logging
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from flows.running.liveness import Life, dead_files, file_of, hold_dead_file, read_life, write_life
from flows.running.prefect_internals import FLOW_RUN_ID
from flows.running.server_client import client_of
from storage.errors import StoreError, StoreUnusable
from storage.store import Store

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun, State, TaskRun

MESSAGE = (
    "Its process ended without a report: it was killed, or the machine went down. A retry computes what is missing."
)
CLOSED = "its process died, or could not write how it ended"
SETTLED_SECONDS = 10.0
"""So long after a death was noticed, the server has heard of all task runs that the dead process had begun."""
FORGOTTEN_SECONDS = 86_400.0
"""So long after a death was noticed, a store that cannot be reached is given up."""
UNSTARTED_SECONDS = 60.0
"""A flow run that has been on its way for so long has a process by now, or had one."""
PAGE = 200

log = logging.getLogger(__name__)


def mark_crashed(folder: Path, url: str, *, deployments: str | None) -> list[str]:
    """Mark the flow runs that died as crashed, with all that ran in them, and close their runs in the store.

    Costs next to nothing where nobody died. What cannot be done now, as the server or a store is away, is left for the
    next call. Flows of other machines that share the folder are left alone.

    Args:
        folder: Prefect's, in the data folder.
        url: the server's API.
        deployments: what those on the project's own server are called; runs of them that died before they took their
            lock, or after they gave it back, are marked as well. None for another server, where they may be another
            machine's.

    Returns the names of the flow runs that were marked.
    """
    dead = dead_files(folder)
    if not dead and deployments is None:
        return []
    import httpx

    marked: list[str] = []
    try:
        with client_of(url) as client:
            for path in dead:
                marked += _mark_crashed_file(client, path)
            if deployments is not None:
                marked += _mark_unstarted(client, folder, deployments)
    except (httpx.HTTPError, RuntimeError) as error:  # RuntimeError: the client could not ask for the server's version
        log.info("flow runs whose processes ended are not marked yet: %s", error)
    return marked


def _mark_crashed_file(client: "SyncPrefectClient", path: Path) -> list[str]:
    """Mark the flow run of a file."""
    from prefect.exceptions import ObjectNotFound

    with hold_dead_file(path) as file:
        life = read_life(file) if file else None
        if file is None or (life and not life.is_here):
            return []
        if life is None:  # it died before it had written, and is as if unborn
            path.unlink()
            return []
        marked, more = [], False
        with suppress(ObjectNotFound):  # it was deleted, or is another server's
            flow_run = client.read_flow_run(UUID(life.flow_run))
            left_as_it_was, before = _died_in(flow_run, life.attempt)
            more = mark_within(client, flow_run.id, before)
            if left_as_it_was:
                _mark(client, flow_run)
                marked.append(flow_run.name)
        closed = _close(life)
        since = 0.0 if life.noticed is None else time.time() - life.noticed
        if life.noticed is None:
            write_life(file, replace(life, noticed=time.time()))
        elif (closed and not more and since > SETTLED_SECONDS) or since > FORGOTTEN_SECONDS:
            path.unlink()
        return marked


def _died_in(flow_run: "FlowRun", attempt: int) -> tuple[bool, datetime]:
    """Whether a flow run is as this attempt left it, and before when what ran in it is of this attempt."""
    now = datetime.now(UTC)
    if flow_run.state is None or flow_run.state.is_final():
        return False, now
    if flow_run.run_count <= attempt and flow_run.state.type.value in ("RUNNING", "CANCELLING", "PAUSED"):
        return True, now
    return False, flow_run.state.timestamp  # the next one has begun, or is about to


def _mark_unstarted(client: "SyncPrefectClient", folder: Path, deployments: str) -> list[str]:
    """Mark the runs of the deployments of that name that are on their way, and have neither a file nor a process."""
    from prefect.client.schemas import filters
    from prefect.client.schemas.objects import StateType

    on_their_way = filters.FlowRunFilterStateType(any_=[StateType.PENDING, StateType.RUNNING, StateType.CANCELLING])
    now = datetime.now(UTC)
    marked = []
    for flow_run in client.read_flow_runs(
        flow_run_filter=filters.FlowRunFilter(state=filters.FlowRunFilterState(type=on_their_way)),
        deployment_filter=filters.DeploymentFilter(name=filters.DeploymentFilterName(any_=[deployments])),
    ):
        assert flow_run.state is not None
        since = (now - flow_run.state.timestamp).total_seconds()
        if since <= UNSTARTED_SECONDS or file_of(folder, str(flow_run.id)).exists() or _has_process(flow_run.id):
            continue
        mark_within(client, flow_run.id, now)
        _mark(client, flow_run)
        marked.append(flow_run.name)
    return marked


def _has_process(flow_run: UUID) -> bool:
    """Whether a process of this machine was started for a flow run: it may be at its beginning, or at its end.

    True where the system does not tell.
    """
    if not Path("/proc/self/environ").exists():
        return True
    ours = f"{FLOW_RUN_ID}={flow_run}".encode()
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # another user's, or it has gone
            if ours in environment.read_bytes().split(b"\0"):
                return True
    return False


def mark_within(client: "SyncPrefectClient", flow_run: UUID, before: datetime) -> bool:
    """Mark what has not ended within a flow run and got its state before a moment; True where there was something."""
    from prefect.client.schemas import filters

    found = False
    within = filters.FlowRunFilter(parent_flow_run_id=filters.FlowRunFilterParentFlowRunId(any_=[flow_run]))
    offset = 0
    while children := client.read_flow_runs(flow_run_filter=within, limit=PAGE, offset=offset):
        offset += len(children)
        for child in children:
            if child.deployment_id is None:  # else it runs in a process of its own
                found |= mark_within(client, child.id, before)
                if _is_left(child, before):
                    _mark(client, child)
                    found = True
    return _mark_tasks(client, flow_run, before) or found


def _mark_tasks(client: "SyncPrefectClient", flow_run: UUID, before: datetime) -> bool:
    """The same for the task runs of a flow run."""
    from prefect.client.schemas import filters
    from prefect.client.schemas.objects import TERMINAL_STATES, StateType

    unfinished = filters.TaskRunFilterStateType(any_=[kind for kind in StateType if kind not in TERMINAL_STATES])
    found: list[TaskRun] = []
    while page := client.read_task_runs(
        flow_run_filter=filters.FlowRunFilter(id=filters.FlowRunFilterId(any_=[flow_run])),
        task_run_filter=filters.TaskRunFilter(state=filters.TaskRunFilterState(type=unfinished)),
        limit=PAGE,
        offset=len(found),
    ):
        found += page
    left = [task_run for task_run in found if _is_left(task_run, before)]
    for task_run in left:
        client.set_task_run_state(task_run.id, _crashed_state(), force=True)
    return bool(left)


def _mark(client: "SyncPrefectClient", flow_run: "FlowRun") -> None:
    from prefect.states import Cancelled

    # One that was being cancelled is so now. Forced, because only its process can leave some states.
    cancelled = flow_run.state is not None and flow_run.state.is_cancelling()
    client.set_flow_run_state(flow_run.id, Cancelled() if cancelled else _crashed_state(), force=True)


def _crashed_state() -> "State[None]":
    from prefect.states import Crashed

    return Crashed(message=MESSAGE)


def _is_left(run: "FlowRun | TaskRun", before: datetime) -> bool:
    # Prefect writes a task run before its state: a server that is killed in between leaves it without one.
    since = run.created if run.state is None else run.state.timestamp
    return not (run.state and run.state.is_final()) and since is not None and since < before


def _close(life: Life) -> bool:
    """Close the run that a dead flow has open in the store; False where the store cannot be reached now."""
    if life.store is None or life.run is None:
        return True
    try:
        Store.open(life.store, create=False).close_crashed(life.run, CLOSED)
    except StoreUnusable as error:
        log.info("run %s is not closed yet: %s", life.run, error)
        return False
    except StoreError as error:  # it has gone, or is damaged
        log.warning("%s", error)
    return True
