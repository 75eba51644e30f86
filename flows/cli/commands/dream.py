"""`dreamsweep dream`."""

import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.local_runs import dream_here
from flows.cli.options import AsJson, Given, StorePlace, fill_in, from_form, option_of
from flows.forms.form import at_home
from flows.forms.parameters import DreamParameters
from lib.errors import BadInput
from lib.pictures.names import show_name

_LONGEST_LIST = 64_000_000
_FIRST = ["pictures", "listed", "patterns", "model", "mode", "objective", "guide", "mask", "colours", "strength"]


@from_form(DreamParameters, first=_FIRST, metavars={"objective": "MIX"})
def dream(
    given: Given,
    pictures: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PICTURES...",
            help="Which folders, with all that is in them, and which files are dreamed into.",
            show_default=False,
        ),
    ] = None,
    listed: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Read more paths from this file, one per line, or separated by NULs; - reads stdin.",
        ),
    ] = None,
    store: StorePlace = None,
    as_json: AsJson = False,
) -> int:
    named = [*(pictures or ()), *(_listed(listed) if listed else ())]
    if not named:
        raise BadInput("no pictures are named: dreamsweep dream PICTURES..., folders or files")
    # what begins with file:// may be any name; how it is here depends on the folder that this is called in
    given["pictures"] = [show_name(str(_absolute(path))) for path in named]
    given |= {name: _absolute(path) for name, path in given.items() if isinstance(path, Path)}
    parameters = fill_in(DreamParameters, given)
    mode, deciding = parameters.settings.mode, parameters.settings.deciding()
    for name in given.get("settings", {}):
        if name not in deciding:
            raise BadInput(f"{option_of(name)} has no effect in mode {mode}: leave it out, or choose another --mode")
    return dream_here(parameters, as_json)


def _absolute(path: Path) -> Path:
    return at_home(path).absolute()


def _listed(file: Path) -> list[Path]:
    """The paths in a list; one of which some have odd names holds NULs instead of line ends, as `find -print0` has."""
    try:
        # whatever it is: <(find ...) of a shell is a pipe
        with nullcontext(sys.stdin.buffer) if str(file) == "-" else file.open("rb") as opened:
            data = opened.read(_LONGEST_LIST + 1)
    except OSError as problem:
        raise BadInput(f"the list {file} cannot be read: {problem.strerror}") from problem
    if len(data) > _LONGEST_LIST:
        raise BadInput(f"the list {file} has more than {_LONGEST_LIST // 10**6} MB: name a folder of pictures")
    between = b"\0" if b"\0" in data else b"\n"
    return [Path(os.fsdecode(line)) for line in data.split(between) if line.strip()]
