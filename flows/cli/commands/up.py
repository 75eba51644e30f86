"""`dreamsweep up` and `dreamsweep down`: what runs flows, day and night."""

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from annotated_types import Ge

from flows.cli.options import PORT, AsJson, DataFolder, Port, StorePlace, number_option
from flows.forms.places import DATA_FOLDER, data_place, store_place
from lib.words import duration

if TYPE_CHECKING:
    from flows.serving.up_lock import UpNote

DOWN_SECONDS = 120.0
LOOK_SECONDS = 0.2


def up(
    host: Annotated[
        str,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="Host name for Prefect's UI and the gallery; one that other machines can reach needs a password.",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        number_option(
            "--port",
            Port,
            metavar=PORT,
            help="The port for Prefect's UI, which the data folder remembers. Default: the one that it had, else 4200.",
        ),
    ] = None,
    pictures_port: Annotated[
        int | None,
        number_option(
            "--pictures-port",
            Port,
            metavar=PORT,
            help="The port for pictures and the gallery, which the data folder remembers. Default: the one that it "
            "had, else 4201.",
        ),
    ] = None,
    public_url: Annotated[
        str | None,
        typer.Option(
            "--public-url",
            metavar="URL",
            help="The address at which a proxy has Prefect's UI, as https://host/dreams, and the pictures at /pictures "
            "below it. All links begin with it. Default: $DREAMSWEEP_PUBLIC_URL, else there is no proxy.",
        ),
    ] = None,
    at_once: Annotated[
        int,
        number_option(
            "--at-once",
            Annotated[int, Ge(1)],
            metavar="N [x>=1]",
            help="How many flow runs may run at the same time.",
        ),
    ] = 1,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", metavar="PLACE", help="Let flow runs use this folder or URL as well. Repeatable."),
    ] = None,
    keep_nights: Annotated[
        int | None,
        number_option(
            "--keep-nights",
            Annotated[int, Ge(1)],
            metavar="N [x>=1]",
            help="Prefect's server forgets flow runs that ended more than N days ago; the store forgets those that N "
            "later ones of the same flow repeat, and collects garbage once a day. Pictures that a run or a ref needs "
            "stay. Default: all are kept.",
        ),
    ] = None,
    store: StorePlace = None,
    data_dir: DataFolder = None,
    as_json: AsJson = False,
) -> int:
    """Run the flows that Prefect's UI, a schedule or Prefect's API starts, until Ctrl-C or `dreamsweep down`.

    It stays in the foreground, also under systemd or nohup. Where PREFECT_API_URL is set, that server is used; else one
    is started, for this machine only.
    """
    from flows.cli.terminal import print_json, say
    from flows.forms.addresses import public_address
    from flows.serving.up import UpSettings
    from flows.serving.up import up as be_up
    from flows.serving.up_lock import AlreadyUp

    data = data_place(data_dir)
    settings = UpSettings(
        folder=DATA_FOLDER,
        store=_absolute(store_place(store)),
        data_dir=data.expanduser().absolute() if data else None,
        host=host,
        port=port,
        pictures_port=pictures_port,
        public=public_address(public_url),
        at_once=at_once,
        allow=tuple(_absolute(place) for place in allow or []),
        keep_nights=keep_nights,
    )

    def ready(note: "UpNote") -> None:
        if as_json:
            print_json(note)
        _say_links(settings.folder / "prefect")

    try:
        be_up(settings, say=say, ready=ready)
    except AlreadyUp as error:
        say(f"dreamsweep: {error}")
        return 1
    return 0


def down(
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until everything has ended, or only ask for it.")
    ] = True,
    as_json: AsJson = False,
) -> int:
    """End the `dreamsweep up` of this data folder, and with it all flow runs; exit with 1 where there is none."""
    from flows.cli.terminal import print_json, say
    from flows.serving.up_lock import who_is_up

    folder = DATA_FOLDER / "prefect"
    note = who_is_up(folder)
    pid = (note or {}).get("pid")
    if note is None or pid is None:
        if as_json:
            print_json({"ended": False, "pid": None})
        else:
            say(f"dreamsweep is not up: nothing holds {folder / 'up.lock'}")
        return 1
    try:
        os.kill(pid, signal.SIGTERM)
    except PermissionError:
        say(f"dreamsweep: process {pid} is another user's: only that user, or root, can end it")
        return 1
    except ProcessLookupError:  # it has just ended
        pass
    give_up = time.monotonic() + DOWN_SECONDS
    while wait and who_is_up(folder) is not None and time.monotonic() < give_up:
        time.sleep(LOOK_SECONDS)
    ended = who_is_up(folder) is None
    if as_json:
        print_json({"ended": ended, "pid": pid})
    elif wait:
        say("ended" if ended else f"process {pid} has not ended within {duration(DOWN_SECONDS)}: kill -9 {pid}")
    else:
        say(f"process {pid} was told to end")
    return 0 if ended or not wait else 1


def _say_links(folder: Path) -> None:
    """Say how a browser gets in, by a link where nobody else will read it."""
    from flows.cli.terminal import only_we_read_stderr, say
    from flows.serving.links import make_links

    if not only_we_read_stderr():
        say("dreamsweep link prints a link that opens them in your browser")
        return
    for link in make_links(folder):
        say(f"to get in:     {link}")
    say("               (opens once, within a day; dreamsweep link prints another one)")


def _absolute(place: str) -> str:
    return place if "://" in place else str(Path(place).expanduser().absolute())
