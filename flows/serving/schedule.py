"""When the deployment `nightly` runs: what `dreamsweep schedule` shows and changes, as the UI does.

Everything is kept by Prefect's server, so nothing here says what is so but what it answers.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import tzlocal
from prefect.client.orchestration import get_client
from prefect.client.schemas import filters
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.schedules import CronSchedule
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from pydantic import ValidationError

from flows.serving.deployments import CRON, NAME, register
from flows.serving.overdue import skip_overdue
from lib.deadline import zone
from lib.errors import BadInput

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import DeploymentSchedule
    from prefect.client.schemas.responses import DeploymentResponse

NIGHTLY = "nightly"
_LONGEST = timedelta(days=10 * 366)
"""How far ahead runs are looked for: a line of every 29th of February has one in eight years at least."""


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

    @property
    def paused(self) -> bool:
        """Whether the whole deployment is paused, in a UI: then none of its schedules is on."""
        return bool(self._read().paused)

    def schedules(self) -> list[Schedule]:
        """What is so now."""
        deployment = self._read()
        return [_said(item, deployment) for item in _in_order(deployment)]

    def set_times(self, crons: Sequence[str], timezone: str | None) -> list[Schedule]:
        """Run at the times of these cron lines from now on, and at no others; returns the schedules that are no more.

        A schedule of the same line stays what it is, with its parameters and, where `timezone` is None, its zone.

        Raises:
            BadInput: for what is no cron line or zone, and where a schedule with parameters of its own would be lost.
        """
        deployment = self._read()
        left = _in_order(deployment)
        wanted: dict[str, DeploymentSchedule | None] = dict.fromkeys(crons)
        for item in list(left):
            if isinstance(item.schedule, CronSchedule) and item.schedule.cron in wanted:
                wanted[item.schedule.cron] = wanted[item.schedule.cron] or item
        left = [item for item in left if all(item is not kept for kept in wanted.values())]
        left.sort(key=lambda item: bool(item.parameters))  # parameters go with their own times for as long as they can
        for cron in [cron for cron, kept in wanted.items() if kept is None]:
            wanted[cron] = left.pop(0) if left else None
        for item in left:
            if item.parameters:
                raise BadInput(
                    f"the schedule {_said(item, deployment).cron} of nightly has parameters of its own: delete it in "
                    "Prefect's UI, or give its times with one more --cron"
                )
        zones = [item.schedule.timezone for item in _in_order(deployment) if isinstance(item.schedule, CronSchedule)]
        usual = next(iter(zones), None)
        for cron, kept in wanted.items():
            if kept is None:
                made = DeploymentScheduleCreate(schedule=cron_schedule(cron, timezone or usual), active=True)
                self._client.create_deployment_schedules(deployment.id, [made])
                continue
            old = kept.schedule if isinstance(kept.schedule, CronSchedule) else None
            schedule = cron_schedule(cron, timezone or (old.timezone if old is not None else None) or usual)
            if old is not None:
                schedule = schedule.model_copy(update={"day_or": old.day_or})
            self._update(deployment.id, kept, active=True, schedule=schedule)
        for item in left:
            self._client.delete_deployment_schedule(deployment.id, item.id)
        self._end_pause(deployment)
        return [_said(item, deployment) for item in left]

    def set_timezone(self, timezone: str) -> None:
        """Have all times be of this zone; what is on stays on, and what is off stays off.

        Raises BadInput where there is no schedule, one that is no cron line, or no such zone.
        """
        deployment = self._read()
        if not deployment.schedules:
            raise BadInput('nightly has no schedule: give its times as well, as --cron "0 1 * * *"')
        if not all(isinstance(item.schedule, CronSchedule) for item in deployment.schedules):
            raise BadInput('nightly has a schedule that is no cron line: replace it with --cron "0 1 * * *"')
        zone(timezone)
        for item in deployment.schedules:
            self._update(deployment.id, item, schedule=item.schedule.model_copy(update={"timezone": timezone}))

    def turn_on(self) -> None:
        """Run at the times that it has, every night at 1 where it has none."""
        deployment = self._read()
        for item in deployment.schedules:
            self._update(deployment.id, item, active=True)
        if not deployment.schedules:
            first = DeploymentScheduleCreate(schedule=cron_schedule(CRON, None), active=True)
            self._client.create_deployment_schedules(deployment.id, [first])
        self._end_pause(deployment)

    def turn_off(self) -> None:
        """Run at no time, not even where a run is due and waits, and keep the times for when it is turned on again."""
        deployment = self._read()
        for item in deployment.schedules:
            self._update(deployment.id, item, active=False)

        async def skip() -> None:
            async with get_client() as client:
                await skip_overdue(client, [deployment.id])

        asyncio.run(skip())

    def next_runs(self, count: int) -> list[datetime]:
        """When it runs next, `count` times (1..100), each in the time zone of its schedule."""
        deployment = self._read()
        active = {item.id: item for item in deployment.schedules if item.active}
        if not active or deployment.paused:
            return []
        now = datetime.now(UTC)
        # The server's scheduler does the same in a few seconds, for the next runs alone.
        wanted = {"min_runs": count, "max_runs": count, "end_time": str(now + _LONGEST)}
        self._client.request("POST", "/deployments/{id}/schedule", path_params={"id": deployment.id}, json=wanted)
        runs = self._client.read_flow_runs(
            deployment_filter=filters.DeploymentFilter(id=filters.DeploymentFilterId(any_=[deployment.id])),
            flow_run_filter=filters.FlowRunFilter(
                state=filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
                expected_start_time=filters.FlowRunFilterExpectedStartTime(after_=now),
            ),
            sort=FlowRunSort.EXPECTED_START_TIME_ASC,
            limit=count,
        )
        usual = next(iter(active.values()))
        found: list[datetime] = []
        for run in runs:
            made_by = active.get(run.created_by.id, usual) if run.created_by and run.created_by.id else usual
            if run.expected_start_time is not None:
                found.append(run.expected_start_time.astimezone(ZoneInfo(_zone_of(made_by))))
        return found

    def _update(self, deployment: "UUID", item: "DeploymentSchedule", **changed: Any) -> None:
        # Without its parameters, the server would take them to be none from now on.
        self._client.update_deployment_schedule(deployment, item.id, parameters=item.parameters, **changed)

    def _end_pause(self, deployment: "DeploymentResponse") -> None:
        if deployment.paused:
            self._client.update_deployment(deployment.id, DeploymentUpdate(paused=False))

    def _read(self) -> "DeploymentResponse":
        return self._client.read_deployment_by_name(f"{NIGHTLY}/{NAME}")


def _in_order(deployment: "DeploymentResponse") -> "list[DeploymentSchedule]":
    """Its schedules, the first that was made first."""
    return sorted(deployment.schedules, key=lambda item: (item.created is None, item.created, item.id))


def _said(item: "DeploymentSchedule", deployment: "DeploymentResponse") -> Schedule:
    cron = item.schedule.cron if isinstance(item.schedule, CronSchedule) else str(item.schedule)
    return Schedule(bool(item.active) and not deployment.paused, cron, _zone_of(item))


def _zone_of(item: "DeploymentSchedule") -> str:
    return getattr(item.schedule, "timezone", None) or "UTC"
