"""`dreamsweep up`: Prefect's server, its UI, the pictures, and whatever flow runs are started or scheduled.

One process looks after all of it: the server (`flows.serving.server_process`), the process that runs flows
(`flows.serving.runner`) and the pictures, which it serves itself. What dies is started again; what died with its work
undone is marked as crashed. It holds `up.lock`, and ends on SIGTERM, Ctrl-C or a closed terminal.
"""

import contextlib
import json
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import FrameType

from flows.forms import allowed_places
from flows.forms.addresses import PICTURES_URL, Addresses, pictures_below, read_addresses, remember_addresses
from flows.forms.places import gallery_folder
from flows.running.runs_log import settings_for
from flows.serving.deployments import NAME
from flows.serving.runner_process import NOISE_LOG, RUNS_LOG, SERVER_LOG, ServingProcess
from flows.serving.server import LocalServer, ServerAddress, ServerError
from flows.serving.server_settings import keep_prefect_off_the_terminal
from flows.serving.up_lock import UpLock, UpNote
from flows.serving.upkeep import Upkeep
from flows.web.access import PASSWORD, Access
from flows.web.listening import LOCALHOST, address_of, is_local, listen, port_of
from lib.errors import BadInput
from storage.files import without_password

LOOK_SECONDS = 0.5
MARK_SECONDS = 5.0
AGAIN_SECONDS = 30.0
LOG_BYTES = 1_000_000
FOUND_RUNNING = (
    "Prefect's server was running already, for another run, and %s: when that run has ended, `dreamsweep down` and "
    "`dreamsweep up` again have it do what --keep-nights says"
)
OWN_SETTING = (
    "--keep-nights is for the store alone: the server that PREFECT_API_URL names goes by settings of its own "
    "(PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED)"
)

log = logging.getLogger("dreamsweep.up")


@dataclass(frozen=True, kw_only=True)
class UpSettings:
    """How to be up.

    `port`, `pictures_port`: None: those of before. `public`: the address at which browsers come through a proxy.
    `allow`: folders and URLs, beside our own, that flow runs may read and write. `keep_nights`: of how many nights runs
    are remembered; None: of all.
    """

    folder: Path
    store: str
    data_dir: Path | None = None
    host: str = LOCALHOST
    port: int | None = None
    pictures_port: int | None = None
    public: str | None = None
    at_once: int = 1
    allow: tuple[str, ...] = ()
    keep_nights: int | None = None


def up(settings: UpSettings, *, say: Callable[[str], None], ready: Callable[[UpNote], None]) -> None:
    """Be up until a signal says otherwise; `ready` is called once, with addresses, when flow runs can be started.

    What is said with `say` is logged as well, but for links that let a browser in: `ready` may say those.

    Raises BadInput for a host that others reach without a password, AlreadyUp, PortTaken, ServerError, AccessError
    and CannotServe.
    """
    _check_host(settings)
    above = pictures_below(settings.public)
    folder = settings.folder / "prefect"
    with _catch_signals() as stop, UpLock(folder) as lock, _log_to(folder, say):
        if not is_local(settings.host):
            log.warning("others reach %s: the line is not encrypted, and the password travels as it is", settings.host)
        before = read_addresses(folder)
        listening = listen(settings.host, settings.pictures_port or before.pictures_port, 0, "--pictures-port")
        wanted = ServerAddress(host=settings.host, port=settings.port or before.port, public=settings.public)
        server = LocalServer(settings.folder, progress=log.info, address=wanted, keep_nights=settings.keep_nights)
        server.start()
        addresses = Addresses(
            port=before.port if server.given else wanted.port,
            pictures_port=port_of(listening),
            public_url=settings.public,
            pictures=above or address_of(_name_of(settings.host), port_of(listening)),
        )
        if above:
            log.info("the proxy has to hand %s on to %s", above, address_of(settings.host, port_of(listening)))
        if settings.public and not server.given:
            log.info("the proxy has to hand %s on to %s", settings.public, address_of(settings.host, wanted.port))
        try:
            with _pictures(settings, listening, above):
                _Up(settings, server, addresses, lock, stop, ready).run(before)
        finally:
            server.stop()
            log.info("ended")


class _Up:
    def __init__(
        self,
        settings: UpSettings,
        server: LocalServer,
        addresses: Addresses,
        lock: UpLock,
        stop: threading.Event,
        ready: Callable[[UpNote], None],
    ) -> None:
        self._settings, self._server, self._addresses = settings, server, addresses
        self._pictures = addresses.pictures or ""
        self._lock, self._stop, self._ready = lock, stop, ready
        self._folder = settings.folder / "prefect"
        self._marked_at = self._revive_at = 0.0

    def run(self, before: Addresses) -> None:
        url = self._server.ready()
        if self._server.warning:
            raise ServerError(self._server.warning)  # it would not end as long as we use it
        if self._server.forgets:
            log.warning(FOUND_RUNNING, self._server.forgets)
        if self._settings.keep_nights is not None and self._server.given:
            log.warning(OWN_SETTING)
        keep_prefect_off_the_terminal()
        os.environ |= self._server.client_settings
        self._remember(before)
        self._mark_crashed()
        # They import Prefect, which takes its settings in when it is imported: no earlier than here.
        from flows.serving.message import Places
        from flows.serving.notifications import Notifications

        places = Places(self._find_ui(url), self._pictures, self._settings.store)
        with Notifications(self._folder, url, places):
            self._serve(url, places.ui)

    def _remember(self, before: Addresses) -> None:
        """Write down where this is, and say what else was not to be seen: that old links lead nowhere any more."""
        now = self._addresses
        for option, old, new in (
            ("--port", before.port, now.port),
            ("--pictures-port", before.pictures_port, now.pictures_port),
        ):
            if before.pictures and old != new:
                log.warning("%s is %d from now on; what led to port %d leads here no more", option, new, old)
        if before.pictures and before.pictures != now.pictures and before.pictures_port == now.pictures_port:
            log.warning("links begin with %s from now on, and began with %s before", now.pictures, before.pictures)
        if now != before:
            remember_addresses(self._folder, now)

    def _find_ui(self, url: str) -> str:
        """The address at which browsers reach the UI of the server with this API."""
        if not self._server.given:
            host = _name_of(self._settings.host)
            return self._settings.public or address_of(host, self._addresses.port)
        from prefect.settings import PREFECT_UI_URL

        return without_password(PREFECT_UI_URL.value() or url.removesuffix("/api"))

    def _serve(self, url: str, ui: str) -> None:
        serving = ServingProcess(self._folder, self._settings.at_once, self._environment(), log.info)
        upkeep = (
            None if self._settings.keep_nights is None else Upkeep(self._settings.store, self._settings.keep_nights)
        )
        try:
            while not self._stop.is_set():
                if serving.see_to_it():
                    self._say_ready(url, ui)
                self._see_to_the_server()
                if time.monotonic() - self._marked_at > MARK_SECONDS:
                    self._mark_crashed()
                    serving.keep_logs_small()
                    if upkeep is not None:
                        upkeep.see_to_it()
                self._stop.wait(LOOK_SECONDS)
            log.info("ending: flow runs are stopped, and can be retried")
        finally:
            serving.end()
            self._mark_crashed()

    def _say_ready(self, url: str, ui: str) -> None:
        note = self._lock.note(
            {
                "ui": ui,
                "api": url,
                "pictures": self._pictures,
                "store": without_password(self._settings.store),
                "log": str(self._folder / "up.log"),
            }
        )
        log.info("Prefect's UI:  %s", ui)
        log.info("pictures:      %s", self._pictures)
        log.info("store:         %s", without_password(self._settings.store))
        beside = ", ".join((RUNS_LOG, NOISE_LOG, SERVER_LOG))
        log.info("logs:          %s (beside it: %s)", self._folder / "up.log", beside)
        self._ready(note)
        log.info("Ctrl-C or dreamsweep down ends it.")

    def _environment(self) -> dict[str, str]:
        """That of flow runs: our server and none of the user's settings of Prefect, where the server is our own."""
        settings = self._settings
        inherited = dict(os.environ)
        if not self._server.given:
            inherited = {name: value for name, value in inherited.items() if not name.startswith("PREFECT_")}
            inherited |= self._server.client_settings
        roots = [str(settings.folder), settings.store, *([str(settings.data_dir)] if settings.data_dir else [])]
        return (
            inherited
            | {
                **settings_for(self._folder / RUNS_LOG),
                "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"),
                "DO_NOT_TRACK": "1",
                "DREAMSWEEP_HOME": str(settings.folder),
                "DREAMSWEEP_STORE": settings.store,
                PICTURES_URL: self._pictures,
                allowed_places.ROOTS: json.dumps([*roots, *settings.allow]),
                "PYTHONSAFEPATH": "1",
            }
            | ({"DREAMSWEEP_MNIST": str(settings.data_dir)} if settings.data_dir else {})
        )

    def _see_to_the_server(self) -> None:
        if time.monotonic() < self._revive_at:
            return
        try:
            if self._server.revive():
                log.warning("Prefect's server had died, and has been started again")
        except ServerError as error:
            log.error("%s", error)
            self._revive_at = time.monotonic() + AGAIN_SECONDS

    def _mark_crashed(self) -> None:
        from flows.running.crashed_runs import mark_crashed

        try:
            for name in mark_crashed(self._folder, self._server.url, deployments=None if self._server.given else NAME):
                log.warning("crashed: %s", name)
        except Exception:  # it looks again in a few seconds, and `up` goes on
            log.exception("cannot look for what has crashed")
        self._marked_at = time.monotonic()


def _check_host(settings: UpSettings) -> None:
    if not is_local(settings.host) and not os.environ.get(PASSWORD):
        raise BadInput(
            f"others reach {settings.host}, and there is no password: set {PASSWORD}=user:password, or leave out --host"
        )


def _pictures(
    settings: UpSettings, listening: socket.socket, public: str | None
) -> contextlib.AbstractContextManager[object]:
    from flows.web.picture_server import PictureServer, picture_app

    access = Access(settings.folder / "prefect")
    app = picture_app(settings.store, settings.host, gallery_folder(settings.store), access, public)
    return PictureServer(app, listening)


def _name_of(host: str) -> str:
    """The name in links: whoever follows them may be on another machine."""
    return socket.getfqdn() if host in ("0.0.0.0", "::") else host


@contextlib.contextmanager
def _catch_signals() -> Iterator[threading.Event]:
    """An event that is set by SIGTERM, Ctrl-C and a terminal that is closed.

    A second signal changes nothing, until the process has ended. What is ignored already stays ignored: `nohup` ignores
    that the terminal is closed.
    """
    stop = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        stop.set()

    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    for number in numbers:
        if number == signal.SIGTERM or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, note)
    try:
        yield stop
    finally:
        for number in numbers:  # while Python ends, it would have no handler any more, and its exit code be another
            signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def _log_to(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Within, what is logged goes to `up.log` and is said to the user."""

    class Said(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            with contextlib.suppress(OSError, ValueError):  # the terminal has gone
                say(record.getMessage())

    file = RotatingFileHandler(folder / "up.log", maxBytes=LOG_BYTES, backupCount=3)
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    handlers = [file, Said()]
    log.setLevel(logging.INFO)
    log.propagate = False
    for handler in handlers:
        log.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            log.removeHandler(handler)
            handler.close()
