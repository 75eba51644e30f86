"""The deployments: the flows that can be started from Prefect's UI, by a schedule, or through the API.

Each is named FLOW/dreamsweep, and names its flow by module. Registering them again brings their parameters and
descriptions up to date, and leaves what belongs to the user: schedules, defaults of parameters, tags, the pause.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.objects import FlowRun
    from prefect.deployments.runner import RunnerDeployment

NAME = "dreamsweep"
CRON = "0 1 * * *"
"""When `nightly` runs once it is turned on, unless the user has another wish."""

_OF_THE_USER = {
    "schedules",
    "parameters",
    "tags",
    "paused",
    "concurrency_limit",
    "concurrency_options",
    "job_variables",
}


FLOWS = {
    "train": "flows.train.train",
    "oip-sweep": "flows.sweep.oip_sweep",
    "dream": "flows.dream.dream",
    "analyse": "flows.analyse.analyse",
    "nightly": "flows.nightly.nightly",
}
"""Every flow that has a deployment: its name, and where it is."""


async def make_deployments(client: "PrefectClient") -> "list[RunnerDeployment]":
    """The deployments as they should be registered with the server of `client`, whether they are there or not."""
    return [await _deployment(client, flow) for flow in FLOWS]


def register(flow: str) -> None:
    """Register the deployment of one flow with the server that the settings name."""
    from prefect.client.orchestration import get_client

    async def apply() -> None:
        async with get_client() as client:
            await (await _deployment(client, flow)).aapply()

    asyncio.run(apply())


async def _deployment(client: "PrefectClient", name: str) -> "RunnerDeployment":
    from prefect.exceptions import ObjectNotFound
    from prefect.types.entrypoint import EntrypointType

    module, _, function = FLOWS[name].rpartition(".")
    flow: Flow[..., Any] = getattr(import_module(module), function)
    made = await flow.ato_deployment(
        name=NAME,
        description=flow.description,
        parameters={"parameters": {}},  # a schedule starts a run with these: every field has a default that works
        schedules=_first_schedules(name),
        entrypoint_type=EntrypointType.MODULE_PATH,
        enforce_parameter_schema=True,
    )
    try:
        await client.read_deployment_by_name(made.full_name)
    except ObjectNotFound:
        return made
    made.schedules = None
    made.model_fields_set.difference_update(_OF_THE_USER)  # what is not set is not sent
    return made


def _first_schedules(flow: str) -> "list[DeploymentScheduleCreate]":
    import tzlocal
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.schedules import CronSchedule

    if flow != "nightly":
        return []
    when = CronSchedule(cron=CRON, timezone=tzlocal.get_localzone_name())
    return [DeploymentScheduleCreate(schedule=when, active=False)]


async def skip_overdue(client: "PrefectClient", deployments: Sequence[UUID]) -> "list[FlowRun]":
    """Skip the runs that schedules made for a time when nobody was there to run them, but for the newest of each.

    Returns those that were skipped. One night makes up for all that were missed.
    """
    from prefect.client.schemas import filters
    from prefect.client.schemas.objects import StateType
    from prefect.states import Cancelled

    skipped = []
    for deployment in deployments:
        runs = await client.read_flow_runs(
            deployment_filter=filters.DeploymentFilter(id=filters.DeploymentFilterId(any_=[deployment])),
            flow_run_filter=filters.FlowRunFilter(
                state=filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
                expected_start_time=filters.FlowRunFilterExpectedStartTime(before_=datetime.now(UTC)),
            ),
        )
        # One that has run already waits for the retry that somebody wants.
        overdue = [run for run in runs if run.auto_scheduled and run.run_count == 0 and run.expected_start_time]
        overdue.sort(key=lambda run: run.expected_start_time or datetime.min.replace(tzinfo=UTC))
        for run in overdue[:-1]:
            message = "it could not run at that time, and a later run replaces it"
            await client.set_flow_run_state(run.id, Cancelled(name="Skipped", message=message), force=True)
            skipped.append(run)
    return skipped
