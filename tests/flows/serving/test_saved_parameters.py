"""What is saved of parameters differs from the defaults, by the names of fields, whoever saved it and when."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import PrefectClient, SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import AwaitingRetry, Failed, Running, Scheduled

from flows.forms.arguments import OF_THE_SERVER, read_arguments, schema_of
from flows.forms.parameters import NightlyParameters, SweepParameters
from flows.serving.deployments import register, rewrite_saved
from flows.serving.saved_parameters import differences
from lib.errors import BadInput

SCHEMA = schema_of(NightlyParameters)
OLD = {
    "properties": {"parameters": {"$ref": "#/definitions/Nightly", "title": "parameters"}},
    "definitions": {
        "Nightly": {
            "properties": {
                "store": {"type": "string", "default": "/old/store"},
                "model": {"type": "string"},
                "budget": {"type": "number"},
                "batch": {"type": "integer", "default": 64},
                "growth": {"$ref": "#/definitions/Growth"},
                "dreams": {"anyOf": [{"$ref": "#/definitions/Dreaming"}, {"type": "null"}], "default": None},
                "analysis": {"anyOf": [{"$ref": "#/definitions/Analysing"}, {"type": "null"}]},
            }
        },
        "Growth": {"properties": {"starts": {"type": "integer", "default": 64}, "seed": {"default": 0}}},
        "Dreaming": {"properties": {"passes": {"type": "integer", "default": 1}}},
        "Analysing": {"properties": {"layers": {"type": "array"}}},
    },
}
"""The schema of a deployment as an earlier version registered it."""
EVERYTHING = {
    "store": "/old/store",
    "model": None,
    "budget": None,
    "batch": 64,
    "growth": {"starts": 64, "seed": 0},
    "dreams": None,
    "analysis": {"layers": None},
}
"""What a form that was left as it was saved."""


def test_of_a_form_that_was_left_as_it_was_nothing_is_kept() -> None:
    shown = NightlyParameters().model_dump(mode="json")
    del shown["store"], shown["data_dir"]
    assert differences(shown, SCHEMA) == {}
    assert differences({"parameters": EVERYTHING}, OLD) == {}


def test_what_differs_is_kept_and_nothing_else_of_its_group() -> None:
    shown = NightlyParameters(budget=5, dreams=None).model_dump(mode="json")
    shown["growth"]["seed"] = 3
    shown["analysis"]["settings"]["clear"] = 5
    del shown["store"], shown["data_dir"]
    kept = {"budget": 5, "growth": {"seed": 3}, "dreams": None, "analysis": {"settings": {"clear": 5}}}
    assert differences(shown, SCHEMA) == kept
    assert NightlyParameters.model_validate(kept) == NightlyParameters.model_validate(shown)
    changed = EVERYTHING | {"batch": 8, "growth": {"starts": 64, "seed": 3}, "dreams": {"passes": 1}, "analysis": None}
    assert differences({"parameters": changed}, OLD) == {
        "batch": 8,
        "growth": {"seed": 3},
        "dreams": {},
        "analysis": None,
    }


def test_to_train_first_with_all_defaults_is_kept() -> None:
    shown = SweepParameters.model_validate({"train": {}}).model_dump(mode="json")["train"]
    assert differences({"train": shown}, schema_of(SweepParameters)) == {"train": {}}
    assert differences({"train": None}, schema_of(SweepParameters)) == {}


def test_what_no_form_shows_is_kept() -> None:
    assert differences({"store": "/elsewhere", "unknown": 1}, SCHEMA) == {"store": "/elsewhere", "unknown": 1}


def of_schedule(client: SyncPrefectClient) -> dict[str, Any]:
    """The parameters of the only schedule of `nightly` that is on."""
    (own,) = [item.parameters for item in nightly(client).schedules if item.active]
    return own


LATER = Scheduled(scheduled_time=datetime.now(UTC) + timedelta(days=9))
CRON = CronSchedule(cron="0 3 1 1 *", timezone="UTC")


async def not_soon(*_: object) -> bool:
    """In place of the look for a run that is about to begin."""
    return False


def schedule(client: SyncPrefectClient, own: dict[str, Any], when: Any = CRON) -> None:
    """Give `nightly` one more schedule, with parameters of its own."""
    made = DeploymentScheduleCreate(schedule=when, active=True, parameters=own)
    client.create_deployment_schedules(nightly(client).id, [made])


@pytest.fixture
def client(prefect_server: str) -> Iterator[SyncPrefectClient]:
    """A client of the session's server, on which `nightly` is registered."""
    register("nightly")
    with get_client(sync_client=True) as client:
        yield client
        client.delete_deployment(nightly(client).id)


def nightly(client: SyncPrefectClient) -> DeploymentResponse:
    """The deployment as the server has it."""
    return client.read_deployment_by_name("nightly/dreamsweep")


def rewritten() -> list[str]:
    """Rewrite what is saved, as `up` does every minute, and give what the user is told."""

    async def rewrite() -> None:
        async with get_client() as client:
            await rewrite_saved(client, told.append)

    told: list[str] = []
    asyncio.run(rewrite())
    return told


def test_what_a_form_saves_is_cut_down_to_what_differs(client: SyncPrefectClient) -> None:
    shown = NightlyParameters(budget=5).model_dump(mode="json", exclude={"store", "data_dir"}, exclude_none=True)
    made = nightly(client).id
    client.update_deployment(made, DeploymentUpdate(parameters=shown))
    run = client.create_flow_run_from_deployment(made, state=LATER, parameters={"batch": 8})
    assert run.parameters["batch"] == 8
    assert len(run.parameters) > 10
    for _ in range(2):  # once done it stays so
        rewritten()
        assert nightly(client).parameters == {"budget": 5}
        assert client.read_flow_run(run.id).parameters == {"budget": 5, "batch": 8}
    client.delete_flow_run(run.id)


def test_an_older_deployment_is_rewritten_when_it_is_registered_with_its_schedules_and_runs(
    client: SyncPrefectClient,
) -> None:
    made = nightly(client).id
    older = {"parameter_openapi_schema": OLD, "parameters": {"parameters": EVERYTHING | {"budget": 5, "batch": 8}}}
    client.update_deployment(made, DeploymentUpdate(**older))
    saved = [{}, {"parameters": EVERYTHING | {"batch": 16}}, {"parameters": {"model": "model/own"}}]
    for own in saved:
        schedule(client, own)
    own = {"parameters": EVERYTHING | {"store": "/new", "model": "x"}}
    run = client.create_flow_run_from_deployment(made, state=LATER, parameters=own)

    register("nightly")
    assert client.read_flow_run(run.id).parameters == {"store": "/new", "model": "x"}
    client.delete_flow_run(run.id)
    after = nightly(client)
    assert after.parameters == {"budget": 5, "batch": 8}
    # what a schedule said stood for all, and still does: the server lays it over what the deployment says
    own = {str(item.parameters) for item in after.schedules}
    assert own == {
        "{}",
        str({"batch": 16, "budget": None}),
        str({"model": "model/own", "budget": None, "batch": 64}),
    }
    register("nightly")
    assert {str(item.parameters) for item in nightly(client).schedules} == own
    assert nightly(client).parameters == after.parameters


def test_a_run_that_has_begun_keeps_what_it_was_asked_for(client: SyncPrefectClient) -> None:
    asked: dict[str, Any] = {"parameters": {"batch": 64, "dreams": None}}
    run = client.create_flow_run_from_deployment(nightly(client).id, state=Scheduled(), parameters=asked)
    for state in (Running(), Failed(), AwaitingRetry()):
        client.set_flow_run_state(run.id, state, force=True)
    rewritten()
    assert client.read_flow_run(run.id).parameters == asked
    client.delete_flow_run(run.id)


def test_a_run_that_says_all_within_the_old_argument_has_it_so_beside_what_the_deployment_has_saved(
    client: SyncPrefectClient,
) -> None:
    made = nightly(client).id
    client.update_deployment(made, DeploymentUpdate(parameters={"budget": 5, "batch": 8, "dreams": None}))
    asked = {"parameters": {"budget": 10, "batch": 64, "dreams": None}}
    run = client.create_flow_run_from_deployment(made, state=LATER, parameters=asked)
    assert run.parameters["budget"] == 5  # the server laid one beside the other
    rewritten()
    assert client.read_flow_run(run.id).parameters == {"budget": 10}
    client.delete_flow_run(run.id)


def test_what_a_schedule_says_by_the_names_of_fields_stays_also_where_it_is_the_default(
    client: SyncPrefectClient,
) -> None:
    own = {"batch": 64, "budget": None, "growth": {"starts": 64}}
    schedule(client, own)
    rewritten()
    assert of_schedule(client) == own


def test_a_schedule_of_before_freezes_no_group_and_no_place_of_this_machine(client: SyncPrefectClient) -> None:
    made = nightly(client).id
    saved = {"growth": {"seed": 3}, "dreams": {"passes": 2}, "analysis": None, "store": "/own", "data_dir": "/mnist"}
    client.update_deployment(made, DeploymentUpdate(parameters=saved))
    shown = NightlyParameters().model_dump(mode="json")
    schedule(client, {"parameters": shown | {"batch": 8}})
    rewritten()
    own = of_schedule(client)
    different = {"batch": 8, "growth": {}, "dreams": {}, "analysis": {}}
    assert {name: value for name, value in own.items() if name not in OF_THE_SERVER} == different
    merged = {name: value for name, value in {**saved, **own}.items() if name not in OF_THE_SERVER}
    assert NightlyParameters.model_validate(merged) == NightlyParameters(batch=8)
    rewritten()
    assert of_schedule(client) == own


def test_what_a_schedule_says_and_no_form_knows_is_within_the_old_argument_where_the_form_refuses_it(
    client: SyncPrefectClient,
) -> None:
    schedule(client, {"budgte": 5, "batch": 8})
    for _ in range(2):
        rewritten()
        own = of_schedule(client)
        assert own == {"batch": 8, "parameters": {"budgte": 5}}
    with pytest.raises(BadInput, match="there is no field 'budgte': leave it out"):
        read_arguments(NightlyParameters, own.pop("parameters"), own)


def test_what_somebody_saves_while_it_is_rewritten_is_left_for_the_next_time(
    client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = nightly(client).id
    client.update_deployment(made, DeploymentUpdate(parameters={"budget": 5, "batch": 64}))
    read_runs = PrefectClient.read_flow_runs

    async def read_while_somebody_saves(self: PrefectClient, **question: Any) -> Any:
        if question["deployment_filter"].id.any_ == [made]:  # other tests may have left deployments of other flows
            client.update_deployment(made, DeploymentUpdate(parameters={"budget": 6, "batch": 64}))
        return await read_runs(self, **question)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("flows.serving.deployments.begins_soon", not_soon)
        meanwhile.setattr(PrefectClient, "read_flow_runs", read_while_somebody_saves)
        rewritten()
    assert nightly(client).parameters == {"budget": 6, "batch": 64}
    rewritten()
    assert nightly(client).parameters == {"budget": 6}


def test_a_schedules_run_that_is_about_to_begin_is_not_lost(client: SyncPrefectClient) -> None:
    made = nightly(client).id
    frozen = {"budget": 5, "batch": 64}
    client.update_deployment(made, DeploymentUpdate(parameters=frozen))
    now = datetime.now(UTC).replace(microsecond=0)
    schedule(client, {}, IntervalSchedule(interval=timedelta(days=1), anchor_date=now + timedelta(seconds=100)))

    def runs_to_come() -> list[UUID]:
        wanted = DeploymentFilter(id=DeploymentFilterId(any_=[made]))
        runs = client.read_flow_runs(deployment_filter=wanted, sort=FlowRunSort.EXPECTED_START_TIME_ASC)
        return [run.id for run in runs if run.auto_scheduled]

    client.request("POST", "/deployments/{id}/schedule", path_params={"id": made}, json={"min_runs": 2, "max_runs": 2})
    first, *_ = runs_to_come()
    rewritten()
    assert runs_to_come()[0] == first
    assert nightly(client).parameters == frozen
    (item,) = [item for item in nightly(client).schedules if item.active]
    client.update_deployment_schedule(made, item.id, active=False)  # its runs are gone with it
    rewritten()
    assert nightly(client).parameters == {"budget": 5}


def test_what_the_server_does_not_let_change_is_told_and_the_other_deployments_are_rewritten(
    client: SyncPrefectClient,
) -> None:
    frozen = {"budget": 5, "batch": 64}
    client.update_deployment(nightly(client).id, DeploymentUpdate(parameters=frozen))
    narrow = {"properties": {"batch": {"default": 64}}, "minProperties": 2}
    flow = client.create_flow_from_name("oip-sweep")
    wrong = client.create_deployment(
        flow, "dreamsweep", parameters=frozen, parameter_openapi_schema=narrow, enforce_parameter_schema=True
    )
    (told,) = rewritten()
    assert told.startswith("what is saved with the deployment oip-sweep stays as it is: ")
    assert client.read_deployment(wrong).parameters == frozen
    assert nightly(client).parameters == {"budget": 5}
    client.delete_deployment(wrong)
