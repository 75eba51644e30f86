"""A flow that works until it is killed: tasks in a flow within it, and a run in a store.

`python -m tests.flows.dying FOLDER STORE` runs it once; with `serve` it waits for runs of its deployment.
"""

import sys
import time
from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext
from prefect.flows import EntrypointType

from flows.running.liveness import keep_alive_file
from storage.store import Store


@task(task_run_name="unit {number}", persist_result=False, cache_policy=NO_CACHE)
def hang(number: int) -> None:
    time.sleep(600)


@flow(name="dying-layer", persist_result=False)
def layer(store: str) -> None:
    futures = [hang.submit(number) for number in range(2)]
    Path(store, "in the tasks").touch()
    for future in futures:
        future.result()


@flow(name="dying", persist_result=False)
def dying(folder: str, store: str) -> str:
    """Ends well where the store holds a file "mended"."""
    context = FlowRunContext.get()
    assert context is not None
    assert context.flow_run is not None
    with keep_alive_file(Path(folder), str(context.flow_run.id), context.flow_run.run_count) as life:
        run = Store.open(store).open_run("dying", {})
        life.note_run(store, run.id)
        if not Path(store, "mended").exists():
            layer(store)
        run.close("completed", {})
    return run.id


if __name__ == "__main__":
    from tests.flows import dying as module

    if sys.argv[1] == "serve":
        module.dying.serve(name="dreamsweep", entrypoint_type=EntrypointType.MODULE_PATH)
    else:
        module.dying(*sys.argv[1:])
