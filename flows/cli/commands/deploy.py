"""`dreamsweep deploy`: what a sweep over many machines needs on Prefect's server."""

from typing import Annotated

import typer

from flows.cli.options import AsJson, Pool
from flows.fleet.job_template import TYPES
from flows.forms.places import DATA_FOLDER


def deploy(
    pool: Pool = None,
    kind: Annotated[
        str | None,
        typer.Option(
            "--type",
            metavar="|".join(TYPES),
            help="How shards run: as processes of `dreamsweep worker`, as containers that it starts, or as jobs of a "
            "Kubernetes cluster. Default: that of the pool which is there, else process.",
            show_default=False,
        ),
    ] = None,
    image: Annotated[
        str | None,
        typer.Option(
            "--image",
            metavar="IMAGE",
            help="The container image that deploy/Dockerfile makes, for docker and kubernetes.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make or update a work pool for sweeps over many machines, with its deployments and automations.

    It is made on the server that PREFECT_API_URL names, else on the project's own. What you have changed there stays.
    """
    from flows.cli.terminal import print_json, say
    from flows.fleet.deploy import deploy as make
    from flows.fleet.job_template import check_type
    from flows.forms.pool_names import check_pool_name
    from flows.serving.server import local_server

    wanted = check_type(kind)
    name = check_pool_name(pool)
    with local_server(DATA_FOLDER, progress=say):
        deployed = make(name, wanted, image)
    if as_json:
        changes = [vars(change) for change in deployed.changes]
        print_json({"pool": name, "type": deployed.type, "changes": changes})
        return
    for change in deployed.changes:
        say(f"{change.what} {change.name}: {change.done}")
    say(f"next, on each machine that is to work: dreamsweep worker --pool {name}")
    say(f"and then: dreamsweep sweep --pool {name}")
