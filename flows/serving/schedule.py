"""When the deployment `nightly` runs: what `dreamsweep schedule` shows and changes, as the UI does.

Everything is kept by Prefect's server, so nothing here says what is so but what it answers.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import tzlocal
from prefect.client.schemas import filters
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.schedules import CronSchedule
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from pydantic import ValidationError

from flows.serving.deployments import CRON, NAME, register
from lib.deadline import zone
from lib.errors import BadInput

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.responses import DeploymentResponse

NIGHTLY = "nightly"
AHEAD = 3
"""How many runs are shown that are to come."""


@dataclass(frozen=True)
class Schedule:
    """A schedule of `nightly`: whether it is on, its cron line (other words for one of another kind), its time zone."""

    on: bool
    cron: str
    timezone: str


def cron_schedule(cron: str, timezone: str | None) -> CronSchedule:
    """The schedule with this cron line; `timezone` None: this machine's. Raises BadInput for what is none."""
    if timezone is not None:
        zone(timezone)
    try:
        return CronSchedule(cron=cron, timezone=timezone or tzlocal.get_localzone_name())
    except ValidationError as error:
        raise BadInput(
            f'--cron is "{cron}"; it must be minute, hour, day, month and weekday, as "0 1 * * *" for every night at 1'
        ) from error


class Nightly:
    """The schedules of `nightly` on a server; the deployment is registered where it is not there yet."""

    def __init__(self, client: "SyncPrefectClient") -> None:
        self._client = client
        try:
            self._read()
        except ObjectNotFound:
            register(NIGHTLY)

    def schedules(self) -> list[Schedule]:
        """What is so now."""
        found = []
        for item in self._read().schedules:
            cron = item.schedule.cron if isinstance(item.schedule, CronSchedule) else str(item.schedule)
            found.append(Schedule(bool(item.active), cron, getattr(item.schedule, "timezone", None) or "UTC"))
        return found

    def turn_on(self, cron: str | None, timezone: str | None) -> None:
        """Run at these times from now on; what is None stays as it is.

        Raises BadInput where there are several schedules, or one that is no cron line and `cron` is None.
        """
        deployment = self._read()
        if len(deployment.schedules) > 1:
            raise BadInput("nightly has several schedules: change them in Prefect's UI, or delete all but one there")
        there = deployment.schedules[0] if deployment.schedules else None
        if there is not None and not isinstance(there.schedule, CronSchedule) and cron is None:
            raise BadInput('nightly has a schedule that is no cron line: replace it with --cron "0 1 * * *"')
        if there is not None and isinstance(there.schedule, CronSchedule):
            cron, timezone = cron or there.schedule.cron, timezone or there.schedule.timezone
        wanted = cron_schedule(cron or CRON, timezone)
        if there is None:
            self._client.create_deployment_schedules(
                deployment.id, [DeploymentScheduleCreate(schedule=wanted, active=True)]
            )
        else:
            self._client.update_deployment_schedule(deployment.id, there.id, active=True, schedule=wanted)
        if deployment.paused:
            self._client.update_deployment(deployment.id, DeploymentUpdate(paused=False))

    def turn_off(self) -> None:
        """Run at no time, and keep the times for when it is turned on again."""
        deployment = self._read()
        for item in deployment.schedules:
            self._client.update_deployment_schedule(deployment.id, item.id, active=False)

    def next_runs(self) -> list[datetime]:
        """When it runs next, in the time zone of its schedule."""
        deployment = self._read()
        active = [item for item in deployment.schedules if item.active]
        if not active or deployment.paused:
            return []
        # The server's scheduler does the same in a few seconds.
        self._client.request(
            "POST", "/deployments/{id}/schedule", path_params={"id": deployment.id}, json={"min_runs": AHEAD}
        )
        runs = self._client.read_flow_runs(
            deployment_filter=filters.DeploymentFilter(id=filters.DeploymentFilterId(any_=[deployment.id])),
            flow_run_filter=filters.FlowRunFilter(
                state=filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=[StateType.SCHEDULED]))
            ),
            sort=FlowRunSort.EXPECTED_START_TIME_ASC,
            limit=AHEAD,
        )
        here = ZoneInfo(getattr(active[0].schedule, "timezone", None) or "UTC")
        return [run.expected_start_time.astimezone(here) for run in runs if run.expected_start_time is not None]

    def _read(self) -> "DeploymentResponse":
        return self._client.read_deployment_by_name(f"{NIGHTLY}/{NAME}")
