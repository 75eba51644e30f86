"""The deployments on a real server, and when `nightly` runs."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import filters
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.states import AwaitingRetry, Failed, Late, Running

from flows.forms.arguments import read_arguments
from flows.forms.parameters import NightlyParameters
from flows.serving.deployments import register
from flows.serving.overdue import MISSED, TURNED_OFF, skip_overdue
from flows.serving.schedule import Nightly, cron_schedule
from lib.errors import BadInput
from tasks.session.progress import listen

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
            return (await skip_overdue(client, [made])).skipped

    return asyncio.run(skip())


@pytest.mark.parametrize(("flow", "module"), FLOWS.items())
def test_a_deployment_names_its_flow_by_module_and_holds_parameters_to_its_form(
    client: SyncPrefectClient, flow: str, module: str
) -> None:
    register(flow)
    made = deployment(client, flow)
    assert made.entrypoint == module
    assert made.enforce_parameter_schema
    assert made.parameters == {}  # what a schedule starts it with
    assert made.description


def test_nightly_is_scheduled_at_one_and_off_until_it_is_turned_on(client: SyncPrefectClient) -> None:
    register("nightly")
    (item,) = deployment(client).schedules
    assert isinstance(item.schedule, CronSchedule)
    assert (item.schedule.cron, item.active) == ("0 1 * * *", False)
    assert Nightly(client).next_runs(3) == []


def test_what_is_saved_and_fits_the_form_no_more_keeps_no_deployment_from_being_served(
    client: SyncPrefectClient,
) -> None:
    told: list[str] = []
    register("nightly")
    made = deployment(client)
    # as a version whose form took other values
    former = {"properties": {"parameters": {"$ref": "#/definitions/Form"}}, "definitions": {"Form": {"properties": {}}}}
    saved = {"parameters": {"style": "of-then", "batch": 8}}
    client.update_deployment(made.id, DeploymentUpdate(parameter_openapi_schema=former, parameters=saved))
    with listen(lambda *_: None, told.append):
        register("nightly")
    (said,) = told
    assert said.startswith("what is saved with the deployment nightly does not fit its form, and its runs will fail")
    assert "'style'" in said
    again = deployment(client)
    assert again.parameters == {"style": "of-then", "batch": 8}
    assert "style" in again.parameter_openapi_schema["properties"]
    run = client.create_flow_run_from_deployment(made.id)
    with pytest.raises(BadInput, match="Style is 'of-then'; choose from"):
        read_arguments(NightlyParameters, None, run.parameters)
    client.update_deployment(made.id, DeploymentUpdate(parameters={"batch": 8}))
    with listen(lambda *_: None, told.append):
        register("nightly")
    assert deployment(client).enforce_parameter_schema
    assert told == [said]


def test_registering_again_leaves_what_belongs_to_the_user(client: SyncPrefectClient) -> None:
    register("nightly")
    made = deployment(client)
    Nightly(client).set_times(["30 2 * * 1-5"], "Europe/Berlin")
    changed = DeploymentUpdate(parameters={"budget": 30}, tags=["mine"], paused=True)
    client.update_deployment(made.id, changed)
    register("nightly")
    again = deployment(client)
    assert again.id == made.id
    assert again.parameters == {"budget": 30}
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
    nightly.set_times(["15 3 * * *"], "Asia/Tokyo")
    moments = nightly.next_runs(3)
    assert len(moments) == 3
    assert {(moment.hour, moment.minute) for moment in moments} == {(3, 15)}
    assert moments[0] - datetime.now(UTC) < timedelta(days=1)
    nightly.turn_off()
    assert nightly.next_runs(3) == []
    assert [run for run in runs(client) if run.state_type == StateType.SCHEDULED] == []
    assert [item.on for item in nightly.schedules()] == [False]


def test_as_many_runs_to_come_are_told_as_are_asked_for_also_rare_ones(client: SyncPrefectClient) -> None:
    nightly = Nightly(client)
    nightly.set_times(["0 1 1 * *"], "UTC")
    moments = nightly.next_runs(5)
    assert len(moments) == 5
    assert {moment.day for moment in moments} == {1}
    assert moments == sorted(set(moments))


def test_on_and_off_keep_times_zone_and_parameters_of_each_schedule(client: SyncPrefectClient) -> None:
    nightly = Nightly(client)
    nightly.set_times(["15 3 * * *", "0 21 * * 0,6"], "Asia/Tokyo")
    for item in deployment(client).schedules:
        own = {"parameters": {"budget": 30}}
        client.update_deployment_schedule(deployment(client).id, item.id, parameters=own)
    before = [(item.cron, item.timezone) for item in nightly.schedules()]
    nightly.turn_off()
    assert [(item.cron, item.timezone) for item in nightly.schedules()] == before
    assert not any(item.on for item in nightly.schedules())
    nightly.turn_on()
    assert [(item.cron, item.timezone) for item in nightly.schedules()] == before
    assert all(item.on for item in nightly.schedules())
    assert [item.parameters for item in deployment(client).schedules] == [{"parameters": {"budget": 30}}] * 2


@pytest.mark.parametrize("on", [True, False])
def test_a_time_zone_alone_turns_nothing_on_and_nothing_off(client: SyncPrefectClient, on: bool) -> None:
    nightly = Nightly(client)
    nightly.set_times(["15 3 * * *"], "Asia/Tokyo")
    if not on:
        nightly.turn_off()
    nightly.set_timezone("Europe/Berlin")
    assert [vars(item) for item in nightly.schedules()] == [
        {"on": on, "cron": "15 3 * * *", "timezone": "Europe/Berlin"}
    ]


def test_turning_on_ends_a_pause_and_a_paused_schedule_is_not_said_to_be_on(client: SyncPrefectClient) -> None:
    nightly = Nightly(client)
    nightly.set_times(["15 3 * * *"], None)
    client.update_deployment(deployment(client).id, DeploymentUpdate(paused=True))
    assert nightly.paused
    assert [item.on for item in nightly.schedules()] == [False]
    nightly.turn_on()
    assert not deployment(client).paused
    assert nightly.next_runs(3)


def test_several_schedules_run_at_the_times_of_each_in_its_own_zone(client: SyncPrefectClient) -> None:
    nightly = Nightly(client)
    nightly.set_times(["0 1 * * *", "30 21 * * *"], "Asia/Tokyo")
    other = next(item for item in deployment(client).schedules if item.schedule.cron == "30 21 * * *")  # type: ignore[union-attr]
    west = CronSchedule(cron="30 21 * * *", timezone="America/New_York")
    client.update_deployment_schedule(deployment(client).id, other.id, schedule=west)
    moments = nightly.next_runs(4)
    assert [moment.strftime("%H:%M") for moment in moments].count("01:00") == 2
    assert [moment.strftime("%H:%M") for moment in moments].count("21:30") == 2
    assert moments == sorted(moments)


def test_other_times_take_the_place_of_those_there_are_and_keep_what_stays(client: SyncPrefectClient) -> None:
    nightly = Nightly(client)
    nightly.set_times(["0 1 * * *", "0 21 * * *", "0 12 * * *"], "Asia/Tokyo")
    kept = next(item for item in deployment(client).schedules if item.schedule.cron == "0 21 * * *")  # type: ignore[union-attr]
    client.update_deployment_schedule(deployment(client).id, kept.id, parameters={"parameters": {"budget": 30}})
    gone = nightly.set_times(["0 2 * * *", "0 21 * * *"], None)
    assert len(gone) == 1
    assert {(item.cron, item.timezone) for item in nightly.schedules()} == {
        ("0 2 * * *", "Asia/Tokyo"),
        ("0 21 * * *", "Asia/Tokyo"),
    }
    (own,) = [item for item in deployment(client).schedules if item.parameters]
    assert own.id == kept.id
    with pytest.raises(BadInput, match=r"0 21 \* \* \* of nightly has parameters of its own"):
        nightly.set_times(["0 2 * * *"], None)
    assert len(nightly.schedules()) == 2


def test_a_schedule_of_another_kind_is_turned_on_and_off_and_replaced_by_times(client: SyncPrefectClient) -> None:
    nightly = Nightly(client)
    made = deployment(client)
    every_hour = IntervalSchedule(interval=timedelta(hours=1))
    client.update_deployment_schedule(made.id, made.schedules[0].id, schedule=every_hour)
    with pytest.raises(BadInput, match="no cron line"):
        nightly.set_timezone("Europe/Berlin")
    nightly.turn_on()
    assert isinstance(deployment(client).schedules[0].schedule, IntervalSchedule)
    assert nightly.next_runs(1)
    nightly.set_times(["15 3 * * *"], "UTC")
    assert [item.cron for item in nightly.schedules()] == ["15 3 * * *"]


def test_a_schedule_that_was_deleted_is_made_again(client: SyncPrefectClient) -> None:
    nightly = Nightly(client)
    made = deployment(client)
    client.delete_deployment_schedule(made.id, made.schedules[0].id)
    with pytest.raises(BadInput, match="no schedule"):
        nightly.set_timezone("Asia/Tokyo")
    nightly.turn_on()
    assert [item.cron for item in nightly.schedules()] == ["0 1 * * *"]
    client.delete_deployment_schedule(made.id, deployment(client).schedules[0].id)
    nightly.set_times(["15 3 * * *"], "Asia/Tokyo")
    assert [item.cron for item in nightly.schedules()] == ["15 3 * * *"]


@pytest.mark.parametrize(
    ("cron", "evening", "hours"),
    [
        # 28 March 2027: after 01:59 comes 03:00
        ("0 1 * * *", "2027-03-27T18:00:00+01:00", [("01:00", 24), ("01:00", 23)]),
        ("30 2 * * *", "2027-03-27T18:00:00+01:00", [("03:30", 24), ("02:30", 23)]),
        ("0 4 * * *", "2027-03-27T18:00:00+01:00", [("04:00", 23), ("04:00", 24)]),
        # 31 October 2027: after 02:59 comes 02:00
        ("0 1 * * *", "2027-10-30T18:00:00+02:00", [("01:00", 24), ("01:00", 25)]),
        ("30 2 * * *", "2027-10-30T18:00:00+02:00", [("02:30", 24), ("02:30", 25)]),
        ("0 4 * * *", "2027-10-30T18:00:00+02:00", [("04:00", 25), ("04:00", 24)]),
    ],
)
def test_the_night_in_which_clocks_change_has_one_run_at_the_time_of_the_clock(
    client: SyncPrefectClient, cron: str, evening: str, hours: list[tuple[str, int]]
) -> None:
    nightly = Nightly(client)
    nightly.set_times([cron], "Europe/Berlin")
    begin = datetime.fromisoformat(evening)
    wanted = {"start_time": str(begin - timedelta(days=1)), "end_time": str(begin + timedelta(days=2)), "min_runs": 3}
    client.request("POST", "/deployments/{id}/schedule", path_params={"id": deployment(client).id}, json=wanted)
    due = [run.expected_start_time for run in runs(client) if run.expected_start_time is not None]
    moments = sorted(moment for moment in due if begin - timedelta(days=1) < moment < begin + timedelta(days=2))
    assert len(moments) == 3  # the night before, this one, and the next
    berlin = [moment.astimezone(ZoneInfo("Europe/Berlin")).strftime("%H:%M") for moment in moments]
    apart = [round((after - before).total_seconds() / 3600) for before, after in pairwise(moments)]
    assert list(zip(berlin[1:], apart, strict=True)) == hours


@pytest.mark.parametrize("cron", ["", "at one", "0 25 * * *", "* * *"])
def test_what_is_no_cron_line_is_refused_with_an_example(cron: str) -> None:
    with pytest.raises(BadInput, match=r'--cron.*"0 1 \* \* \*"'):
        cron_schedule(cron, "UTC")


def test_an_unknown_time_zone_is_refused_with_an_example() -> None:
    with pytest.raises(BadInput, match=r"Mars/Olympus.*Europe/Berlin"):
        cron_schedule("0 1 * * *", "Mars/Olympus")


def test_of_runs_that_are_overdue_only_the_newest_is_left(client: SyncPrefectClient) -> None:
    nightly = Nightly(client)
    nightly.set_times(["0 * * * *"], "UTC")
    made = deployment(client).id
    now = backlog(client, timedelta(hours=6))
    overdue = sorted(moment for run in runs(client) if (moment := run.expected_start_time) and moment < now)
    assert len(overdue) >= 5

    assert sorted(run.expected_start_time for run in skipped(made) if run.expected_start_time) == overdue[:-1]
    names = {run.expected_start_time: run.state_name for run in runs(client)}
    assert {names[moment] for moment in overdue[:-1]} == {"Skipped"}
    assert names[overdue[-1]] in ("Scheduled", "Late")
    assert {run.state.message for run in runs(client) if run.state and run.state.name == "Skipped"} == {MISSED}
    assert skipped(made) == []


def test_of_several_schedules_the_newest_overdue_run_of_each_is_left(client: SyncPrefectClient) -> None:
    Nightly(client).set_times(["0 * * * *", "30 * * * *"], "UTC")
    now = backlog(client, timedelta(hours=6))
    skipped(deployment(client).id)
    left = [run for run in runs(client) if run.expected_start_time and run.expected_start_time < now]
    waiting = [run.expected_start_time for run in left if run.state_type == StateType.SCHEDULED]
    assert {moment.minute for moment in waiting if moment} == {0, 30}
    assert len(waiting) == 2


def pause_deployment(client: SyncPrefectClient) -> None:
    """As the page of a deployment does."""
    client.update_deployment(deployment(client).id, DeploymentUpdate(paused=True))


def turn_schedules_off(client: SyncPrefectClient) -> None:
    """As the switch of a schedule does, which says nothing of its parameters."""
    for item in deployment(client).schedules:
        path = {"id": deployment(client).id, "schedule_id": item.id}
        client.request("PATCH", "/deployments/{id}/schedules/{schedule_id}", path_params=path, json={"active": False})


@pytest.mark.parametrize("turn_off", [pause_deployment, turn_schedules_off])
def test_a_run_that_is_late_is_skipped_when_its_schedule_is_turned_off_in_a_ui(
    client: SyncPrefectClient, turn_off: Callable[[SyncPrefectClient], None]
) -> None:
    Nightly(client).set_times(["0 * * * *"], "UTC")
    made = deployment(client).id
    now = backlog(client, timedelta(minutes=61))
    skipped(made)
    (waiting,) = [
        run for run in runs(client) if run.state_type == StateType.SCHEDULED and run.expected_start_time < now
    ]  # type: ignore[operator]
    client.set_flow_run_state(waiting.id, Late(scheduled_time=waiting.expected_start_time), force=True)
    turn_off(client)
    assert client.read_flow_run(waiting.id).state_name == "Late"  # Prefect itself lets it be run
    assert [run.id for run in skipped(made)] == [waiting.id]
    state = client.read_flow_run(waiting.id).state
    assert state is not None
    assert (state.name, state.message) == ("Skipped", TURNED_OFF)


def test_turning_off_skips_the_run_that_is_late_though_nothing_is_up(client: SyncPrefectClient) -> None:
    nightly = Nightly(client)
    nightly.set_times(["0 * * * *"], "UTC")
    now = backlog(client, timedelta(minutes=61))
    nightly.turn_off()
    nightly.turn_on()
    due = [run for run in runs(client) if run.expected_start_time and run.expected_start_time < now]
    assert due
    assert {run.state_name for run in due} == {"Skipped"}


def test_a_run_that_waits_for_its_retry_is_not_overdue(client: SyncPrefectClient) -> None:
    nightly = Nightly(client)
    nightly.set_times(["0 * * * *"], "UTC")
    made = deployment(client).id
    backlog(client, timedelta(hours=6))
    retried = min(runs(client), key=lambda run: run.expected_start_time or datetime.now(UTC))
    for state in (Running(), Failed(), AwaitingRetry()):
        client.set_flow_run_state(retried.id, state, force=True)
    assert retried.id not in {run.id for run in skipped(made)}
    assert client.read_flow_run(retried.id).state_name == "AwaitingRetry"
    never_begun = min(
        (run for run in runs(client) if run.state_name == "Skipped"), key=lambda run: run.expected_start_time
    )
    client.set_flow_run_state(never_begun.id, AwaitingRetry(), force=True)
    assert never_begun.id not in {run.id for run in skipped(made)}
