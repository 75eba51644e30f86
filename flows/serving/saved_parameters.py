"""What Prefect's server keeps of parameters: of deployments, of their schedules, and of runs that have not begun.

A form of Prefect's UI saves all that it shows, defaults included, and defaults may change. So of all that is saved only
what differs from the defaults is kept: from those that the deployment's own schema shows, as it was filled in with
them. What an earlier version saved within `parameters` is saved by the fields' names.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flows.forms.arguments import OF_THE_SERVER, WHOLE, flattened

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.responses import DeploymentResponse
    from pydantic import BaseModel

Schema = Mapping[str, Any]
"""JSON schema, as Prefect's server has it."""
_PAGE = 200


async def rewrite(client: "PrefectClient", deployment: "DeploymentResponse", form: "type[BaseModel]") -> None:
    """Keep of a deployment, its schedules and its runs that have not begun what differs, by the names of the fields.

    What is so already is not touched. It may be broken off anywhere, and done again.

    Args:
        deployment: as the server has it, before its schema is brought up to date.
        form: of its flow.
    """
    from prefect.client.schemas.actions import DeploymentUpdate

    schema = deployment.parameter_openapi_schema or {}
    await _rewrite_runs(client, deployment, schema)
    kept = flattened(differences(deployment.parameters, schema))
    for item in deployment.schedules:
        own = _of_schedule(item.parameters or {}, kept, schema, form)
        if own != (item.parameters or {}):
            await client.update_deployment_schedule(deployment.id, item.id, parameters=own)
    # Last: by what the deployment says it is known what its schedules have meant.
    if kept != deployment.parameters:
        await client.update_deployment(deployment.id, DeploymentUpdate(parameters=kept))


def differences(saved: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """What of saved parameters differs from the defaults that a schema shows. What it does not know is kept."""
    return _differences(saved, schema, schema)


def _differences(saved: Mapping[str, Any], within: Schema, schema: Schema) -> dict[str, Any]:
    kept = {}
    for name, value in saved.items():
        field = within.get("properties", {}).get(name)
        if field is None:
            kept[name] = value
        elif "default" in field and value == field["default"]:
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

    A default is kept where the deployment says something else. Within `parameters` it stood for all fields, so those
    that the deployment says beside it are said as defaults.
    """
    if not saved:
        return {}
    own, said = flattened(differences(saved, schema)), flattened(saved)
    usual = form().model_dump(mode="json") if WHOLE in saved else {}
    for name in deployments:
        if name in said:
            own[name] = said[name]
        elif name in usual and name not in OF_THE_SERVER:
            own[name] = usual[name]
    return own


async def _rewrite_runs(client: "PrefectClient", deployment: "DeploymentResponse", schema: Schema) -> None:
    from prefect.client.schemas import filters
    from prefect.client.schemas.objects import StateType
    from prefect.client.schemas.sorting import FlowRunSort

    to_come = [StateType.SCHEDULED, StateType.PAUSED]
    page, offset = None, 0
    while page is None or len(page) == _PAGE:
        page = await client.read_flow_runs(
            deployment_filter=filters.DeploymentFilter(id=filters.DeploymentFilterId(any_=[deployment.id])),
            flow_run_filter=filters.FlowRunFilter(
                state=filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=to_come))
            ),
            sort=FlowRunSort.EXPECTED_START_TIME_ASC,
            limit=_PAGE,
            offset=offset,
        )
        offset += len(page)
        for run in page:
            own = flattened(differences(run.parameters, schema))
            if run.run_count == 0 and own != run.parameters:  # one that has begun is retried as it was
                await client.update_flow_run(run.id, parameters=own)
