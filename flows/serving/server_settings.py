"""Prefect's settings in this process and its children: which server they use, and what they say on the terminal."""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from flows.running.prefect_internals import SENDERS, refresh_settings, set_console_level
from flows.web.access import authorization, server_password

CLIENT_PASSWORD = "PREFECT_API_AUTH_STRING"
"""The environment variable with the `user:password` that clients say: Prefect's, and those of ours."""


def keep_prefect_off_the_terminal() -> None:
    """Show only Prefect's warnings on the terminal; its server gets every line all the same.

    Prefect reports every task run on INFO, and a run shows its own progress.
    """
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "WARNING")  # for children, and a later import
    for worker in SENDERS:  # they warn that they are still sending, when told to send the rest
        logging.getLogger(worker).setLevel(logging.ERROR)
    if "prefect" in sys.modules:
        set_console_level([logging.getLogger()], logging.WARNING)


def client_settings(url: str, folder: Path) -> dict[str, str]:
    """The environment variables with which clients reach the server of Prefect's folder in a data folder."""
    through_no_proxy = ",".join(
        filter(None, [os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), urlsplit(url).hostname])
    )
    return {
        "PREFECT_API_URL": url,
        CLIENT_PASSWORD: server_password(folder),
        "PREFECT_HOME": str(folder),
        "DO_NOT_TRACK": "1",
        "no_proxy": through_no_proxy,
        "NO_PROXY": through_no_proxy,
    }


def api_headers() -> dict[str, str]:
    """What a request to the API has to say, to the server that this process uses."""
    password = os.environ.get(CLIENT_PASSWORD)
    return {"Authorization": authorization(password)} if password else {}


@contextlib.contextmanager
def in_environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables, and have Prefect take them in, for every thread and child of this process."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        refresh_settings()
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        refresh_settings()


def settings_here(url: str) -> contextlib.AbstractContextManager[object]:
    """Settings for the flows that are called here, over any that were in effect here already.

    They send no heartbeats: a server that ends with its runs has no use for those, and each flow run would end up to a
    second late, which is how often the thread that sends them looks whether it should stop.
    """
    from prefect.settings import (
        PREFECT_API_AUTH_STRING,
        PREFECT_API_URL,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        temporary_settings,
    )

    password = os.environ.get(CLIENT_PASSWORD)
    return temporary_settings(
        {PREFECT_API_URL: url, PREFECT_API_AUTH_STRING: password, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
    )
