"""The deployments: the flows that can be started from Prefect's UI, by a schedule, or through the API.

Each is named FLOW/dreamsweep, and names its flow by module. Registering them again brings their parameters and
descriptions up to date, and leaves what belongs to the user: schedules, saved parameters, tags, the pause.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from flows.forms.arguments import form_of, schema_of
from flows.running.prefect_internals import find_misfit, set_schema
from flows.serving.saved_parameters import begins_soon, rewrite
from tasks.session.progress import say

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.responses import DeploymentResponse
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


async def make_deployments(client: "PrefectClient", tell: Callable[[str], None]) -> "list[RunnerDeployment]":
    """The deployments as they should be registered with the server of `client`, whether they are there or not.

    What is saved of those that are there is rewritten before (`flows.serving.saved_parameters`); `tell` is told of what
    cannot be used.
    """
    return [await _deployment(client, flow, tell) for flow in FLOWS]


async def rewrite_saved(client: "PrefectClient", tell: Callable[[str], None]) -> None:
    """Keep of what is saved what differs from the defaults, also of what was filled in since the last time.

    A deployment of which a schedule's run begins soon is left for the next time; `tell` is told of one that the server
    does not let change.
    """
    from prefect.exceptions import ObjectNotFound

    for name in FLOWS:
        with suppress(ObjectNotFound):  # somebody has deleted it
            there = await client.read_deployment_by_name(f"{name}/{NAME}")
            if not await begins_soon(client, there.id):
                await _rewrite(client, there, name, tell)


async def _rewrite(
    client: "PrefectClient", there: "DeploymentResponse", name: str, tell: Callable[[str], None]
) -> None:
    from prefect.exceptions import PrefectHTTPStatusError

    try:
        await rewrite(client, there, form_of(find_flow(name).fn))
    except PrefectHTTPStatusError as refused:
        tell(f"what is saved with the deployment {name} stays as it is: {refused.response.text}")


def register(flow: str) -> None:
    """Register the deployment of one flow with the server that the settings name."""
    from prefect.client.orchestration import get_client

    async def apply() -> None:
        async with get_client() as client:
            await (await _deployment(client, flow, say)).aapply()

    asyncio.run(apply())


async def _deployment(client: "PrefectClient", name: str, tell: Callable[[str], None]) -> "RunnerDeployment":
    from prefect.exceptions import ObjectNotFound
    from prefect.types.entrypoint import EntrypointType

    flow = find_flow(name)
    schema = schema_of(form_of(flow.fn))
    made = await flow.ato_deployment(
        name=NAME,
        description=flow.description,
        schedules=_first_schedules(name),
        entrypoint_type=EntrypointType.MODULE_PATH,
        enforce_parameter_schema=True,
    )
    set_schema(made, schema)
    try:
        there = await client.read_deployment_by_name(made.full_name)
    except ObjectNotFound:
        return made
    with suppress(ObjectNotFound):  # somebody deletes one of its schedules meanwhile
        await _rewrite(client, there, name, tell)
    there = await client.read_deployment(there.id)
    if (problem := find_misfit(there.parameters, schema)) is not None:
        # The server would refuse all of the deployment. Without its check each run ends with what the form says.
        made.enforce_parameter_schema = False
        tell(
            f"what is saved with the deployment {name} does not fit its form, and its runs will fail ({problem}): "
            "change it in Prefect's UI, under Edit"
        )
    made.schedules = None
    made.model_fields_set.difference_update(_OF_THE_USER)  # what is not set is not sent
    return made


def find_flow(name: str) -> "Flow[..., Any]":
    """The flow of a deployment, by its name."""
    return import_flow(FLOWS[name])


def import_flow(place: str) -> "Flow[..., Any]":
    """The flow at a place, as `flows.sweep.oip_sweep`."""
    module, _, function = place.rpartition(".")
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
