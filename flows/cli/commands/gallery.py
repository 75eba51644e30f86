"""`dreamsweep gallery`."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import PORT, AsJson, Port, StorePlace, number_option
from flows.forms.places import DATA_FOLDER, gallery_of, store_place
from flows.forms.private import umask_for
from lib.errors import BadInput

USUAL_PORT = 4202


def gallery(
    folder: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="The folder to write the gallery to. Default: data/gallery."),
    ] = None,
    compare: Annotated[
        list[str] | None,
        typer.Option(
            "--compare",
            metavar="RUN,RUN",
            help="Compare these two sweeps as well. By default the latest sweep of each network is compared with an "
            "earlier one. Repeatable.",
        ),
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", metavar="", help="Serve the gallery to browsers on this machine, until Ctrl-C.")
    ] = False,
    port: Annotated[
        int | None,
        number_option(
            "--port", Port, metavar=PORT, help=f"The port for --serve. Default: {USUAL_PORT}, or a free port."
        ),
    ] = None,
    show: Annotated[bool, typer.Option("--open", metavar="", help="Open the gallery in your browser.")] = False,
    store: StorePlace = None,
    as_json: AsJson = False,
) -> int:
    """Make the gallery of a store: a page for every unit of every network, every dream and every analysis.

    The pages are files: they work from a disk, a bucket or any web server. Sweeps, dreams and analyses keep the usual
    one, data/gallery, up to date; only what changed is written again.
    """
    from flows.cli.progress import choose_display
    from flows.cli.terminal import out, print_json
    from flows.forms.form import at_home
    from lib.words import count, plural
    from storage.store import Store
    from tasks.gallery.gallery import make_gallery

    place = store_place(store)
    out_folder = folder or gallery_of(place)
    if out_folder is None:
        raise BadInput(f"{gallery_of(store_place())} is another store's gallery: name a folder for this one with --out")
    if re.match(r"[a-z][a-z0-9+.-]+:/", str(folder)):  # a path has no double slash any more
        raise BadInput(f"{folder} is a URL: name a folder with --out, and copy that to where it is to be")
    if port is not None and not serve:
        raise BadInput("--port has no effect without --serve")
    opened = Store.open(place, create=False)
    out_folder = at_home(out_folder).absolute()
    with choose_display() as progress:
        made = make_gallery(
            opened,
            out_folder,
            pairs=[_pair(text) for text in compare or ()],
            progress=progress.update,
            umask=umask_for(out_folder),
        )
    page = out_folder / "index.html"
    if as_json:
        print_json(
            {"gallery": str(page), "written": made.written, "same": made.same, "removed": made.removed},
        )
    else:
        console = out()
        console.print(str(page), markup=False, soft_wrap=True)
        console.print(
            f"{plural(made.written, 'file')} written, {count(made.same)} as they were, {count(made.removed)} removed",
            markup=False,
        )
    if serve:
        return _serve(out_folder, port, show)
    if show:
        _open(page.as_uri())
    return 0


def _pair(text: str) -> tuple[str, str]:
    first, comma, second = (part.strip() for part in text.partition(","))
    if not (first and comma and second):
        raise BadInput(f"--compare is {text!r}; it must be two runs, as dreamsweep runs lists them: RUN,RUN")
    return first, second


def _serve(folder: Path, port: int | None, show: bool) -> int:
    """Serve a gallery until a signal ends it."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.routing import Mount

    from flows.cli.terminal import only_we_read_stderr, say
    from flows.web.access import Access
    from flows.web.door import behind_door
    from flows.web.gallery_files import GalleryFiles
    from flows.web.listening import LOCALHOST, address_of, listen, port_of
    from flows.web.timed_http import TimedHttp

    access = Access(DATA_FOLDER / "prefect")
    listening = listen(LOCALHOST, port, USUAL_PORT, "--port")
    address = address_of(LOCALHOST, port_of(listening))
    say(f"{address}/index.html until Ctrl-C")
    if only_we_read_stderr():
        say(f"{access.link(address)} lets your browser in, once and within a day")
    if show:
        _open(f"{address}/index.html")
    app = behind_door(Starlette(routes=[Mount("/", GalleryFiles(folder))]), access)
    config = uvicorn.Config(app, http=TimedHttp, log_level="warning", access_log=False, lifespan="off", log_config=None)
    # uvicorn raises the signal again, once it has ended as it was told to
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run([listening])
    say(f"The gallery is served no longer; its files are in {folder}")
    return 0


def _open(address: str) -> None:
    import webbrowser

    from flows.cli.terminal import say

    if not webbrowser.open(address):
        say(f"There is no browser here that could be opened: open {address} in one")
