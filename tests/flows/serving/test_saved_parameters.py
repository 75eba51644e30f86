"""What is saved of parameters differs from the defaults, by the names of fields, whoever saved it and when."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.states import AwaitingRetry, Failed, Running, Scheduled

from flows.forms.arguments import schema_of
from flows.forms.parameters import NightlyParameters, SweepParameters
from flows.serving.deployments import register, rewrite_saved
from flows.serving.saved_parameters import differences

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
        "parameters": {"batch": 8, "growth": {"seed": 3}, "dreams": {}, "analysis": None}
    }


def test_to_train_first_with_all_defaults_is_kept() -> None:
    shown = SweepParameters.model_validate({"train": {}}).model_dump(mode="json")["train"]
    assert differences({"train": shown}, schema_of(SweepParameters)) == {"train": {}}
    assert differences({"train": None}, schema_of(SweepParameters)) == {}


def test_what_no_form_shows_is_kept() -> None:
    assert differences({"store": "/elsewhere", "unknown": 1}, SCHEMA) == {"store": "/elsewhere", "unknown": 1}


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


def rewritten() -> None:
    """Rewrite what is saved, as `up` does every minute."""

    async def rewrite() -> None:
        async with get_client() as client:
            await rewrite_saved(client)

    asyncio.run(rewrite())


def test_what_a_form_saves_is_cut_down_to_what_differs(client: SyncPrefectClient) -> None:
    shown = NightlyParameters(budget=5).model_dump(mode="json", exclude={"store", "data_dir"}, exclude_none=True)
    made = nightly(client).id
    client.update_deployment(made, DeploymentUpdate(parameters=shown))
    later = datetime.now(UTC) + timedelta(days=9)
    run = client.create_flow_run_from_deployment(made, state=Scheduled(scheduled_time=later), parameters={"batch": 8})
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
    cron = CronSchedule(cron="0 3 1 1 *", timezone="UTC")
    for own in saved:
        client.create_deployment_schedules(made, [DeploymentScheduleCreate(schedule=cron, active=True, parameters=own)])
    later, own = datetime.now(UTC) + timedelta(days=9), {"parameters": EVERYTHING | {"store": "/new", "model": "x"}}
    run = client.create_flow_run_from_deployment(made, state=Scheduled(scheduled_time=later), parameters=own)

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
