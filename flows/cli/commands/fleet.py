"""`dreamsweep fleet`: how a sweep over many machines is doing."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from flows.cli.options import AsJson, Pool
from flows.forms.places import DATA_FOLDER

if TYPE_CHECKING:
    from flows.fleet.status import FleetStatus

_FAILURES = 3


def fleet(pool: Pool = None, as_json: AsJson = False) -> None:
    """Show the workers of a pool, its shards, how fast they are, and what waits for what."""
    import asyncio

    from prefect.client.orchestration import get_client

    from flows.cli.terminal import print_json, say
    from flows.fleet.status import fleet_status
    from flows.forms.pool_names import check_pool_name
    from flows.serving.server import local_server

    name = check_pool_name(pool)

    async def ask() -> "FleetStatus":
        async with get_client() as client:
            return await fleet_status(client, name)

    with local_server(DATA_FOLDER, progress=say):
        status = asyncio.run(ask())
    print_json(asdict(status)) if as_json else _show(status)


def _show(status: "FleetStatus") -> None:
    from flows.cli.terminal import escape, out, say, table
    from lib.words import count, duration, local_moment, number, plural

    rows = table("worker", "state", "last heartbeat", "shards")
    for worker in status.workers:
        state = "[green]online[/]" if worker.online else "[red]offline[/]"
        rows.add_row(escape(worker.name), state, local_moment(worker.last_heartbeat), escape("\n".join(worker.shards)))
    if status.workers:
        out().print(rows)
    else:
        say(f"The pool has no worker yet: dreamsweep worker --pool {status.pool}, on each machine that is to work")
    if not status.states:
        say(f"It has no shard yet: dreamsweep sweep --pool {status.pool}")
        return
    say(f"shards: {', '.join(f'{count(many)} {state.lower()}' for state, many in status.states.items())}")
    for work in status.work:
        one = work.what.removesuffix("s")
        speed = "not known yet" if work.a_minute is None else number(work.a_minute)
        left = "not known yet" if work.seconds_left is None else duration(work.seconds_left)
        say(f"{work.what} a minute: {speed}")
        say(f"time left for the {plural(work.running + work.waiting, one)} that the pool has: {left}")
        if work.waiting:
            say(f"{plural(work.waiting, one)} wait for {status.waits_for}")
    for failure in status.failures[:_FAILURES]:
        say(f"failed: {failure}")
