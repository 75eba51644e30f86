"""The work pool of a fleet."""

from typing import TYPE_CHECKING

from flows.fleet.changes import Change
from flows.fleet.job_template import TYPES, PoolType, check_image, image_of, make_job_template, with_image
from lib.errors import BadInput

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import WorkPool


async def read_pool(client: "PrefectClient", name: str) -> "WorkPool":
    """The work pool of this name. Raises BadInput where there is none, or one that runs no shards."""
    from prefect.exceptions import ObjectNotFound

    try:
        pool = await client.read_work_pool(name)
    except ObjectNotFound:
        raise BadInput(
            f"there is no work pool {name} on this server: dreamsweep deploy --pool {name} makes it"
        ) from None
    if pool.type not in TYPES:
        raise BadInput(f"the work pool {name} is of type {pool.type}; shards need one of type {', '.join(TYPES)}")
    return pool


async def make_pool(
    client: "PrefectClient", name: str, kind: PoolType | None, image: str | None
) -> "tuple[WorkPool, Change]":
    """Have a pool of this name be there; of one that is there, `image` alone is changed, where it is given.

    Its job template is the user's from then on, and so are its limits and whether it is paused.

    Args:
        kind: None: that of the pool which is there, else process.

    Raises BadInput where there is one of another type.
    """
    from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
    from prefect.exceptions import ObjectNotFound

    try:
        await client.read_work_pool(name)
    except ObjectNotFound:
        kind = kind or "process"
        made = WorkPoolCreate(name=name, type=kind, base_job_template=await make_job_template(kind, image))
        return await client.create_work_pool(made), Change("work pool", name, "made")
    there = await read_pool(client, name)
    if kind is not None and there.type != kind:
        raise BadInput(f"the work pool {name} is of type {there.type}: leave out --type, or name another --pool")
    template = there.base_job_template
    if image is None or image == image_of(template):
        return there, Change("work pool", name, "unchanged")
    check_image(next(known for known in TYPES if known == there.type), image)
    await client.update_work_pool(name, WorkPoolUpdate(base_job_template=with_image(template, image)))
    return await client.read_work_pool(name), Change("work pool", name, "changed")
