"""The deployments that shards are runs of: one of each flow in `SHARD_FLOWS` for each work pool, FLOW/POOL.

They name their flows by module, and no place of any machine: where its store is, a worker knows by itself.
"""

from typing import TYPE_CHECKING, Any

from flows.fleet.changes import Change
from flows.forms.arguments import fields_schema, form_of
from flows.serving.deployments import import_flow

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.orchestration import PrefectClient

SHARD_FLOWS = {
    "image-shard": "flows.image_shard.image_shard",
    "oip-shard": "flows.shard.oip_shard",
    "layer-shard": "flows.layer_shard.layer_shard",
    "dream-shard": "flows.dream_shard.dream_shard",
}
"""Every flow that does a part of a coordinator's work: its name, and where it is."""


async def make_deployments(client: "PrefectClient", pool: str) -> "tuple[list[UUID], list[Change]]":
    """Have the deployments of a pool be there as they should be; returns their ids.

    What is the user's stays: schedules, saved parameters, tags, limits, job variables, the pause.
    """
    ids, changes = [], []
    for flow in SHARD_FLOWS:
        id, change = await _make(client, flow, pool)
        ids.append(id)
        changes.append(change)
    return ids, changes


async def _make(client: "PrefectClient", name: str, pool: str) -> "tuple[UUID, Change]":
    from prefect.client.schemas.actions import DeploymentUpdate
    from prefect.exceptions import ObjectNotFound

    flow = import_flow(SHARD_FLOWS[name])
    schema = fields_schema(form_of(flow.fn))
    called = f"{name}/{pool}"
    wanted: dict[str, Any] = {
        "description": flow.description,
        "entrypoint": SHARD_FLOWS[name],
        "work_pool_name": pool,
        "enforce_parameter_schema": True,
    }
    try:
        there = await client.read_deployment_by_name(called)
    except ObjectNotFound:
        made = await client.create_deployment(
            flow_id=await client.create_flow_from_name(name),
            name=pool,
            parameter_openapi_schema=schema,
            **wanted,
        )
        return made, Change("deployment", called, "made")
    same = all(getattr(there, field) == value for field, value in wanted.items())
    if same and there.parameter_openapi_schema == schema:
        return there.id, Change("deployment", called, "unchanged")
    # What is not set is not sent.
    await client.update_deployment(there.id, DeploymentUpdate(parameter_openapi_schema=schema, **wanted))
    return there.id, Change("deployment", called, "changed")
