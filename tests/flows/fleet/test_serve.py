"""A worker in this process, on the server of the tests: it takes shards until it is told to end."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.workers.base import BaseWorker

from flows.fleet.deploy import deploy
from flows.fleet.worker import make_worker, serve
from flows.serving.runner_process import CannotServe
from lib.errors import BadInput
from tests.docs.blocks import CHECKOUT
from tests.flows.being_up import wait_until
from tests.flows.fleet.stand_in import NAME

POOL = "in-process"
Drive = Callable[[list[str]], None]


@pytest.fixture
def client(prefect_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SyncPrefectClient]:
    """A client of a server that has the pool; what shards find in their environment."""
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    monkeypatch.setenv("DREAMSWEEP_HOME", str(tmp_path))
    monkeypatch.setenv("DREAMSWEEP_STORE", str(tmp_path / "store"))
    deploy(POOL, None, None)
    with get_client(sync_client=True) as client:
        yield client
        client.delete_work_pool(POOL)
        for deployment in client.read_deployments():
            if deployment.name == POOL:
                client.delete_deployment(deployment.id)
        for automation in client.read_automations():
            client.delete_automation(automation.id)


def submit(layer: str) -> UUID:
    """A shard that waits for a worker."""
    asked = {"run": "run", "layer": layer, "units": "0-3"}
    flow_run: Any = run_deployment(f"{NAME}/{POOL}", parameters=asked, timeout=0, as_subflow=False)
    assert isinstance(flow_run, FlowRun)
    return flow_run.id


def work(folder: Path, drive: Drive) -> list[str]:
    """Work for the pool until `drive`, in another thread, has come to its end; what the worker says."""
    said: list[str] = []
    failed: list[BaseException] = []

    def conduct() -> None:
        try:
            drive(said)
        except BaseException as error:  # told to whoever waits for this thread
            failed.append(error)
        finally:
            if "ended" not in said:
                os.kill(os.getpid(), signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, lambda *_: None)
    conducting = threading.Thread(target=conduct)
    conducting.start()
    try:
        asyncio.run(serve(POOL, "ada", 1, folder, said.append))
    finally:
        conducting.join()
        signal.signal(signal.SIGTERM, before)
    assert not failed, failed
    return said


def test_a_worker_takes_shards_until_it_is_told_to_end_and_hands_back_what_it_has(
    client: SyncPrefectClient, tmp_path: Path
) -> None:
    quick, slow, waits = submit("quick"), submit("slow"), submit("quick")

    def state(id: UUID) -> str | None:
        return client.read_flow_run(id).state_name

    def drive(said: list[str]) -> None:
        wait_until(lambda: state(quick) == "Completed", 120)
        wait_until(lambda: state(slow) == "Running", 120)

    said = work(tmp_path / "prefect", drive)
    names = {id: client.read_flow_run(id).name for id in (quick, slow)}
    told = [line for line in said if line.startswith("shard ")]
    assert told == [
        f"shard {names[quick]}: begins",
        f"shard {names[quick]}: ended",
        f"shard {names[slow]}: begins",
        f"shard {names[slow]}: handed back",
    ]
    assert said[-1] == "ended"
    assert state(slow) == "AwaitingRetry"
    assert state(waits) in ("Scheduled", "Late")


def test_a_worker_outlives_a_server_that_does_not_answer(
    client: SyncPrefectClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = BaseWorker.get_and_submit_flow_runs
    away = [httpx.ConnectError("no server"), httpx.ReadTimeout("no answer")]

    async def ask(self: Any) -> Any:
        if away:
            raise away.pop(0)
        return await asked(self)

    monkeypatch.setattr(BaseWorker, "get_and_submit_flow_runs", ask)
    shard = submit("quick")
    said = work(
        tmp_path / "prefect", lambda _: wait_until(lambda: client.read_flow_run(shard).state_name == "Completed", 120)
    )
    assert [line for line in said if "does not answer" in line] == [
        f"Prefect's server does not answer ({kind}): it is asked again" for kind in ("ConnectError", "ReadTimeout")
    ]


def test_a_worker_that_was_told_of_no_pool_or_of_one_that_needs_more_says_what_to_do(
    client: SyncPrefectClient, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match="no work pool nowhere on this server: dreamsweep deploy --pool nowhere"):
        asyncio.run(serve("nowhere", "ada", 1, tmp_path, print))
    with pytest.raises(CannotServe, match="make workers installs it"):
        make_worker("balloon", POOL, "ada", 1, print)
