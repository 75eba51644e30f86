"""`dreamsweep deploy`: what a fleet needs on Prefect's server. What is there as it should be is left as it is."""

import asyncio
from dataclasses import dataclass

from flows.fleet.automations import make_automations
from flows.fleet.changes import Change
from flows.fleet.job_template import PoolType
from flows.fleet.pool import make_pool
from flows.fleet.shards import make_deployments


@dataclass(frozen=True)
class Deployed:
    """The type of the pool, and what was done to each thing."""

    type: str
    changes: list[Change]


def deploy(pool: str, kind: PoolType | None, image: str | None) -> Deployed:
    """Make or update work pool, deployments and automations on the server that the settings name.

    Raises BadInput.
    """
    return asyncio.run(_deploy(pool, kind, image))


async def _deploy(name: str, kind: PoolType | None, image: str | None) -> Deployed:
    from prefect.client.orchestration import get_client

    async with get_client() as client:
        pool, change = await make_pool(client, name, kind, image)
        deployments, changes = await make_deployments(client, name)
        return Deployed(pool.type, [change, *changes, *await make_automations(client, name, deployments)])
