"""What Prefect's server keeps of parameters: of deployments, of their schedules, and of runs that have not begun.

A form of Prefect's UI saves all that it shows, defaults included, and defaults may change. So of all that is saved only
what differs from the defaults is kept: from those that the deployment's own schema shows, as it was filled in with
them. What an earlier version saved within `parameters` is saved by the fields' names.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from flows.forms.arguments import EMPTY, OF_THE_SERVER, WHOLE, as_meant, flattened

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.filters import FlowRunFilterExpectedStartTime
    from prefect.client.schemas.objects import DeploymentSchedule, FlowRun
    from prefect.client.schemas.responses import DeploymentResponse
    from pydantic import BaseModel

Schema = Mapping[str, Any]
"""JSON schema, as Prefect's server has it."""
SOON = timedelta(minutes=2)
"""A run that is due within this time might be lost. The server's scheduler looks once a minute for runs to make."""
_PAGE = 200


async def rewrite(client: "PrefectClient", deployment: "DeploymentResponse", form: "type[BaseModel]") -> None:
    """Keep of a deployment, its schedules and its runs that have not begun what differs, by the names of the fields.

    What is so already is not touched, nor what somebody saves meanwhile. It may be broken off anywhere, and done again.

    Args:
        deployment: as the server has it, before its schema is brought up to date.
        form: of its flow.
    """
    from prefect.client.schemas.actions import DeploymentUpdate

    schema = deployment.parameter_openapi_schema or {}
    await _rewrite_runs(client, deployment.id, schema, form)
    kept = differences(deployment.parameters, schema)
    for item in deployment.schedules:
        own = _of_schedule(item.parameters or {}, kept, schema, form)
        if own != (item.parameters or {}):
            if not await _is_as_it_was(client, deployment, item):
                return
            await client.update_deployment_schedule(deployment.id, item.id, parameters=own)
    # Last: by what the deployment says it is known what its schedules have meant.
    if kept != deployment.parameters and await _is_as_it_was(client, deployment):
        await client.update_deployment(deployment.id, DeploymentUpdate(parameters=kept))


async def begins_soon(client: "PrefectClient", deployment: "UUID") -> bool:
    """Whether a schedule's run is due within `SOON`.

    The server deletes the runs to come of a deployment that is changed, and makes them again later: perhaps when their
    time has passed.
    """
    from prefect.client.schemas import filters

    now = datetime.now(UTC)
    due = filters.FlowRunFilterExpectedStartTime(after_=now, before_=now + SOON)
    return any(run.auto_scheduled for run in await _page_of_runs(client, deployment, due))


async def _is_as_it_was(
    client: "PrefectClient", deployment: "DeploymentResponse", schedule: "DeploymentSchedule | None" = None
) -> bool:
    """Whether nobody has saved other parameters since the deployment was read; of one schedule, if that is named."""
    now = await client.read_deployment(deployment.id)
    there = {item.id: item.parameters for item in now.schedules}
    return now.parameters == deployment.parameters and (
        schedule is None or (schedule.id in there and there[schedule.id] == schedule.parameters)
    )


def differences(saved: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """What of saved parameters differs from the defaults that a schema shows, by the names of the fields.

    What the schema does not know is kept.
    """
    whole = saved.get(WHOLE)
    former = _group(schema.get("properties", {}).get(WHOLE, {}), schema)
    if former is None or not isinstance(whole, Mapping):
        return _differences(flattened(saved), schema, schema)
    beside = {name: value for name, value in saved.items() if name != WHOLE and name not in whole}
    return beside | as_meant(_differences(whole, former, schema))


def _differences(saved: Mapping[str, Any], within: Schema, schema: Schema) -> dict[str, Any]:
    kept = {}
    for name, value in saved.items():
        field = within.get("properties", {}).get(name)
        if field is None:
            kept[name] = value
        elif any(usual in field and value == field[usual] for usual in ("default", EMPTY)):
            continue
        elif value is None:
            if "default" in field or _is_switch(field):
                kept[name] = value  # else it was left empty
        elif isinstance(value, Mapping) and (group := _group(field, schema)) is not None:
            others = _differences(value, group, schema)
            if others or field.get("default", {}) is None:  # that it is there at all may be what differs
                kept[name] = others
        else:
            kept[name] = value
    return kept


def _group(field: Schema, schema: Schema) -> Schema | None:
    """The schema of the fields that a field holds, if it holds any."""
    for kind in (field, *field.get("anyOf", []), *field.get("allOf", [])):
        if "$ref" in kind:
            found: Schema = schema.get("definitions", {}).get(kind["$ref"].rpartition("/")[2], {})
            return found if "properties" in found else None
    return None


def _is_switch(field: Schema) -> bool:
    """Whether a field is a group that can be none."""
    kinds = field.get("anyOf", [])
    return any("$ref" in kind for kind in kinds) and any(kind.get("type") == "null" for kind in kinds)


def _of_schedule(
    saved: Mapping[str, Any], deployments: Mapping[str, Any], schema: Schema, form: "type[BaseModel]"
) -> dict[str, Any]:
    """What a schedule's own parameters come to, which the server lays over those of the deployment.

    By the names of fields they stay what somebody said. Within `parameters` they stood for all fields, so those that
    the deployment says beside it are said as defaults: a group as an empty one.
    """
    whole = saved.get(WHOLE)
    if not isinstance(whole, Mapping) or (whole and not set(whole) & set(form.model_fields)):
        return _with_unknown_within(flattened(saved), form)
    own, said = differences(saved, schema), flattened(saved)
    usual = form().model_dump(mode="json")
    for name in deployments:
        if name in usual and name not in OF_THE_SERVER:
            value = said.get(name, usual[name])
            own.setdefault(name, {} if isinstance(value, Mapping) else value)
    return _with_unknown_within(own, form)


def _with_unknown_within(parameters: Mapping[str, Any], form: "type[BaseModel]") -> dict[str, Any]:
    """Parameters with those that the form does not know within `parameters`.

    The server checks no schedule's, and Prefect ends a run with an unknown one before the form could say what is wrong.
    """
    unknown = {name: value for name, value in parameters.items() if name not in (*form.model_fields, WHOLE)}
    known = {name: value for name, value in parameters.items() if name not in unknown}
    return known | ({WHOLE: unknown} if unknown else {})


async def _rewrite_runs(client: "PrefectClient", deployment: "UUID", schema: Schema, form: "type[BaseModel]") -> None:
    from prefect.exceptions import ObjectNotFound

    page, offset = None, 0
    while page is None or len(page) == _PAGE:
        page = await _page_of_runs(client, deployment, offset=offset)
        offset += len(page)
        for run in page:
            own = _with_unknown_within(differences(run.parameters, schema), form)
            if run.run_count == 0 and own != run.parameters:  # one that has begun is retried as it was
                with suppress(ObjectNotFound):  # somebody has deleted it
                    await client.update_flow_run(run.id, parameters=own)


async def _page_of_runs(
    client: "PrefectClient",
    deployment: "UUID",
    due: "FlowRunFilterExpectedStartTime | None" = None,
    *,
    offset: int = 0,
) -> "list[FlowRun]":
    """The runs of a deployment that are to come, at most a page of them."""
    from prefect.client.schemas import filters
    from prefect.client.schemas.objects import StateType
    from prefect.client.schemas.sorting import FlowRunSort

    to_come = filters.FlowRunFilterStateType(any_=[StateType.SCHEDULED, StateType.PAUSED])
    return await client.read_flow_runs(
        deployment_filter=filters.DeploymentFilter(id=filters.DeploymentFilterId(any_=[deployment])),
        flow_run_filter=filters.FlowRunFilter(state=filters.FlowRunFilterState(type=to_come), expected_start_time=due),
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        limit=_PAGE,
        offset=offset,
    )
