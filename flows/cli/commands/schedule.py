"""`dreamsweep schedule`: when the flow `nightly` runs."""

import os
from typing import Annotated

import typer

from flows.cli.options import AsJson, option_of
from flows.forms.places import DATA_FOLDER
from lib.errors import BadInput, BadValue


def schedule(
    cron: Annotated[
        str | None,
        typer.Option(
            "--cron", metavar="CRON", help='Turn the schedule on for these times, as "0 1 * * *" for every night at 1.'
        ),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(
            "--timezone",
            metavar="ZONE",
            help="The time zone of these times, as Europe/Berlin. Default: this machine's time zone.",
        ),
    ] = None,
    off: Annotated[bool, typer.Option("--off", metavar="", help="Turn the schedule off.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show when the flow `nightly` runs, or change it; it runs while `dreamsweep up` does."""
    from flows.cli.terminal import print_json, say
    from flows.serving.server import local_server
    from flows.serving.up_lock import who_is_up

    if off and (cron or timezone):
        raise BadInput("--off turns the schedule off, --cron and --timezone turn it on: leave one of them out")
    from prefect.client.orchestration import get_client

    from flows.serving.deployments import CRON
    from flows.serving.schedule import Nightly, cron_schedule

    try:
        cron_schedule(CRON if cron is None else cron, timezone)  # refused at once where it is none
    except BadValue as problem:
        raise BadValue(option_of(problem.name), problem.value, problem.wanted) from problem
    with local_server(DATA_FOLDER), get_client(sync_client=True) as client:
        nightly = Nightly(client)
        if off:
            nightly.turn_off()
        elif cron or timezone:
            nightly.turn_on(cron, timezone)
        schedules, runs = nightly.schedules(), nightly.next_runs()
    on = [item for item in schedules if item.on]
    up = who_is_up(DATA_FOLDER / "prefect") is not None or bool(os.environ.get("PREFECT_API_URL"))
    if as_json:
        document = {"on": bool(on), "schedules": [vars(item) for item in schedules], "up": up}
        print_json(document | {"next": [moment.isoformat() for moment in runs]})
        return
    for item in schedules:
        say(f"nightly: {'on' if item.on else 'off'}, {item.cron} ({item.timezone})")
    if runs:
        say(f"next: {', '.join(f'{moment:%a %Y-%m-%d %H:%M}' for moment in runs)}")
    if on and not up:
        say("It runs only while dreamsweep up does, which is not so now.")
    elif not on:
        say('Turn the schedule on with --cron "0 1 * * *", or in Prefect\'s UI.')
