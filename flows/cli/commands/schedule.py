"""`dreamsweep schedule`: when the flow `nightly` runs."""

import os
from typing import Annotated

import typer
from annotated_types import Ge, Le

from flows.cli.options import AsJson, number_option, option_of
from flows.forms.places import DATA_FOLDER
from lib.errors import BadInput, BadValue


def schedule(
    on: Annotated[
        bool, typer.Option("--on", metavar="", help="Turn the schedule on, at the times that it has.")
    ] = False,
    off: Annotated[
        bool, typer.Option("--off", metavar="", help="Turn the schedule off; its times are kept for --on.")
    ] = False,
    cron: Annotated[
        list[str] | None,
        typer.Option(
            "--cron",
            metavar="CRON",
            help='Run at these times and at no others, as "0 1 * * *" for every night at 1, and turn the schedule on. '
            "Give it several times for several schedules.",
        ),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(
            "--timezone",
            metavar="ZONE",
            help="The time zone of these times, as Europe/Berlin; alone, it does not turn the schedule on. Default: "
            "the zone that the schedule has, at first this machine's.",
        ),
    ] = None,
    following: Annotated[
        int,
        number_option(
            "--next",
            Annotated[int, Ge(1), Le(100)],
            metavar="N [1<=x<=100]",
            help="How many runs to show that are to come.",
        ),
    ] = 3,
    as_json: AsJson = False,
) -> None:
    """Show when the flow `nightly` runs, or change it; it runs while `dreamsweep up` does."""
    from flows.cli.terminal import print_json, say
    from flows.serving.server import local_server
    from flows.serving.up_lock import who_is_up

    if off and (on or cron or timezone):
        raise BadInput("--off turns the schedule off and keeps its times: leave out --on, --cron and --timezone")
    from prefect.client.orchestration import get_client

    from flows.serving.deployments import CRON
    from flows.serving.schedule import Nightly, cron_schedule

    try:
        for line in cron or [CRON]:
            cron_schedule(line, timezone)  # refused at once where it is none
    except BadValue as problem:
        raise BadValue(option_of(problem.name), problem.value, problem.wanted) from problem
    gone = []
    with local_server(DATA_FOLDER, progress=say), get_client(sync_client=True) as client:
        nightly = Nightly(client)
        if off:
            nightly.turn_off()
        elif cron:
            gone = nightly.set_times(cron, timezone)
        elif timezone:
            nightly.set_timezone(timezone)
        if on and not cron:
            nightly.turn_on()
        schedules, runs, paused = nightly.schedules(), nightly.next_runs(following), nightly.paused
    is_on = any(item.on for item in schedules)
    up = who_is_up(DATA_FOLDER / "prefect") is not None or bool(os.environ.get("PREFECT_API_URL"))
    if as_json:
        document = {"on": is_on, "schedules": [vars(item) for item in schedules], "up": up}
        print_json(document | {"next": [moment.isoformat() for moment in runs]})
        return
    for item in gone:
        say(f"nightly runs no more at: {item.cron} ({item.timezone})")
    for item in schedules:
        say(f"nightly: {'on' if item.on else 'off'}, {item.cron} ({item.timezone})")
    if runs:
        say(f"next: {', '.join(f'{moment:%a %Y-%m-%d %H:%M}' for moment in runs)}")
    if is_on and not up:
        say("It runs only while dreamsweep up does, which is not so now.")
    elif paused and not off:
        say("It is paused in Prefect's UI: go on there, or with --on.")
    elif not is_on:
        say('Turn the schedule on with --on, at other times with --cron "0 1 * * *", or in Prefect\'s UI.')
