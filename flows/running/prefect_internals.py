"""The private parts of Prefect, which its documentation does not promise: they are touched here, and nowhere else.

What `flows.serving.runner` overrides of Prefect's runner has public names; the test of this module names it too.

Each is imported where it is used, as importing Prefect takes a second. `tests/flows/running/test_prefect_internals.py`
names them all, so that an update of Prefect which takes one away is told from one that breaks something of ours.
"""

import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict

if TYPE_CHECKING:
    from fastapi import FastAPI
    from prefect.client.schemas.objects import FlowRun
    from prefect.deployments.runner import RunnerDeployment
    from prefect.events import Event
    from prefect.runner import Runner
    from prefect.server.utilities.messaging import Message, MessageHandler

FLOW_RUN_ID = "PREFECT__FLOW_RUN_ID"
"""The environment variable in which the process of a flow run finds its id."""
RUNNER_ENDS = "Runner is shutting down."
"""What the state of a flow run says that was cancelled because the process ended that runs flows."""
SENDERS = ("EventsWorker", "APILogWorker")
"""The loggers of what sends events and log lines to the server."""


def refresh_settings() -> None:
    """Have Prefect take in the environment variables as they are now."""
    from prefect.context import refresh_global_settings_context

    refresh_global_settings_context()


def set_console_level(loggers: Iterable[logging.Logger], level: int) -> None:
    """Show on the terminal only what is at least of this level, of what goes there from these loggers."""
    from prefect.logging.handlers import PrefectConsoleHandler

    for logger in loggers:
        for handler in logger.handlers:
            if isinstance(handler, PrefectConsoleHandler):
                handler.setLevel(level)


def send_all(timeout: float) -> None:
    """Wait until all events and log lines so far have been sent, and close the connections; later ones open new.

    Args:
        timeout: seconds for each of the two.
    """
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    APILogWorker.drain_all(timeout=timeout)
    EventsWorker.drain_all(timeout=timeout)


@contextlib.contextmanager
def watch_events(note: Callable[["Event"], None]) -> Iterator[None]:
    """While inside, `note` is shown every event that this process sends to the server, before it goes."""
    from prefect.events.clients import PrefectEventsClient

    as_usual = PrefectEventsClient.emit

    async def emit(self: PrefectEventsClient, event: "Event") -> None:
        note(event)
        await as_usual(self, event)

    # The method is replaced because Prefect sends nothing through a client of any type but its own.
    PrefectEventsClient.emit = emit  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        PrefectEventsClient.emit = as_usual  # type: ignore[method-assign]


def leave_ended_alone(runner: "Runner") -> None:
    """Have a runner that has started call no flow run cancelled which has ended, though its process has not yet."""
    proposer = runner._state_proposer
    as_usual = proposer.propose_cancelled

    async def propose_cancelled(flow_run: "FlowRun", state_updates: dict[str, Any] | None = None) -> bool:
        now = await runner._client.read_flow_run(flow_run.id)
        if now.state is not None and now.state.is_final():
            return False
        return await as_usual(now, state_updates)

    proposer.propose_cancelled = propose_cancelled  # type: ignore[method-assign]


def set_schema(deployment: "RunnerDeployment", schema: Mapping[str, Any]) -> None:
    """Have a deployment show this form of its flow's arguments, in place of what Prefect reads off their types."""
    from prefect.utilities.callables import ParameterSchema

    class Whole(ParameterSchema):
        model_config = ConfigDict(extra="allow")

    deployment._parameter_openapi_schema = Whole.model_validate(schema)


def find_misfit(saved: Mapping[str, Any], schema: Mapping[str, Any]) -> str | None:
    """What of a deployment's parameters the server would refuse by a schema, in Prefect's words; None where it fits."""
    from prefect.utilities.schema_tools import ValidationError, validate

    try:
        validate(dict(saved), dict(schema), raise_on_error=True, ignore_required=True)
    except ValidationError as problem:
        return str(problem)
    return None


async def kill_flow_runs(runner: "Runner") -> None:
    """Kill the processes of all flow runs that a runner has begun."""
    for flow_run in runner._process_manager.flow_run_ids():
        await runner._process_manager.kill(flow_run, force=True)


def stop_polling(runner: "Runner") -> None:
    """Have a runner that has started begin no flow run any more, and end with the last one."""
    runner._scheduled_run_poller.stopping = True
    runner._loops_task_group.cancel_scope.cancel()


def act_only_while(wanted: Callable[[], bool]) -> None:
    """Have the server of this process do what automations say only where that is wanted at the moment."""
    from prefect.server.events import actions

    as_usual = actions.consumer

    @contextlib.asynccontextmanager
    async def consumer() -> AsyncGenerator["MessageHandler", None]:
        async with as_usual() as act:

            async def act_if_wanted(message: "Message") -> None:
                if wanted():
                    await act(message)

            yield act_if_wanted

    actions.consumer = consumer


def server_app() -> "FastAPI":
    """What `prefect server start` runs, without a socket."""
    from prefect.server.api.server import create_app

    return create_app(final=True)
