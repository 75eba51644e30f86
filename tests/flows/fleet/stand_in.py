"""A flow in the place of a shard, for tests of what is around shards."""

import os
import time
from pathlib import Path

from prefect import task
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.states import Completed

from flows.forms.every_run import InStore
from flows.running.fields import form_flow
from flows.running.liveness import keep_alive_file
from flows.running.stopping import stops_when_told
from lib import stop

NAME = "oip-shard"
PLACE = f"{__name__}.oip_shard"


@task(name="oip", persist_result=False)
def make_map(go: Path, listens: bool) -> None:
    """Take until a file is there, or somebody says to stop, to one that listens."""
    while not go.exists():
        if listens:
            stop.look()
        time.sleep(0.05)


class StandInParameters(InStore):
    """What tests tell a shard."""

    run: str
    layer: str
    units: str
    quality: str = "standard"


@form_flow(NAME)
def oip_shard(parameters: StandInParameters) -> State[None]:
    """Note where it runs. Of layer `slow`, go on until told to stop, or until a file `go` is there.

    Of layer `deaf`, go on until that file is there.
    """
    home, context = Path(os.environ["DREAMSWEEP_HOME"]), FlowRunContext.get()
    assert context is not None
    assert context.flow_run is not None
    id, attempt = str(context.flow_run.id), context.flow_run.run_count
    with (home / "began").open("a") as began:
        began.write(f"{parameters.run} {os.environ['DREAMSWEEP_STORE']} {os.getpid()}\n")
    with keep_alive_file(home / "prefect", id, attempt), stops_when_told(hard=True):
        if parameters.layer in ("slow", "deaf"):
            make_map.submit(home / "go", parameters.layer == "slow").result()
    return Completed()
