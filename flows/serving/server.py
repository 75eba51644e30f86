"""The Prefect server that a run uses: the one that `PREFECT_API_URL` names, else the project's own.

    with local_server(data_folder) as url:
        some_flow()

The project's own is a separate process (`flows.serving.server_process`), which runs that use the same data folder
share, and which ends with its last user, even one that was killed. It is never Prefect's ephemeral server, which dies
before it has recorded the task runs.
"""

import contextlib
import fcntl
import json
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO
from urllib.parse import urlsplit

from flows.forms.addresses import PUBLIC_URL, public_address, read_addresses
from flows.running.locks import try_lock
from flows.serving.deployments import NAME
from flows.serving.given_server import check_that_it_answers
from flows.serving.runner_process import SERVER_LOG
from flows.serving.server_process import ASKS, KEPT_SECONDS, PUBLIC, STOP_SECONDS
from flows.serving.server_settings import (
    CLIENT_PASSWORD,
    client_settings,
    in_environment,
    keep_prefect_off_the_terminal,
    settings_here,
)
from flows.web.access import PASSWORD, AccessError, authorization, server_password
from flows.web.listening import LOCALHOST
from lib import stop
from lib.words import duration, plural

START_SECONDS = 180.0
LOOK_SECONDS = 0.1
UNAUTHORIZED = 401
STOPPED_SECONDS = 1.0
"""So long the recorder is waited for by whoever was told to stop."""
SERVER_SETTINGS = {
    # With Prefect's defaults, the recorder lags two minutes behind 2,000 task runs.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
}

Progress = Callable[[str], None]


class ServerError(Exception):
    """Prefect's server did not start. The message says where its log is."""


def local_server(data_folder: Path, *, progress: Progress | None = None) -> "LocalServer":
    """Begin to start the Prefect server, and return at once; `with` waits for it, gives its address, and stops it.

    Whatever takes long (importing TensorFlow) can be done between the call and the `with`. `progress` is called with a
    line of text as things move on. Where `PREFECT_API_URL` is set, nothing is started or stopped.
    """
    server = LocalServer(data_folder, progress=progress)
    server.start()
    return server


@dataclass(frozen=True, kw_only=True)
class ServerAddress:
    """Where the server of an `up` has to be: at a port of a host, and at its public address where there is a proxy."""

    host: str
    port: int
    public: str | None = None

    def is_where(self, note: Mapping[str, object]) -> bool:
        """Whether the server that says this of itself is there."""
        there = (self.port, self.public) == (note["port"], note.get(PUBLIC))
        return there and self.host in (LOCALHOST, note["host"])


class LocalServer:
    """What `local_server` returns. Within the `with`, all threads of this process and its children use the server.

    `address`: where it has to be; None: anywhere on this machine. `keep_nights`: of how many days it remembers flow
    runs; None: of all.

    Raises `ServerError` where it does not start, and `ServerAway` where one is named that does not answer.
    """

    def __init__(
        self,
        data_folder: Path,
        *,
        progress: Progress | None = None,
        address: ServerAddress | None = None,
        keep_nights: int | None = None,
    ) -> None:
        self.folder = data_folder.resolve() / "prefect"
        self.url = os.environ.get("PREFECT_API_URL", "")
        self.given = bool(self.url)
        self._address, self._keep_nights = address, keep_nights
        self._progress = progress or (lambda _: None)
        self._users: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._within = contextlib.ExitStack()
        self.warning = ""
        """What is wrong with the server that was found running, once it is ready."""
        self.forgets = ""
        """What the server that was found running does with old flow runs, where that is not what it was asked for."""

    def start(self) -> None:
        """Count as a user from now on, and see to it that a server starts. Does not wait for it.

        Raises ServerAway where the user has named a server that does not answer.
        """
        if self.given:
            check_that_it_answers(self.url)
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / "server.lock").touch()
            self._users = (self.folder / "users.lock").open("ab")
            self._password = server_password(self.folder)
        except AccessError as error:
            raise ServerError(str(error)) from error
        except OSError as error:
            raise ServerError(f"Prefect's server cannot keep its data in {self.folder}: {error.strerror}") from error
        if not try_lock(self._users, fcntl.LOCK_SH):
            self._progress("waiting until the server of another run has stopped")
            fcntl.flock(self._users, fcntl.LOCK_SH)
        self._start_process()

    def ready(self) -> str:
        """Wait until the server answers, and return the address of its API."""
        if not self.given:
            self._progress("Prefect's server is starting")
            give_up = time.monotonic() + START_SECONDS
            while not self._answers():
                self._watch_server_process(give_up)
                time.sleep(LOOK_SECONDS)
            self._check_that_it_is_ours()
        return self.url

    def revive(self) -> bool:
        """Start the server again where it has died, at the address that everybody knows; True where it had.

        Raises ServerError.
        """
        if self.given or self._users is None or self._is_kept():
            return False
        self._start_process()
        self.ready()
        return True

    @property
    def client_settings(self) -> dict[str, str]:
        """The environment variables with which this process and others reach the server, and no other."""
        return {} if self.given else client_settings(self.url, self.folder)

    def stop(self) -> None:
        """Be a user no more. The last one waits until the server has stopped, unless it was told to stop itself."""
        if self._users is None:
            return
        users, self._users = self._users, None
        fcntl.flock(users, fcntl.LOCK_UN)
        give_up = time.monotonic() + STOP_SECONDS
        # Other users hold the lock shared. The server holds it exclusively once it is stopping.
        while self._is_kept() and time.monotonic() < give_up and not stop.is_told():
            free, shared = _could_lock(users, fcntl.LOCK_EX), _could_lock(users, fcntl.LOCK_SH)
            if shared and not free:
                break
            time.sleep(LOOK_SECONDS)
        users.close()
        if self._process is not None:
            self._process.poll()

    def __enter__(self) -> str:
        keep_prefect_off_the_terminal()
        try:
            url = self.ready()
        except BaseException:
            self.stop()
            raise
        from flows.running.crashed_runs import mark_crashed

        if self.given:
            for name in mark_crashed(self.folder, url, deployments=None):
                self._progress(f"crashed: {name}")
            return url
        from flows.serving.recorder import note_task_runs

        self._within.callback(self.stop)
        self._within.enter_context(in_environment(self.client_settings))
        self._within.enter_context(settings_here(url))
        self._sent = self._within.enter_context(note_task_runs())
        if self.warning:
            logging.getLogger(__name__).warning("%s", self.warning)
        self._progress(f"Prefect's server is at {url.removesuffix('/api')}")
        mark_crashed(self.folder, url, deployments=NAME)
        return url

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.given:
            return
        from flows.serving.recorder import PATIENCE_SECONDS, wait_for_recorder

        with self._within:
            patience = STOPPED_SECONDS if stop.is_told() else PATIENCE_SECONDS
            missing = wait_for_recorder(self.url, self._sent, self._progress, patience)
            if missing and not stop.is_told():
                logging.getLogger(__name__).warning(
                    "Prefect's server did not record the end of %d task runs (its log: %s). "
                    "The results are in the store all the same.",
                    missing,
                    self._log,
                )

    @property
    def _log(self) -> Path:
        return self.folder / SERVER_LOG

    def _start_process(self) -> None:
        # Its own settings and none of the user's, whose profile or environment may name another database; -P and the
        # folder as working directory keep modules and settings of wherever the user is out of it.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        wanted = self._address
        public = wanted.public if wanted else public_address() or read_addresses(self.folder).public_url
        environment |= SERVER_SETTINGS | {
            "PREFECT_HOME": str(self.folder),
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{self.folder / 'prefect.db'}",
        }
        environment |= _settings_of_the_ui(self.folder, public)
        environment |= dict.fromkeys((PASSWORD, CLIENT_PASSWORD), self._password)
        if self._keep_nights is not None:
            environment |= {
                "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
                KEPT_SECONDS: str(self._keep_nights * 86_400),
            }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # doubles the time that the server takes to start
        with self._log.open("ab") as log:
            self._log_begins = log.tell()
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "flows.serving.server_process",
                    str(self.folder),
                    *([wanted.host, str(wanted.port)] if wanted else []),
                ],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the run, which then stops the server when it is done with it
                umask=0o077,  # whoever starts it, and be it a notebook
            )

    def _watch_server_process(self, give_up: float) -> None:
        """Raise where the server failed or takes too long; start it again where the one we counted on has gone."""
        assert self._process is not None
        if self._process.poll():
            if (error := self._last_error()).startswith("PortTaken: "):
                raise ServerError(error.removeprefix("PortTaken: "))
            raise ServerError(f"Prefect's server did not start ({error}): see {self._log}")
        if time.monotonic() > give_up:
            raise ServerError(f"Prefect's server did not start within {duration(START_SECONDS)}: see {self._log}")
        if self._process.poll() == 0 and not self._is_kept():
            self._start_process()

    def _check_that_it_is_ours(self) -> None:
        """Raise where the server that was there already is at another address, or wants another password."""
        here = json.loads((self.folder / "server.lock").read_bytes())
        if ASKS not in here:
            self.warning = restart_of(self.url)
        elif self._address and not self._address.is_where(here):
            raise ServerError(
                f"Prefect's server is running already at {self.url.removesuffix('/api')}, for another run, and not "
                "at the address that this up is to have: wait until that run has ended, and start up again"
            )
        check_password(self.folder, f"{self.url}/admin/version")
        days = int(here[KEPT_SECONDS]) // 86_400 if KEPT_SECONDS in here else None
        if days != self._keep_nights:
            self.forgets = "keeps all flow runs" if days is None else f"forgets flow runs after {plural(days, 'day')}"

    def _last_error(self) -> str:
        """The exception that ended the server, or else its last word."""
        lines = self._log.read_bytes()[self._log_begins :].decode(errors="replace").strip().splitlines()
        errors = [line for line in lines if re.match(r"[\w.]+(Error|Exception): ", line)]
        return (errors or lines or ["no message"])[-1]

    def _is_kept(self) -> bool:
        with (self.folder / "server.lock").open("rb") as server_lock:
            return not try_lock(server_lock, fcntl.LOCK_SH)

    def _answers(self) -> bool:
        import httpx

        if not self._is_kept():
            return False
        with contextlib.suppress(ValueError, httpx.HTTPError):
            self.url = json.loads((self.folder / "server.lock").read_bytes())["url"]
            # `verify` would read all certificates there are, for a line that has none
            return bool(httpx.get(f"{self.url}/health", timeout=5, trust_env=False, verify=False).is_success)
        return False


def restart_of(url: str) -> str:
    """What is said of a server that was started before servers asked who comes, which goes on as it is."""
    return (
        f"Prefect's server at {url.removesuffix('/api')} was started by an older version of dreamsweep, which protects "
        "it less: end it with `dreamsweep down` and start it again, or let the run end that uses it"
    )


def check_password(folder: Path, address: str) -> None:
    """Raise ServerError where a server wants another password than that of the data folder which `folder` is in."""
    import httpx

    says = {"Authorization": authorization(server_password(folder))}
    if httpx.get(address, headers=says, timeout=START_SECONDS, trust_env=False).status_code == UNAUTHORIZED:
        at = urlsplit(address)._replace(path="").geturl()
        raise ServerError(
            f"the server at {at} needs another password: set {PASSWORD} as it is set for "
            "`dreamsweep up`, or unset it where it is not"
        )


def _settings_of_the_ui(folder: Path, public: str | None) -> dict[str, str]:
    """What the process of the server hears of its public address.

    The UI's pages are files that Prefect builds for one path, in the environment where it is installed: those for the
    path that a proxy has are built in the data folder.
    """
    path = urlsplit(public or "").path
    # Without a host, so that the UI works at whatever address it is opened: another port, another name, a tunnel.
    settings = {"PREFECT_SERVER_UI_API_URL": f"{path}/api", PUBLIC_URL: public or ""}
    if path:
        settings["PREFECT_SERVER_UI_SERVE_BASE"] = path
        settings["PREFECT_SERVER_UI_STATIC_DIRECTORY"] = str(folder / "ui")
    return settings


def _could_lock(file: IO[bytes], how: int) -> bool:
    if not try_lock(file, how):
        return False
    fcntl.flock(file, fcntl.LOCK_UN)
    return True
