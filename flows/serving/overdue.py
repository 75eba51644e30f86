"""Runs whose time has come and that nobody has begun: which of them are not to be run any more.

Prefect keeps a run of a schedule as `Late` until somebody runs it, for ever if need be: also when nobody was there for
days, and when its schedule was turned off meanwhile, in a UI or by `dreamsweep schedule --off`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from flows.running.outcome import SKIPPED

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun
    from prefect.client.schemas.responses import DeploymentResponse

MISSED = "it could not run at that time, and a later run replaces it"
TURNED_OFF = "its schedule was turned off before it began"


class Due(NamedTuple):
    """Runs whose time has come and that nobody has begun: those that were `skipped` now, and those that `wait`."""

    skipped: "list[FlowRun]"
    wait: "list[FlowRun]"


async def skip_overdue(client: "PrefectClient", deployments: Sequence[UUID]) -> Due:
    """Skip the runs that were due and are not to be run.

    Those are the runs of a schedule that is off by now, and of the others those for a time when nobody was there, but
    for the newest of each schedule: one night makes up for all that were missed.
    """
    from prefect.states import Cancelled

    known: dict[UUID, DeploymentResponse] = {}
    newest: dict[tuple[UUID, UUID | None], FlowRun] = {}
    due = Due([], [])

    async def skip(run: "FlowRun", reason: str) -> None:
        await client.set_flow_run_state(run.id, Cancelled(name=SKIPPED, message=reason), force=True)
        due.skipped.append(run)

    for run in await _due(client, deployments):
        assert run.deployment_id is not None
        if not run.auto_scheduled:  # somebody has started it
            due.wait.append(run)
            continue
        deployment = known.get(run.deployment_id) or await client.read_deployment(run.deployment_id)
        known[deployment.id] = deployment
        if _is_off(deployment, run):
            await skip(run, TURNED_OFF)
            continue
        schedule = (deployment.id, _schedule_of(run))
        if schedule in newest:
            await skip(newest[schedule], MISSED)
        newest[schedule] = run
    due.wait.extend(newest.values())
    return due


async def under_way(client: "PrefectClient", deployments: Sequence[UUID]) -> list[str]:
    """The names of the runs that have begun and not ended."""
    from prefect.client.schemas import filters
    from prefect.client.schemas.objects import StateType

    begun = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
    runs = await client.read_flow_runs(
        deployment_filter=filters.DeploymentFilter(id=filters.DeploymentFilterId(any_=list(deployments))),
        flow_run_filter=filters.FlowRunFilter(
            state=filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=begun))
        ),
    )
    return [run.name for run in runs]


async def _due(client: "PrefectClient", deployments: Sequence[UUID]) -> "list[FlowRun]":
    """The runs whose time has passed and that nobody has begun, the earliest first."""
    from prefect.client.schemas import filters
    from prefect.client.schemas.objects import StateType

    runs = await client.read_flow_runs(
        deployment_filter=filters.DeploymentFilter(id=filters.DeploymentFilterId(any_=list(deployments))),
        flow_run_filter=filters.FlowRunFilter(
            state=filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
            expected_start_time=filters.FlowRunFilterExpectedStartTime(before_=datetime.now(UTC)),
        ),
    )
    # One that has run already, or was skipped, may wait for the retry that somebody wants.
    due = [run for run in runs if run.run_count == 0 and run.state_name != "AwaitingRetry" and run.expected_start_time]
    return sorted(due, key=lambda run: run.expected_start_time or datetime.min.replace(tzinfo=UTC))


def _is_off(deployment: "DeploymentResponse", run: "FlowRun") -> bool:
    """Whether the schedule that made a run is off: by itself, or with the whole deployment, or because it is gone."""
    made_by = _schedule_of(run)
    on = [schedule.id for schedule in deployment.schedules if schedule.active]
    return bool(deployment.paused) or not on or (made_by is not None and made_by not in on)


def _schedule_of(run: "FlowRun") -> UUID | None:
    return run.created_by.id if run.created_by is not None else None
