"""Which deployments and scheduled flow runs name a model, as Prefect's server knows them."""

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from prefect.client.orchestration import get_client
from prefect.client.schemas import filters
from prefect.client.schemas.objects import StateType

from flows.forms.arguments import flattened
from tasks.model.checkpoints import split_name

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

_TO_COME = [StateType.SCHEDULED, StateType.PENDING, StateType.PAUSED, StateType.RUNNING]
_MOST = 200


def find_schedules(names: Collection[str]) -> list[str]:
    """What names a model by one of these names, in words; within the `with` of a `local_server`.

    Deployments with their schedules, whether they are on or off, and flow runs that are to come.
    """
    with get_client(sync_client=True) as client:
        return list(dict.fromkeys(_find(client, names)))


def _find(client: "SyncPrefectClient", names: Collection[str]) -> Iterator[str]:
    for deployment in client.read_deployments(limit=_MOST):
        flow = client.read_flow(deployment.flow_id).name
        if _says(deployment.parameters, names):
            yield f"the deployment {flow}"
        for schedule in deployment.schedules:
            if _says(schedule.parameters or {}, names):
                yield f"a schedule of {flow}"
    to_come = filters.FlowRunFilter(
        state=filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=_TO_COME))
    )
    for run in client.read_flow_runs(flow_run_filter=to_come, limit=_MOST):
        if _says(run.parameters, names):
            yield f"the flow run {run.name}"


def _says(parameters: Mapping[str, Any], names: Collection[str]) -> bool:
    """Whether parameters name the model, by a name or a checkpoint of it."""
    model = flattened(parameters).get("model")
    return isinstance(model, str) and split_name(model)[0] in names
