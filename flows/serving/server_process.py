"""The process of the project's own Prefect server: `python -m flows.serving.server_process FOLDER [HOST [PORT]]`.

It *is* the server, and it lives as long as somebody uses it. Everything is said with `flock`, since locks die with the
processes that hold them, however those end:

- `users.lock`: every user holds it shared. When the process can take it exclusively nobody is left, and it stops the
  server. Whoever comes at that moment waits for the lock, and then starts a server process of his own.
- `server.lock`: the process holds it exclusively, so that there is one server a folder. The server's address is in it.

The port is the one that is asked for, by an `up`. For other runs it is the one of the data folder's `up`, so that an
`up` that comes while they go on finds the server where it is to be; where that is taken, it is one that is free. It is
bound before anything else, so that no other process can take it in between; the socket listens at once, and requests
wait in it until the server has started.

Automations that somebody has made in Prefect's UI are for the nights: without an `up`, nothing that they would do is
done.
"""

import fcntl
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from flows.forms.addresses import PUBLIC_URL, read_addresses
from flows.running.locks import try_lock
from flows.serving.up_lock import who_is_up
from flows.web.access import PASSWORD, Access
from flows.web.listening import LOCALHOST, PortTaken, address_of, listen, port_of
from lib.importing import quick_import

LOOK_SECONDS = 0.25
ASKS = "asks for a password"
"""What `server.lock` says of this server, and did not of those of older versions, which asked nobody."""
KEPT_SECONDS = "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD"
"""What `server.lock` says as well, where the server forgets flow runs that ended so many seconds ago."""
PUBLIC = "public"
"""Under which name the public address stands there; None: there is no proxy."""
FREE = ("/api/health", "/api/ready")
"""What answers without a password: whether the server is there."""
STOP_SECONDS = 15.0
"""How long the server may take to stop before its process is ended the hard way (SQLite bears that)."""


class NoPassword(Exception):
    """Whoever started the server gave it no password: an `up` from before the code was updated. The message says so."""


def _stop_when_unused(folder: Path) -> None:
    with (folder / "users.lock").open("ab") as users:  # its own, open for as long as this thread looks at it
        while not try_lock(users, fcntl.LOCK_EX):
            time.sleep(LOOK_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(STOP_SECONDS)
        os._exit(1)


def serve_until_unused(folder: Path, host: str = LOCALHOST, port: int | None = None) -> int:
    """Serve Prefect's API and its UI from the database in `folder` until no process holds `users.lock` any more.

    Returns 0 at once where another process serves this folder. Settings come from the environment. Without `port` it is
    that of the data folder's `up`, or a free one. Raises PortTaken, and NoPassword where the environment has none.
    """
    if not os.environ.get(PASSWORD):
        raise NoPassword(
            "it was started by an older version of dreamsweep, which gives it no password: restart that with "
            "dreamsweep down and dreamsweep up"
        )
    with (folder / "server.lock").open("r+b") as server_lock:
        if not try_lock(server_lock, fcntl.LOCK_EX):
            return 0
        server_lock.truncate()
        listening = listen(host, port, read_addresses(folder).port)
        address, public = address_of(host, port_of(listening)), os.environ.get(PUBLIC_URL) or None
        os.environ["PREFECT_UI_URL"] = public or address  # for the links in what automations send
        api = f"{address}/api"
        note = {"url": api, "host": host, "port": port_of(listening), PUBLIC: public, ASKS: True}
        if KEPT_SECONDS in os.environ:
            note[KEPT_SECONDS] = os.environ[KEPT_SECONDS]
        server_lock.write(json.dumps(note).encode())
        server_lock.flush()
        threading.Thread(target=_stop_when_unused, args=(folder,), daemon=True).start()

        with quick_import("prefect"):
            import uvicorn

            from flows.running.prefect_internals import act_only_while, server_app
            from flows.web.door import behind_door
            from flows.web.prefect_ui import PrefectUi
            from flows.web.timed_http import TimedHttp

            act_only_while(lambda: (who_is_up(folder) or {}).get("api") == api)
            app = behind_door(PrefectUi(server_app()), Access(folder), host=host, public=public, free=FREE)
        # with a socket that is already bound
        config = uvicorn.Config(app, http=TimedHttp, log_level="warning", access_log=False, timeout_graceful_shutdown=3)
        uvicorn.Server(config).run(sockets=[listening])
    return 0


if __name__ == "__main__":
    folder, host, port = (*sys.argv[1:], "", "")[:3]
    try:
        sys.exit(serve_until_unused(Path(folder), host or LOCALHOST, int(port) if port else None))
    except (PortTaken, NoPassword) as error:
        sys.exit(f"{type(error).__name__}: {error}")
