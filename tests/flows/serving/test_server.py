"""The Prefect server of a run: shared, outlived by nothing, and not stopped before it has recorded everything."""

import fcntl
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import StateType
from prefect.context import refresh_global_settings_context
from prefect.settings import PREFECT_API_URL
from prefect.task_runners import ThreadPoolTaskRunner

from flows.serving.server import LocalServer, ServerError, local_server

MAPS = 224


@task(cache_policy=NO_CACHE, persist_result=False)
def trivial(number: int) -> int:
    return number


@flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
def many_maps() -> int:
    return sum(future.result() for future in [trivial.submit(number) for number in range(MAPS)])


@flow
def talkative() -> None:
    get_run_logger().info("so far so good")
    get_run_logger().warning("mind the gap")


@pytest.fixture
def no_server() -> Iterator[None]:
    """As for a user who has no Prefect server; afterwards the session's is there again, for every thread."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PREFECT_API_URL", raising=False)
        yield
    refresh_global_settings_context()


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all, as in use: a server that finds its database there starts in a third of the time."""
    return tmp_path_factory.mktemp("data")


def task_runs(data_folder: Path) -> dict[str, int]:
    """How many task runs ended in which state, from the server's database."""
    with sqlite3.connect(data_folder / "prefect" / "prefect.db") as database:
        return dict(database.execute("select state_name, count(*) from task_run group by state_name").fetchall())


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=10, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def wait_until(what: Callable[[], bool], seconds: float = 30) -> None:
    give_up = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < give_up, f"not within {seconds} s"
        time.sleep(0.1)


def user(data_folder: Path, *, runs_flow: bool = False) -> subprocess.Popen[str]:
    """Another process that uses the folder's server; it prints the address when it has it, and stays."""
    stay = (
        "import time; from prefect import flow; "
        "flow(lambda: (print('in the flow', flush=True), time.sleep(600)), name='long')()"
    )
    body = stay if runs_flow else "import sys; sys.stdin.read()"
    code = (
        "from pathlib import Path; from flows.serving.server import local_server\n"
        f"with local_server(Path({str(data_folder)!r})) as url:\n    print(url, flush=True); {body}\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # what a shell starts in the background ignores Ctrl-C, and so would its children
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.slow
def test_every_task_run_is_recorded_when_the_server_has_stopped(no_server: None, data_folder: Path) -> None:
    said: list[str] = []
    with local_server(data_folder, progress=said.append) as url:
        assert answers(url)
        assert many_maps() == sum(range(MAPS))
    assert not answers(url)
    assert task_runs(data_folder) == {"Completed": MAPS}
    assert said[0] == "Prefect's server is starting"
    assert said[-1] == f"Prefect's server has recorded {MAPS} of {MAPS} task runs"


@pytest.mark.slow
def test_it_is_told_that_the_server_of_another_run_is_waited_for(no_server: None, data_folder: Path) -> None:
    (data_folder / "prefect").mkdir(exist_ok=True)
    said: list[str] = []
    server = LocalServer(data_folder, progress=said.append)
    starting = threading.Thread(target=server.start)
    with (data_folder / "prefect" / "users.lock").open("ab") as users:
        fcntl.flock(users, fcntl.LOCK_EX)  # as a server does that stops
        starting.start()
        wait_until(lambda: bool(said))
    starting.join()
    try:
        assert answers(server.ready())
    finally:
        server.stop()
    assert said[:2] == ["waiting until the server of another run has stopped", "Prefect's server is starting"]


@pytest.mark.slow
def test_runs_share_a_server_that_ends_with_its_last_user_even_when_they_are_killed(
    no_server: None, data_folder: Path
) -> None:
    first, second = user(data_folder), user(data_folder)
    url = address(first)
    assert address(second) == url
    first.kill()
    first.wait()
    time.sleep(1)
    assert answers(url)
    second.kill()
    second.wait()
    wait_until(lambda: not answers(url))
    third = user(data_folder)  # what the dead have left behind is in nobody's way
    assert answers(address(third))
    _, errors = third.communicate("")
    assert third.returncode == 0, errors


@pytest.mark.slow
def test_the_flow_runs_of_a_user_that_was_killed_are_marked_by_the_next(
    no_server: None, data_folder: Path, tmp_path: Path
) -> None:
    code = (
        "from pathlib import Path; from flows.serving.server import local_server; from tests.flows.dying import dying\n"
        f"with local_server(Path({str(data_folder)!r})): dying({str(data_folder / 'prefect')!r}, {str(tmp_path)!r})"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[3])
    wait_until((tmp_path / "in the tasks").exists, seconds=120)
    process.kill()
    process.wait()
    with local_server(data_folder), sqlite3.connect(data_folder / "prefect" / "prefect.db") as database:
        found = database.execute(
            "select flow.name, state_name from flow_run join flow on flow.id = flow_id where flow.name like 'dying%'"
        ).fetchall()
    assert sorted(found) == [("dying", "Crashed"), ("dying-layer", "Crashed")]


@pytest.mark.slow
def test_ctrl_c_stops_the_run_and_the_server(no_server: None, data_folder: Path) -> None:
    process = user(data_folder, runs_flow=True)
    url = address(process)
    assert process.stdout is not None
    assert process.stdout.readline() == "in the flow\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in errors
    assert not answers(url)


def test_a_server_that_does_not_start_says_why_and_where_its_log_is(no_server: None, tmp_path: Path) -> None:
    (tmp_path / "prefect").mkdir()
    (tmp_path / "prefect" / "prefect.db").write_text("this is not a database, and long enough to be seen not to be one")
    with pytest.raises(ServerError, match=r"(?s)not a database.*server\.log"), local_server(tmp_path):
        pass


def test_a_data_folder_that_cannot_be_written_is_named(no_server: None, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(ServerError, match=f"{tmp_path}/data/prefect: Not a directory"):
        local_server(tmp_path / "data")


def test_the_server_that_prefect_api_url_names_is_used_and_nothing_is_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, prefect_server: str
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    with local_server(tmp_path) as url:
        assert url == prefect_server
    assert list(tmp_path.iterdir()) == []


def test_threads_and_children_use_the_server(prefect_server: str) -> None:
    seen: list[str | None] = []
    thread = threading.Thread(target=lambda: seen.append(PREFECT_API_URL.value()))
    thread.start()
    thread.join()
    assert seen == [prefect_server]
    assert os.environ["PREFECT_API_URL"] == prefect_server


def test_the_terminal_shows_the_warnings_of_a_run_and_not_every_line(
    prefect_server: str, capfd: pytest.CaptureFixture[str]
) -> None:
    talkative()
    errors = capfd.readouterr().err
    assert "so far so good" not in errors
    assert logging.getLogger("prefect.flow_runs").isEnabledFor(logging.INFO)  # the server has them


@pytest.mark.slow
def test_a_cron_deployment_gets_scheduled_runs(prefect_server: str) -> None:
    # With whenever 0.10, Prefect 3.9.1 schedules none, and says nothing but in its log.
    deployment = many_maps.to_deployment("every hour", cron="0 * * * *").apply()

    def scheduled() -> list[datetime]:
        with get_client(sync_client=True) as client:
            runs = client.read_flow_runs(deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])))
        return [
            run.expected_start_time
            for run in runs
            if run.state_type == StateType.SCHEDULED and run.expected_start_time is not None
        ]

    wait_until(lambda: len(scheduled()) >= 2, seconds=90)
    assert min(scheduled()) - datetime.now(UTC) < timedelta(hours=1, minutes=1)
    assert {moment.minute for moment in scheduled()} == {0}
