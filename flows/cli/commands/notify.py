"""`dreamsweep notify`: a webhook that is called when a run goes wrong."""

import stat
import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import AsJson
from flows.forms.places import DATA_FOLDER
from lib.errors import BadInput


def notify(
    context: typer.Context,
    webhook: Annotated[
        str | None,
        typer.Argument(
            metavar="URL",
            envvar="DREAMSWEEP_WEBHOOK",
            help="Turn notifications on, and call this webhook, as https://hooks.slack.com/...; - reads the address "
            "from standard input, where no other account sees it.",
            show_default=False,
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE", help="Read the address from this file.", show_default=False),
    ] = None,
    off: Annotated[bool, typer.Option("--off", metavar="", help="Turn it off, and forget the address.")] = False,
    as_json: AsJson = False,
) -> None:
    """Call a webhook when a run of a schedule or of the UI fails, crashes or ends partial; or show whether that is on.

    Prefect's server calls it, as deploy/notify.yaml says, while `dreamsweep up` runs.
    """
    from flows.cli.terminal import print_json, say
    from flows.serving.server import local_server

    source = context.get_parameter_source("webhook")
    typed = webhook is not None and source is not None and source.name == "COMMANDLINE"
    if off and (typed or file):
        raise BadInput("--off turns it off, and an address turns it on: leave one of them out")
    if typed and file:
        raise BadInput("the address is given twice: leave out the argument, or --file")
    if typed and webhook != "-":
        say(
            "warning: other accounts of this machine see what stands on a command line, and the shell keeps it: "
            "dreamsweep notify - reads the address from standard input"
        )
    if file is not None or webhook == "-":
        webhook = read_address(file)
    elif off:
        webhook = None  # that of the environment is for turning it on
    from prefect.client.orchestration import get_client

    from flows.serving.notifications import Notifications

    with local_server(DATA_FOLDER), get_client(sync_client=True) as client:
        notifications = Notifications(client)
        if off:
            notifications.turn_off()
        elif webhook:
            notifications.turn_on(webhook)
        on = notifications.on
    if as_json:
        print_json({"on": on})
    else:
        say(
            "on: the webhook is called when a run fails, crashes or ends partial" if on else "off: no webhook is called"
        )


_LONGEST = 65_536


def read_address(file: Path | None) -> str:
    """The address in a file, or on standard input, where none is named. Raises BadInput."""
    try:
        if file is None:
            if sys.stdin.isatty():
                from flows.cli.terminal import say

                say("The address of the webhook, and Enter:")
            data = sys.stdin.buffer.readline(_LONGEST)
        else:
            if not stat.S_ISREG(file.stat().st_mode):
                raise BadInput(f"{file} is no file: name one that holds the address of the webhook")
            with file.open("rb") as opened:
                data = opened.read(_LONGEST)
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise BadInput(f"the address of the webhook cannot be read from {file or 'standard input'}: {reason}") from None
    if not (address := data.decode("utf-8", "replace").strip()):
        raise BadInput(f"{file or 'standard input'} holds no address of a webhook: put one there")
    return address
