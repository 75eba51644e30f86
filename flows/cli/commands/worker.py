"""`dreamsweep worker`: what does the work of a sweep over many machines, on each of them."""

import fcntl
import socket
from typing import Annotated

import typer
from annotated_types import Ge

from flows.cli.options import Pool, number_option
from flows.forms.places import DATA_FOLDER
from lib.errors import BadInput


def worker(
    pool: Pool = None,
    limit: Annotated[
        int,
        number_option(
            "--limit",
            Annotated[int, Ge(1)],
            metavar="N [x>=1]",
            help="How many shards may run at the same time: one for each GPU, or one on a machine without.",
        ),
    ] = 1,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            help="What the worker is called. Default: the name of this machine; a second worker on it needs another.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Work for a pool: run the shards of sweeps that wait there, until Ctrl-C or SIGTERM.

    It stays in the foreground. What it has not finished when it is told to end goes back to the pool. Its store is that
    of DREAMSWEEP_STORE, its server that of PREFECT_API_URL.
    """
    import asyncio

    from flows.cli.terminal import say
    from flows.fleet.worker_environment import usable_store, worker_environment
    from flows.forms.pool_names import check_pool_name
    from flows.running.locks import try_lock
    from flows.serving.server import local_server
    from flows.serving.server_settings import in_environment, keep_prefect_off_the_terminal

    called = check_pool_name(socket.gethostname() if name is None else name, "--name")
    pool = check_pool_name(pool)
    folder = DATA_FOLDER / "prefect"
    store = usable_store()
    (folder / "workers").mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "workers" / f"{called}.lock").open("ab") as lock:
        if not try_lock(lock, fcntl.LOCK_EX):
            raise BadInput(f"a worker named {called} is running already: end that one, or give another --name")
        with local_server(DATA_FOLDER, progress=say), in_environment(worker_environment(store)):
            keep_prefect_off_the_terminal()
            from flows.fleet.worker import serve

            asyncio.run(serve(pool, called, limit, folder, say))
    return 0
