"""A work pool of Prefect's, by whose workers a run has its shards made: what it asks of the server."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import filters
from prefect.client.schemas.objects import TERMINAL_STATES, FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import AwaitingRetry, Cancelled, Cancelling

from flows.running.crashed_runs import PAGE, mark_within
from lib.errors import BadInput

ONLINE = "ONLINE"
_BEGUN = (StateType.RUNNING, StateType.CANCELLING, StateType.PAUSED)


class WorkPool:
    """Of a name, on the server that the settings name."""

    def __init__(self, name: str, client: SyncPrefectClient) -> None:
        self.name = name
        self._client = client

    def check(self, flow: str) -> None:
        """Raise BadInput where no shard could be made by it by this flow."""
        try:
            self._client.read_work_pool(self.name)
            self._client.read_deployment_by_name(f"{flow}/{self.name}")
        except ObjectNotFound:
            raise BadInput(
                f"no work pool {self.name!r} makes shards by {flow}: dreamsweep deploy --pool {self.name} sets it up"
            ) from None

    def count_workers(self) -> int:
        """How many of its workers are online."""
        return sum(worker.status == ONLINE for worker in self._client.read_workers_for_work_pool(self.name))

    def submit(self, flow: str, name: str, parameters: Mapping[str, Any], key: str) -> FlowRun:
        """The flow run of a shard below the flow run in which this is called: a new one, or that of the same key.

        Raises httpx.HTTPError.
        """
        try:
            made: Any = run_deployment(
                f"{flow}/{self.name}",
                parameters=dict(parameters),
                flow_run_name=name,
                timeout=0,
                tags=[f"kind: {flow}"],
                idempotency_key=key,
            )
        except RuntimeError as error:  # its client could not ask for the server's version
            raise httpx.ConnectError(str(error)) from error
        flow_run: FlowRun = made
        return flow_run

    def read(self, flow_runs: Collection[UUID]) -> dict[UUID, FlowRun]:
        """How flow runs are now, by their ids; without those that were deleted."""
        wanted = sorted(flow_runs)
        found: dict[UUID, FlowRun] = {}
        for first in range(0, len(wanted), PAGE):
            ids = filters.FlowRunFilterId(any_=wanted[first : first + PAGE])
            page = self._client.read_flow_runs(flow_run_filter=filters.FlowRunFilter(id=ids), limit=PAGE)
            found |= {flow_run.id: flow_run for flow_run in page}
        return found

    def run_again(self, flow_run: FlowRun) -> None:
        """Have one that ended without its maps begun again, by whichever worker is free."""
        self.close_within(flow_run)
        # Forced: the server lets none leave a state that is an end.
        self._client.set_flow_run_state(flow_run.id, AwaitingRetry(scheduled_time=datetime.now(UTC)), force=True)

    def close_within(self, flow_run: FlowRun) -> None:
        """Mark what a dead one has left running as crashed: Prefect marks the flow run alone."""
        mark_within(self._client, flow_run.id, datetime.now(UTC))

    def under_way(self, flow: str) -> list[FlowRun]:
        """The shards by this flow that have not ended, whoever submitted them."""
        open_states = filters.FlowRunFilterStateType(any_=[kind for kind in StateType if kind not in TERMINAL_STATES])
        found: list[FlowRun] = []
        while page := self._client.read_flow_runs(
            flow_filter=filters.FlowFilter(name=filters.FlowFilterName(any_=[flow])),
            deployment_filter=filters.DeploymentFilter(name=filters.DeploymentFilterName(any_=[self.name])),
            flow_run_filter=filters.FlowRunFilter(state=filters.FlowRunFilterState(type=open_states)),
            sort=FlowRunSort.EXPECTED_START_TIME_ASC,
            limit=PAGE,
            offset=len(found),
        ):
            found += page
        return found

    def withdraw(self, flow_run: FlowRun) -> None:
        """Cancel one that nobody needs any more."""
        with suppress(ObjectNotFound):
            now = self._client.read_flow_run(flow_run.id)
            if now.state is None or now.state.is_final():
                return
            cancel: State[Any] = Cancelling() if now.state.type in _BEGUN else Cancelled()
            self._client.set_flow_run_state(now.id, cancel, force=True)


@contextmanager
def open_pool(name: str) -> Iterator[WorkPool]:
    """The pool of a name, while inside."""
    with get_client(sync_client=True) as client:
        yield WorkPool(name, client)


def check_pool(name: str | None, *flows: str) -> None:
    """Raise BadInput where a pool is named that makes no shards by these flows: before anything is computed."""
    if name is not None:
        with open_pool(name) as pool:
            for flow in flows:
                pool.check(flow)
