"""The parts of Prefect that its documentation does not promise are there, and are touched in one module only.

Where one of these fails after an update of Prefect, `flows.running.prefect_internals` wants another way to do the same.
"""

import inspect
import re
from importlib import import_module
from pathlib import Path

import prefect
import pytest

from flows.running.prefect_internals import RUNNER_ENDS

ROOT = Path(__file__).resolve().parents[3]
PARTS = [
    "prefect.context:refresh_global_settings_context",
    "prefect.events.clients:PrefectEventsClient.emit",
    "prefect.events.worker:EventsWorker.drain_all",
    "prefect.logging.handlers:APILogWorker.drain_all",
    "prefect.logging.handlers:PrefectConsoleHandler.setLevel",
    "prefect.runner._process_manager:ProcessManager.flow_run_ids",
    "prefect.runner._process_manager:ProcessManager.kill",
    "prefect.runner._state_proposer:StateProposer.propose_cancelled",
    "prefect.runner:Runner.astop",
    "prefect.runner:Runner.cancel_all",
    "prefect.runner:Runner.handle_sigterm",
    "prefect.server.api.server:create_app",
    "prefect.utilities.callables:ParameterSchema",
    "prefect.utilities.schema_tools:ValidationError",
    "prefect.utilities.schema_tools:validate",
    "prefect.server.events.actions:consumer",
]
NAMES = [
    *("_process_manager", "_scheduled_run_poller", "_state_proposer", "_loops_task_group", "PREFECT__FLOW_RUN_ID"),
    *("refresh_global_settings_context", "PrefectEventsClient", "EventsWorker", "APILogWorker"),
    *(
        "_parameter_openapi_schema",
        "PrefectConsoleHandler",
        r"prefect\.server",
        r"prefect\._internal",
        r"prefect\.utilities",
    ),
]
"""By which any of them is touched."""


def gone(part: str) -> str:
    return f"Prefect {prefect.__version__} has no {part} any more: see flows/running/prefect_internals.py"


@pytest.mark.parametrize("part", PARTS)
def test_prefect_has_what_it_does_not_promise(part: str) -> None:
    module, _, names = part.partition(":")
    try:
        found = import_module(module)
        for name in names.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError):
        pytest.fail(gone(part))
    assert callable(found)


def test_events_pass_through_the_method_that_is_replaced() -> None:
    from prefect.events.clients import PrefectEventsClient

    given = list(inspect.signature(PrefectEventsClient.emit).parameters)
    assert given == ["self", "event"], gone("PrefectEventsClient.emit(event)")


def test_a_run_that_is_cancelled_by_the_end_of_what_runs_it_is_known_by_its_message() -> None:
    from prefect.runner._cancellation_manager import CancellationManager

    said = inspect.signature(CancellationManager.cancel_all).parameters["state_msg"].default
    assert said == RUNNER_ENDS, gone(f"message {RUNNER_ENDS!r}")


def test_a_deployment_has_the_schema_that_is_replaced() -> None:
    from prefect.deployments.runner import RunnerDeployment

    from flows.running.prefect_internals import set_schema

    made = RunnerDeployment(name="internals", flow_name="internals")
    assert "_parameter_openapi_schema" in RunnerDeployment.__private_attributes__, gone("the schema of a deployment")
    schema = {"title": "Parameters", "type": "object", "properties": {}, "required": [], "definitions": {}}
    set_schema(made, schema | {"propertyNames": {"enum": ["budget"]}})
    sent = made._parameter_openapi_schema.model_dump(exclude_unset=True)
    assert sent == schema | {"propertyNames": {"enum": ["budget"]}}


def test_what_does_not_fit_a_schema_is_named() -> None:
    from flows.running.prefect_internals import find_misfit

    schema = {"type": "object", "properties": {"budget": {"type": "number"}}, "required": ["model"]}
    assert find_misfit({"budget": 5}, schema) is None
    assert "budget" in (find_misfit({"budget": "soon"}, schema) or ""), gone("validate of prefect.utilities")


async def _parts_of_a_runner() -> list[str]:
    from prefect.runner import Runner

    missing = []
    async with Runner(name="internals", pause_on_shutdown=False) as runner:
        for names in (
            *("_process_manager.flow_run_ids", "_process_manager.kill", "started"),
            *("_state_proposer.propose_cancelled", "_client.read_flow_run"),
            *("_scheduled_run_poller.stopping", "_loops_task_group.cancel_scope.cancel"),
        ):
            try:
                found: object = runner
                for name in names.split("."):
                    found = getattr(found, name)
            except AttributeError:
                missing.append(names)
    return missing


@pytest.mark.slow
@pytest.mark.usefixtures("prefect_server")
def test_a_runner_that_has_started_has_what_ends_it() -> None:
    import asyncio

    missing = asyncio.run(_parts_of_a_runner())
    assert not missing, gone(f"Runner.{missing[0]}")


@pytest.mark.parametrize(
    ("state", "is_called"), [("RUNNING", True), ("COMPLETED", False), ("CRASHED", False), (None, True)]
)
def test_what_has_ended_is_not_called_cancelled(state: str | None, is_called: bool) -> None:
    import asyncio
    from types import SimpleNamespace
    from typing import Any
    from uuid import uuid4

    from prefect.client.schemas.objects import State, StateType

    from flows.running.prefect_internals import leave_ended_alone

    called: list[Any] = []

    async def read_flow_run(_: Any) -> Any:
        return SimpleNamespace(id=0, state=state and State(type=StateType(state)))

    async def propose_cancelled(flow_run: Any, state_updates: Any = None) -> bool:
        called.append(flow_run)
        return True

    proposer = SimpleNamespace(propose_cancelled=propose_cancelled)
    runner: Any = SimpleNamespace(_state_proposer=proposer, _client=SimpleNamespace(read_flow_run=read_flow_run))
    leave_ended_alone(runner)
    assert asyncio.run(proposer.propose_cancelled(SimpleNamespace(id=uuid4()))) == is_called
    assert bool(called) == is_called


def test_the_process_of_a_flow_run_is_told_its_id_by_the_environment() -> None:
    from prefect import flow_engine

    from flows.running.prefect_internals import FLOW_RUN_ID

    assert FLOW_RUN_ID in inspect.getsource(flow_engine), gone(FLOW_RUN_ID)


def test_what_sends_to_the_server_logs_under_the_names_that_are_kept_quiet() -> None:
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    from flows.running.prefect_internals import SENDERS

    assert sorted(SENDERS) == sorted(worker.__name__ for worker in (EventsWorker, APILogWorker)), gone("EventsWorker")


def test_they_are_touched_in_one_module_only() -> None:
    private = re.compile(rf"\b(?:{'|'.join(NAMES)})\b")
    touching = {
        str(path.relative_to(ROOT))
        for package in ("dreamsweep", "flows", "tasks", "lib", "storage")
        for path in (ROOT / package).rglob("*.py")
        if private.search(path.read_text())
    }
    assert touching == {"flows/running/prefect_internals.py"}
