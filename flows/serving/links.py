"""The servers of a data folder that run now, and links that let a browser in to them."""

import fcntl
import json
from pathlib import Path
from urllib.parse import urlsplit

from flows.running.locks import try_lock
from flows.serving.server import ServerError, restart_of
from flows.serving.server_process import ASKS
from flows.serving.up_lock import who_is_up
from flows.web.access import Access


def find_servers(folder: Path) -> list[str]:
    """The addresses of the servers that run now and ask who comes, Prefect's UI first.

    A browser that one of them knows is known to all at the same host name, so each name is there once; behind a proxy
    to all below the same path.

    Args:
        folder: Prefect's, in the data folder.

    Raises ServerError where Prefect's server is of an older version, which knows no links.
    """
    up, prefects = who_is_up(folder) or {}, _prefects(folder)
    if prefects and up.get("api") == f"{prefects}/api":
        prefects = up.get("ui", prefects)
    found: list[str] = []
    for address in filter(None, [prefects, up.get("pictures")]):
        if not any(_knows(other, address) for other in found):
            found.append(address)
    return found


def make_links(folder: Path) -> list[str]:
    """A new link for each of them. Raises AccessError and ServerError."""
    access = Access(folder)
    return [access.link(address) for address in find_servers(folder)]


def _knows(one: str, other: str) -> bool:
    """Whether a browser that is known to the server at an address is known at another."""
    known, asked = urlsplit(one), urlsplit(other)
    return known.hostname == asked.hostname and f"{asked.path}/".startswith(f"{known.path.rstrip('/')}/")


def _prefects(folder: Path) -> str | None:
    """The address of Prefect's own server in this folder, where one is running."""
    try:
        with (folder / "server.lock").open("rb") as file:
            if try_lock(file, fcntl.LOCK_SH):
                return None
            note = json.loads(file.read())
    except (FileNotFoundError, ValueError):  # ValueError: it is starting just now
        return None
    if ASKS not in note:
        raise ServerError(restart_of(note["url"]))
    return str(note["url"]).removesuffix("/api")
