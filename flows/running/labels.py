"""What a flow run is called in Prefect's UI, and the tags by which it is found there."""

import logging

from tasks.session.session import flow_run_here

log = logging.getLogger(__name__)


def label_flow_run(*, name: str | None = None, **about: str | None) -> None:
    """Give the flow run of this thread a name, and tags beside those that it has, as `model: model/mnist-1`.

    A server that cannot be reached now is no reason to end the work: it is logged.

    Args:
        about: what the tags say, by what it is; None is left out.
    """
    import httpx
    from prefect.client.orchestration import get_client

    flow_run = flow_run_here()
    if flow_run is None:
        return
    flow_run.tags = sorted({*flow_run.tags, *(f"{what}: {said}" for what, said in about.items() if said)})
    try:
        with get_client(sync_client=True) as client:
            client.update_flow_run(flow_run.id, name=name, tags=flow_run.tags).raise_for_status()
    except (httpx.HTTPError, RuntimeError) as error:  # RuntimeError: it could not be asked for its version
        log.warning("flow run %s is not labelled: %s", flow_run.name, error)
