"""The deployments: the flows that can be started from Prefect's UI, by a schedule, or through the API.

Each is named FLOW/dreamsweep, and names its flow by module. Registering them again brings their parameters and
descriptions up to date, and leaves what belongs to the user: schedules, defaults of parameters, tags, the pause.
"""

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.actions import DeploymentScheduleCreate
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
