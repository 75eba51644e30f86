"""What Prefect's server knows a flow run by: its run in the store, the model and the data set.

Names and tags are what people see and filter by in the UI. Labels are for whoever tells how the flow run ended: they
outlive the process, whatever ends it, and every machine that uses the server sees them.

A server that does not take it fails nothing: it is logged.
"""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext

from storage.files import without_password

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

RUN, STORE, MADE = "dreamsweep.run", "dreamsweep.store", "dreamsweep.made"

log = logging.getLogger(__name__)


def label_flow_run(run: str, store: str, kind: str) -> None:
    """Call the flow run in which this is called as the run that it has opened, in the store at this place, and tag it
    with what it does, as `kind: oip-sweep`. A name that was chosen for it stays in front, as that of a checkpoint."""

    def tell(client: "SyncPrefectClient", flow_run: "FlowRun", chosen: object) -> None:
        name = f"{chosen}, {run}" if isinstance(chosen, str) else run
        client.update_flow_run_labels(flow_run.id, {RUN: run, STORE: label_of_store(store)})
        _update(client, flow_run, {"kind": kind}, name)
        flow_run.name = name  # which the lines of its log bear

    _tell(tell)


def label_made(digest: str) -> None:
    """Say of the flow run in which this is called, a shard, which file of the store has copies of its records."""
    _tell(lambda client, flow_run, _: client.update_flow_run_labels(flow_run.id, {MADE: digest}))


def tag_flow_run(**about: str | None) -> None:
    """Tag the flow run in which this is called, as `model: model/mnist-1`, in place of what an earlier attempt said of
    the same; None is left out."""
    said = {what: value for what, value in about.items() if value}
    _tell(lambda client, flow_run, _: _update(client, flow_run, said))


def is_first_of_its_flow(store: str) -> bool:
    """Whether no flow run of the same flow began before this one in the store at this place, on whichever machine, and
    is running still. Raises httpx.HTTPError where the server does not tell.

    One whose process died counts until the server knows that: then it is `Crashed`.
    """
    from prefect.client.schemas import filters
    from prefect.client.schemas.objects import StateType

    context = FlowRunContext.get()
    assert context is not None and context.flow_run is not None  # noqa: PT018 - no test
    own, place = context.flow_run, label_of_store(store)
    with get_client(sync_client=True) as client:
        # First: of two that begin at the same time, each sees the other then.
        client.update_flow_run_labels(own.id, {STORE: place})
        others = client.read_flow_runs(
            flow_filter=filters.FlowFilter(id=filters.FlowFilterId(any_=[own.flow_id])),
            flow_run_filter=filters.FlowRunFilter(
                state=filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=[StateType.RUNNING]))
            ),
        )
        began = {run.id: run.start_time for run in others if run.labels.get(STORE) == place or run.id == own.id}
    mine = began.get(own.id) or own.start_time
    return not any(
        when is not None and mine is not None and (when, str(run)) < (mine, str(own.id)) for run, when in began.items()
    )


def label_of_store(place: str) -> str:
    """What the label says of a store: where it is, whatever folder one is in, and no password."""
    return without_password(place if "://" in place else str(Path(place).expanduser().resolve()))


def _update(client: "SyncPrefectClient", flow_run: "FlowRun", said: Mapping[str, str], name: str | None = None) -> None:
    kept = [tag for tag in flow_run.tags if not tag.startswith(tuple(f"{what}: " for what in said))]
    flow_run.tags = [*kept, *(f"{what}: {value}" for what, value in said.items())]
    client.update_flow_run(flow_run.id, name=name, tags=flow_run.tags).raise_for_status()


def _tell(what: Callable[["SyncPrefectClient", "FlowRun", object], object]) -> None:
    context = FlowRunContext.get()
    assert context is not None and context.flow_run is not None  # noqa: PT018 - no test
    try:
        with get_client(sync_client=True) as client:
            what(client, context.flow_run, context.flow.flow_run_name if context.flow else None)
    except Exception as error:
        log.warning("Prefect's server does not know all of flow run %s: %s", context.flow_run.name, error)
