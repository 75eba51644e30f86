"""`dreamsweep notify`: a webhook that is called when a run goes wrong."""

from typing import Annotated

import typer

from flows.cli.options import AsJson
from flows.forms.places import DATA_FOLDER
from lib.errors import BadInput


def notify(
    webhook: Annotated[
        str | None,
        typer.Argument(
            metavar="URL",
            envvar="DREAMSWEEP_WEBHOOK",
            help="Turn notifications on, and call this webhook, as https://hooks.slack.com/...",
            show_default=False,
        ),
    ] = None,
    off: Annotated[bool, typer.Option("--off", metavar="", help="Turn it off, and forget the address.")] = False,
    as_json: AsJson = False,
) -> None:
    """Call a webhook when a run of a schedule or of the UI fails, crashes or ends partial; or show whether that is on.

    Prefect's server calls it, as deploy/notify.yaml says, while `dreamsweep up` runs.
    """
    from flows.cli.terminal import print_json, say
    from flows.serving.server import local_server

    if off and webhook:
        raise BadInput("--off turns it off, and an address turns it on: leave one of them out")
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
