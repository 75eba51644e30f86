"""`dreamsweep link`: how a browser gets in."""

from typing import Annotated

import typer

from flows.cli.options import AsJson
from flows.forms.places import DATA_FOLDER


def link(
    password: Annotated[
        bool, typer.Option("--password", metavar="", help="Show the user name and the password as well.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Print a link that opens Prefect's UI, the pictures and the gallery in your browser, once and within a day.

    The browser is then known for 30 days. Exit with 1 where nothing runs that could be opened.
    """
    from flows.cli.terminal import out, print_json, say
    from flows.serving.links import find_servers, make_links
    from flows.serving.server import check_password
    from flows.web.access import server_password

    folder = DATA_FOLDER / "prefect"
    there = find_servers(folder)
    if not there:
        say("dreamsweep: nothing runs here that could be opened: start dreamsweep up")
        return 1
    user = secret = ""
    if password:
        check_password(folder, there[0])
        user, colon, secret = server_password(folder).partition(":")
        user, secret = (user, secret) if colon else ("", user)
    new = make_links(folder)
    if as_json:
        print_json({"links": new} | ({"user": user, "password": secret} if password else {}))
        return 0
    for line in new:
        out().print(line, markup=False, highlight=False, soft_wrap=True)
    if password:
        out().print(f"user name: {user}\npassword:  {secret}", markup=False, highlight=False, soft_wrap=True)
    return 0
