"""The job template of a work pool: Prefect's for its type, with what a shard needs.

No password is in it. A container of type docker gets what a worker has in its environment: the template has names
alone, which the worker fills in. A job of type kubernetes (`deploy/kubernetes/job.json`) reads a secret.
"""

import json
from pathlib import Path
from typing import Any, Literal, get_args

from lib.errors import BadInput, BadValue

PoolType = Literal["process", "docker", "kubernetes"]
"""What runs shards: processes of the worker, containers, or jobs of a cluster."""
TYPES: tuple[PoolType, ...] = get_args(PoolType)
HANDED_ON = ("DREAMSWEEP_STORE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL")
"""What a container gets of the environment of its worker, beside what Prefect hands on: where its server is."""
IN_IMAGE = {
    "PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR": "reschedule",
    "PREFECT_HOME": "/data/prefect",
}
"""What a container of `deploy/Dockerfile` is told besides: that Prefect's `flow-run execute` hands its shard back at
SIGTERM, and where Prefect may write, whatever its worker was told of that."""
START_SECONDS = 600
"""So long a cluster may take to make room for a job."""
KEPT_SECONDS = 3600
"""So long a cluster keeps a job that has ended, with its log."""

_JOB = Path(__file__).parents[2] / "deploy" / "kubernetes" / "job.json"


def check_type(kind: str | None) -> PoolType | None:
    """The type that an option names, or None where it names none. Raises BadValue."""
    found = next((known for known in TYPES if known == kind), None)
    if found is None and kind is not None:
        raise BadValue("--type", kind, f"choose from {', '.join(TYPES)}")
    return found


def check_image(kind: PoolType, image: str | None) -> None:
    """Raise BadInput where a type needs an image and has none, or has one and needs none."""
    if kind == "process" and image is not None:
        raise BadInput("--image is for containers: leave it out, or say --type docker or --type kubernetes")
    if kind != "process" and not image:
        raise BadInput(f"a pool of type {kind} needs --image: the image that deploy/Dockerfile makes")


async def make_job_template(kind: PoolType, image: str | None) -> dict[str, Any]:
    """The template for a new pool. Raises BadInput where the server knows no such type."""
    from prefect.workers.utilities import get_default_base_job_template_for_infrastructure_type

    check_image(kind, image)
    template = await get_default_base_job_template_for_infrastructure_type(kind)
    if template is None:
        raise BadInput(f"this Prefect server knows no work pools of type {kind}: choose another --type")
    if kind == "process":
        return template
    fields = template["variables"]["properties"]
    names = {name: f"{{{{ ${name} }}}}" for name in HANDED_ON} if kind == "docker" else {}
    fields["env"]["default"] = names | IN_IMAGE
    if kind == "docker":
        fields["auto_remove"]["default"] = True
    else:
        template["job_configuration"]["job_manifest"] = json.loads(_JOB.read_bytes())
        fields["pod_watch_timeout_seconds"]["default"] = START_SECONDS
        fields["finished_job_ttl"]["default"] = KEPT_SECONDS
    return with_image(template, image or "")


def with_image(template: dict[str, Any], image: str) -> dict[str, Any]:
    """The template, with this image where a job has none of its own."""
    variables = template["variables"]
    fields = variables["properties"]
    image_field = {**fields.get("image", {}), "default": image}
    return template | {"variables": variables | {"properties": fields | {"image": image_field}}}


def image_of(template: dict[str, Any]) -> str | None:
    """The image that a template names; None where there is none."""
    image = template.get("variables", {}).get("properties", {}).get("image", {}).get("default")
    return None if image is None else str(image)
