"""What tests of a fleet share: a stand-in for shards, and a server that acts on its automations."""

import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest

from flows.fleet.settings import FLEET_SERVER_SETTINGS
from flows.fleet.shards import SHARD_FLOWS
from flows.web.access import PASSWORD, authorization
from tests.flows.being_up import environment, free_port
from tests.flows.fleet.fleet_server import AUTH, FleetServer
from tests.flows.fleet.stand_in import NAME, PLACE


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The only flow of shards is the one of these tests."""
    for flow in list(SHARD_FLOWS):
        monkeypatch.delitem(SHARD_FLOWS, flow)
    monkeypatch.setitem(SHARD_FLOWS, NAME, PLACE)


@pytest.fixture(scope="module")
def fleet_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetServer]:
    """Prefect's server as users start it for a fleet, on SQLite, with a password."""
    home, port = tmp_path_factory.mktemp("fleet-server"), free_port()
    settings = environment(home, PREFECT_HOME=str(home), **{PASSWORD: AUTH}, **FLEET_SERVER_SETTINGS)
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)],
            env=settings,
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}/api"
    give_up = time.monotonic() + 180
    headers = {"Authorization": authorization(AUTH)}
    while True:
        try:
            httpx.get(f"{url}/health", headers=headers, trust_env=False, timeout=5).raise_for_status()
            break
        except httpx.HTTPError:
            has_ended = server.poll() is not None
            assert not has_ended, (home / "server.log").read_text()
            assert time.monotonic() < give_up
            time.sleep(0.2)
    try:
        yield FleetServer(url)
    finally:
        server.terminate()
        server.wait(60)
