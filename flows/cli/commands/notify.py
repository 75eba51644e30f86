"""`dreamsweep notify`: being told how flow runs ended."""

import stat
import sys
from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from flows.cli.options import AsJson
from flows.forms.places import DATA_FOLDER
from flows.serving.notify_settings import NotifySettings, Which
from lib.errors import BadInput, BadValue

_TOLD = {
    "trouble": "flow runs that fail, crash, end partial or are not begun",
    "all": "all flow runs, however they end",
}


def notify(
    context: typer.Context,
    webhook: Annotated[
        str | None,
        typer.Argument(
            metavar="URL",
            envvar="DREAMSWEEP_WEBHOOK",
            help="Turn notifications on, and send them to this address: the webhook that Slack, Discord or Teams gave "
            "you, https://ntfy.sh/TOPIC, mailtos://USER:PASSWORD@HOST, any other address of apprise, or a webhook of "
            "your own, which gets JSON; - reads the address from standard input, where no other account sees it.",
            show_default=False,
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE", help="Read the address from this file.", show_default=False),
    ] = None,
    on: Annotated[
        str | None,
        typer.Option(
            "--on",
            metavar="all|trouble",
            help="Be told of all flow runs, or of those alone that fail, crash, end partial or are not begun. "
            "Default: trouble, or what was chosen before.",
            show_default=False,
        ),
    ] = None,
    test: Annotated[bool, typer.Option("--test", metavar="", help="Send a message now, as a test.")] = False,
    off: Annotated[bool, typer.Option("--off", metavar="", help="Turn it off, and forget the address.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send a message when a run of a schedule or of the UI has ended; or show whether that is on.

    `dreamsweep up` sends it. What ended while that was not running is told when it runs again.
    """
    from flows.cli.terminal import print_json, say
    from flows.serving.delivery import check_address, send, service_of
    from flows.serving.message import sample_message
    from flows.serving.notify_settings import read_settings, turn_on

    if on is not None and on not in get_args(Which):
        raise BadValue("--on", on, f"choose from {', '.join(get_args(Which))}")
    which = cast(Which | None, on)
    source = context.get_parameter_source("webhook")
    typed = webhook is not None and source is not None and source.name == "COMMANDLINE"
    if off and (typed or file or which or test):
        raise BadInput("--off turns notifications off: leave it out, or all else")
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
    folder = DATA_FOLDER / "prefect"
    settings = None
    if off:
        _turn_off(folder)
    elif not webhook:
        settings = read_settings(folder) or _take_over(folder)
    if webhook and test:  # before it takes the place of one that works
        check_address(webhook)
        send(webhook, sample_message())
    if webhook or which or test:
        settings = turn_on(folder, webhook or None, which)
    if settings is not None and test and not webhook:
        send(settings.address, sample_message())
    if as_json:
        print_json(
            {"on": settings is not None, "which": settings and settings.which} | ({"sent": True} if test else {})
        )
    elif settings is None:
        say("off: nobody is told how flow runs end")
    else:
        say(f"on: {service_of(settings.address)} is told of {_TOLD[settings.which]}")
        if test:
            say("a message was sent as a test")


def _turn_off(folder: Path) -> None:
    """Off, here and for what an earlier version has turned on at the server."""
    from prefect.client.orchestration import get_client

    from flows.serving.earlier_automation import remove
    from flows.serving.notify_settings import turn_off
    from flows.serving.server import local_server

    turn_off(folder)
    with local_server(DATA_FOLDER), get_client(sync_client=True) as client:
        remove(client)


def _take_over(folder: Path) -> NotifySettings | None:
    """The settings that an earlier version has left at the server, which are ours from now on."""
    from prefect.client.orchestration import get_client

    from flows.serving.earlier_automation import take_over
    from flows.serving.notify_settings import read_settings
    from flows.serving.server import local_server

    with local_server(DATA_FOLDER), get_client(sync_client=True) as client:
        take_over(client, folder)
    return read_settings(folder)


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
