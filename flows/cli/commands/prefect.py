"""`dreamsweep prefect`: Prefect's own commands, on our server."""

import os
import subprocess
import sys
from typing import Annotated

import typer

from flows.forms.places import DATA_FOLDER

AS_GIVEN = {"allow_interspersed_args": False}
"""The settings of the command: from the first word on, whatever is said is Prefect's to understand."""


def prefect(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="COMMAND...", help="Prefect's command with its options, as flow-run ls.", show_default=False
        ),
    ] = None,
) -> int:
    """Run a command of Prefect's, such as flow-run ls, on the server of the data folder.

    Prefect gets the address and the password. Where PREFECT_API_URL is set, it is run on that server, with your own
    settings.
    """
    from flows.serving.server import local_server
    from flows.web.access import PASSWORD, server_password

    command = [sys.executable, "-P", "-m", "prefect", *(arguments or [])]
    before = dict(os.environ)
    server = local_server(DATA_FOLDER)
    with server:
        # A server that it starts has the password as well: it would use the same database.
        own = {} if server.given else {PASSWORD: server_password(server.folder)}
        return subprocess.run(command, env=before | server.client_settings | own).returncode
