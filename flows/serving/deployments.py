"""The deployments: the flows that can be started from Prefect's UI, by a schedule, or through the API.

Each is named FLOW/dreamsweep, and names its flow by module. Registering them again brings their parameters and
descriptions up to date, and leaves what belongs to the user: schedules, saved parameters, tags, the pause.
"""

import asyncio
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from flows.forms.arguments import form_of, schema_of
from flows.running.prefect_internals import set_schema
from flows.serving.saved_parameters import rewrite

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
    """The deployments as they should be registered with the server of `client`, whether they are there or not.

    What is saved of those that are there is rewritten before (`flows.serving.saved_parameters`).
    """
    return [await _deployment(client, flow) for flow in FLOWS]


async def rewrite_saved(client: "PrefectClient") -> None:
    """Keep of what is saved what differs from the defaults, also of what was filled in since the last time."""
    from prefect.exceptions import ObjectNotFound

    for name in FLOWS:
        with suppress(ObjectNotFound):  # somebody has deleted it
            await rewrite(client, await client.read_deployment_by_name(f"{name}/{NAME}"), form_of(find_flow(name).fn))


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

    flow = find_flow(name)
    form = form_of(flow.fn)
    made = await flow.ato_deployment(
        name=NAME,
        description=flow.description,
        schedules=_first_schedules(name),
        entrypoint_type=EntrypointType.MODULE_PATH,
        enforce_parameter_schema=True,
    )
    set_schema(made, schema_of(form))
    try:
        there = await client.read_deployment_by_name(made.full_name)
    except ObjectNotFound:
        return made
    await rewrite(client, there, form)
    made.schedules = None
    made.model_fields_set.difference_update(_OF_THE_USER)  # what is not set is not sent
    return made


def find_flow(name: str) -> "Flow[..., Any]":
    """The flow of a deployment, by its name."""
    module, _, function = FLOWS[name].rpartition(".")
    flow: Flow[..., Any] = getattr(import_module(module), function)
    return flow


def _first_schedules(flow: str) -> "list[DeploymentScheduleCreate]":
    import tzlocal
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.schedules import CronSchedule

    if flow != "nightly":
        return []
    when = CronSchedule(cron=CRON, timezone=tzlocal.get_localzone_name())
    return [DeploymentScheduleCreate(schedule=when, active=False)]
