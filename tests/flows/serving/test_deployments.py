"""The deployments on a real server, and when `nightly` runs."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import filters
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.states import AwaitingRetry, Failed, Running

from flows.serving.deployments import register, skip_overdue
from flows.serving.schedule import Nightly, cron_schedule
from lib.errors import BadInput

FLOWS = {"train": "flows.train.train", "oip-sweep": "flows.sweep.oip_sweep", "nightly": "flows.nightly.nightly"}


@pytest.fixture
def client(prefect_server: str) -> Iterator[SyncPrefectClient]:
    """A client of the session's server, on which no deployment is registered."""
    with get_client(sync_client=True) as client:
        yield client
        for deployment in client.read_deployments():
            if deployment.name == "dreamsweep":
                client.delete_deployment(deployment.id)


def deployment(client: SyncPrefectClient, flow: str = "nightly") -> DeploymentResponse:
    """A deployment as the server has it."""
    return client.read_deployment_by_name(f"{flow}/dreamsweep")


def runs(client: SyncPrefectClient, flow: str = "nightly") -> list[FlowRun]:
    """The runs of a deployment."""
    wanted = filters.DeploymentFilterId(any_=[deployment(client, flow).id])
    return client.read_flow_runs(deployment_filter=filters.DeploymentFilter(id=wanted))


def backlog(client: SyncPrefectClient, ago: timedelta) -> datetime:
    """Have `nightly` scheduled as if nobody had been there for so long; returns the time it is."""
    now = datetime.now(UTC)
    missed = {"start_time": str(now - ago), "end_time": str(now), "min_runs": 5}
    client.request("POST", "/deployments/{id}/schedule", path_params={"id": deployment(client).id}, json=missed)
    return now


def skipped(made: UUID) -> list[FlowRun]:
    """Skip what is overdue of a deployment; returns what was skipped."""

    async def skip() -> list[FlowRun]:
        async with get_client() as client:
            return await skip_overdue(client, [made])

    return asyncio.run(skip())


@pytest.mark.parametrize(("flow", "module"), FLOWS.items())
def test_a_deployment_names_its_flow_by_module_and_holds_parameters_to_its_form(
    client: SyncPrefectClient, flow: str, module: str
) -> None:
    register(flow)
    made = deployment(client, flow)
    assert made.entrypoint == module
    assert made.enforce_parameter_schema
    assert made.parameters == {"parameters": {}}  # what a schedule starts it with
    assert made.description


def test_nightly_is_scheduled_at_one_and_off_until_it_is_turned_on(client: SyncPrefectClient) -> None:
    register("nightly")
    (item,) = deployment(client).schedules
    assert isinstance(item.schedule, CronSchedule)
    assert (item.schedule.cron, item.active) == ("0 1 * * *", False)
    assert Nightly(client).next_runs() == []


def test_registering_again_leaves_what_belongs_to_the_user(client: SyncPrefectClient) -> None:
    register("nightly")
    made = deployment(client)
    Nightly(client).turn_on("30 2 * * 1-5", "Europe/Berlin")
    changed = DeploymentUpdate(parameters={"parameters": {"budget": 30}}, tags=["mine"], paused=True)
    client.update_deployment(made.id, changed)
    register("nightly")
    again = deployment(client)
    assert again.id == made.id
    assert again.parameters == {"parameters": {"budget": 30}}
    assert again.tags == ["mine"]
    assert again.paused
    (item,) = again.schedules
    assert isinstance(item.schedule, CronSchedule)
    assert (item.schedule.cron, item.schedule.timezone, item.active) == ("30 2 * * 1-5", "Europe/Berlin", True)


def test_registering_again_leaves_a_schedule_that_was_deleted_deleted(client: SyncPrefectClient) -> None:
    register("nightly")
    made = deployment(client)
    client.delete_deployment_schedule(made.id, made.schedules[0].id)
    register("nightly")
    assert deployment(client).schedules == []


def test_what_is_turned_on_runs_at_its_times_and_what_is_turned_off_does_not(client: SyncPrefectClient) -> None:
    nightly = Nightly(client)  # registers it
    nightly.turn_on("15 3 * * *", "Asia/Tokyo")
    moments = nightly.next_runs()
    assert len(moments) == 3
    assert {(moment.hour, moment.minute) for moment in moments} == {(3, 15)}
    assert moments[0] - datetime.now(UTC) < timedelta(days=1)
    nightly.turn_off()
    assert nightly.next_runs() == []
    assert [run for run in runs(client) if run.state_type == StateType.SCHEDULED] == []
    assert [item.on for item in nightly.schedules()] == [False]


def test_turning_on_keeps_what_is_not_said(client: SyncPrefectClient) -> None:
    nightly = Nightly(client)
    nightly.turn_on("15 3 * * *", "Asia/Tokyo")
    nightly.turn_off()
    nightly.turn_on(None, "Europe/Berlin")
    assert [vars(item) for item in nightly.schedules()] == [
        {"on": True, "cron": "15 3 * * *", "timezone": "Europe/Berlin"}
    ]


def test_turning_on_ends_a_pause(client: SyncPrefectClient) -> None:
    nightly = Nightly(client)
    client.update_deployment(deployment(client).id, DeploymentUpdate(paused=True))
    nightly.turn_on("15 3 * * *", None)
    assert not deployment(client).paused
    assert nightly.next_runs()


def test_of_several_schedules_none_is_changed(client: SyncPrefectClient) -> None:
    nightly = Nightly(client)
    every_hour = DeploymentScheduleCreate(schedule=IntervalSchedule(interval=timedelta(hours=1)), active=True)
    client.create_deployment_schedules(deployment(client).id, [every_hour])
    with pytest.raises(BadInput, match=r"several schedules.*UI"):
        nightly.turn_on("15 3 * * *", None)


def test_a_schedule_that_was_deleted_is_made_again(client: SyncPrefectClient) -> None:
    nightly = Nightly(client)
    made = deployment(client)
    client.delete_deployment_schedule(made.id, made.schedules[0].id)
    nightly.turn_on("15 3 * * *", "Asia/Tokyo")
    assert [item.cron for item in nightly.schedules()] == ["15 3 * * *"]


@pytest.mark.parametrize("cron", ["", "at one", "0 25 * * *", "* * *"])
def test_what_is_no_cron_line_is_refused_with_an_example(cron: str) -> None:
    with pytest.raises(BadInput, match=r'--cron.*"0 1 \* \* \*"'):
        cron_schedule(cron, "UTC")


def test_an_unknown_time_zone_is_refused_with_an_example() -> None:
    with pytest.raises(BadInput, match=r"Mars/Olympus.*Europe/Berlin"):
        cron_schedule("0 1 * * *", "Mars/Olympus")


def test_of_runs_that_are_overdue_only_the_newest_is_left(client: SyncPrefectClient) -> None:
    nightly = Nightly(client)
    nightly.turn_on("0 * * * *", "UTC")
    made = deployment(client).id
    now = backlog(client, timedelta(hours=6))
    overdue = sorted(moment for run in runs(client) if (moment := run.expected_start_time) and moment < now)
    assert len(overdue) >= 5

    assert sorted(run.expected_start_time for run in skipped(made) if run.expected_start_time) == overdue[:-1]
    names = {run.expected_start_time: run.state_name for run in runs(client)}
    assert {names[moment] for moment in overdue[:-1]} == {"Skipped"}
    assert names[overdue[-1]] in ("Scheduled", "Late")
    assert skipped(made) == []


def test_a_run_that_waits_for_its_retry_is_not_overdue(client: SyncPrefectClient) -> None:
    nightly = Nightly(client)
    nightly.turn_on("0 * * * *", "UTC")
    made = deployment(client).id
    backlog(client, timedelta(hours=6))
    retried = min(runs(client), key=lambda run: run.expected_start_time or datetime.now(UTC))
    for state in (Running(), Failed(), AwaitingRetry()):
        client.set_flow_run_state(retried.id, state, force=True)
    assert retried.id not in {run.id for run in skipped(made)}
    assert client.read_flow_run(retried.id).state_name == "AwaitingRetry"
