"""Doors that another account of the machine may try: `python doors.py`, as the account that the plan names.

The plan is JSON on standard input: where things are. What is answered is JSON: for each door "open", or why it is
closed. Root with the password opens them all, which shows that none is tried in the wrong place.
"""

import base64
import contextlib
import encodings.idna  # noqa: F401 - asked for when a name is looked up, and another account cannot read our Python
import fcntl
import http.client
import json
import os
import socket
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.typing import Subprotocol

Door = Callable[[], object]


def doors(plan: dict[str, Any]) -> Iterator[tuple[str, Door]]:
    """Every door: its name, and what tries it. One that raises, or gives what is false, is closed."""
    home, password = Path(plan["home"]), plan.get("password", "")
    prefect, store = home / "prefect", home / "store"

    def ask(address: str, path: str, method: str = "GET", body: str | None = None, **headers: str) -> Any:
        at = urlsplit(address)
        if password:
            headers["Authorization"] = f"Basic {base64.b64encode(password.encode()).decode()}"
        for _ in range(10):
            connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=30)
            connection.request(method, path, body, {"Content-Type": "application/json", "Accept": "*/*", **headers})
            answer = connection.getresponse()
            if answer.status != 503:
                break
            time.sleep(1)  # another one is writing to the server's database
        if answer.status not in (200, 201, 204):
            raise http.client.HTTPException(f"the server answers {answer.status}")
        return answer.read()

    def websocket(path: str) -> bool:
        """Whether the server takes a client of events for one of its own, as it tells each."""
        address = f"{plan['ui'].replace('http', 'ws', 1)}{path}"
        said = {"type": "auth", "token": password or "dreamsweep:guessed"}
        with connect(address, subprotocols=[Subprotocol("prefect")], open_timeout=30) as line:
            line.send(json.dumps(said))
            answer: dict[str, str] = json.loads(line.recv(30))
            return answer.get("type") == "auth_success"

    def lock(path: Path) -> bool:
        handle = os.open(path, os.O_RDONLY)
        with contextlib.suppress(BlockingIOError):  # it is held; who may open it may wait for it
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        os.close(handle)
        return True

    def plant(path: Path) -> bool:
        path.write_bytes(b"planted")
        path.unlink()
        return True

    def sockets() -> list[str]:
        """Unix sockets that our processes listen on, and that take a call."""
        found = []
        names = {line.split()[-1] for line in Path("/proc/net/unix").read_text().splitlines()[1:] if "/" in line}
        for name in names:
            if name.startswith(tuple(plan["folders"])):
                with socket.socket(socket.AF_UNIX) as line:
                    line.connect(name)
                    found.append(name)
        return found

    def any_of(folder: Path, pattern: str) -> bytes:
        return next(path for path in sorted(folder.rglob(pattern)) if path.is_file()).read_bytes()

    def rows() -> Any:
        with sqlite3.connect(f"file:{prefect / 'prefect.db'}?mode=ro", uri=True) as base:
            return base.execute("select count(*) from flow_run").fetchone()[0] + 1

    run, deployment = plan["run"], plan["deployment"]
    yield "the API lists flow runs", lambda: ask(plan["ui"], "/api/flow_runs/filter", "POST", "{}")
    yield (
        "the API starts a flow run",
        lambda: ask(
            plan["ui"],
            f"/api/deployments/{deployment}/create_flow_run",
            "POST",
            json.dumps({"state": {"type": "CANCELLED"}, "enforce_parameter_schema": False}),
        ),
    )
    yield (
        "the API turns a deployment on",
        lambda: ask(plan["ui"], f"/api/deployments/{deployment}/resume_deployment", "POST") is not None,
    )
    yield "the API gives the server's settings", lambda: ask(plan["ui"], "/api/admin/settings")
    yield "a websocket hears every event", lambda: websocket("/api/events/out")
    yield "a websocket sends events", lambda: websocket("/api/events/in")
    yield "the runs at the picture server", lambda: ask(plan["pictures"], "/gallery/runs/")
    yield "a run at the picture server", lambda: ask(plan["pictures"], f"/gallery/runs/{run}/")
    yield "a picture at the picture server", lambda: ask(plan["pictures"], f"/runs/{run}/{plan['picture']}.png")
    yield "the gallery at the picture server", lambda: ask(plan["pictures"], "/gallery/index.html")
    yield "the data folder is listed", lambda: list(home.iterdir())
    yield "Prefect's database", rows
    yield "the password", lambda: (prefect / "access/password").read_bytes()
    yield "the key of the sessions", lambda: (prefect / "access/session-key").read_bytes()
    yield "a secret is planted", lambda: plant(prefect / "access/forged")
    yield "the note of who is up", lambda: (prefect / "up.lock").read_bytes()
    yield "the note of the server", lambda: (prefect / "server.lock").read_bytes()
    yield "the lock of the server's users is held", lambda: lock(prefect / "users.lock")
    yield "the lock of up is held", lambda: lock(prefect / "up.lock")
    yield "the lock of the store is held", lambda: lock(store / "records")
    yield "the server's log", lambda: any_of(prefect, "server.log") or True
    yield "the log of up", lambda: any_of(prefect, "up.log")
    yield "a blob", lambda: any_of(store / "blobs", "*")
    yield "a record", lambda: any_of(store / "records", "*.json")
    yield "a run", lambda: any_of(store / "runs", "*.json")
    yield "the index", lambda: any_of(store, "index.sqlite")
    yield "a record is forged", lambda: plant(store / "records" / "forged")
    yield "a page of the gallery", lambda: (home / "gallery/index.html").read_bytes()
    yield "the cache of remote stores", lambda: list(Path(plan["cache"]).iterdir()) or True
    yield "a temporary folder", lambda: [name for name in plan["temporary"] if os.access(name, os.R_OK)]
    for name, pid in plan["processes"].items():
        yield f"the environment of {name}", lambda pid=pid: Path(f"/proc/{pid}/environ").read_bytes()
        yield f"the memory of {name}", lambda pid=pid: os.close(os.open(f"/proc/{pid}/mem", os.O_RDONLY)) is None
        yield f"a signal to {name}", lambda pid=pid: os.kill(pid, 0) is None
    yield "a socket", lambda: sockets() if plan["user"] else True
    yield "a command line tells a secret", lambda: told_on_command_lines(plan) if plan["user"] else True


def told_on_command_lines(plan: dict[str, Any]) -> list[str]:
    """The command lines of our processes in which one of the secrets stands."""
    lines = [Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace") for pid in plan["processes"].values()]
    return [line for line in lines if any(secret in line for secret in plan["secrets"])]


def try_all(plan: dict[str, Any]) -> dict[str, str]:
    """What each door came to: "open", or why it is closed."""
    found = {}
    for name, door in doors(plan):
        try:
            found[name] = "open" if door() else "nothing is given"
        except (OSError, sqlite3.Error, StopIteration, http.client.HTTPException, WebSocketException) as error:
            found[name] = f"{type(error).__name__}: {error}"
    return found


if __name__ == "__main__":
    plan = json.load(sys.stdin)
    if plan["user"]:
        os.setgroups([])
        os.setgid(plan["user"])
        os.setuid(plan["user"])
    print(json.dumps(try_all(plan)))
