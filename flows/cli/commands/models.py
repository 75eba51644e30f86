"""`dreamsweep models`: the models of a store, and the way in for a user's own."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.options import AsJson, DataFolder, Given, StorePlace, fill_in, from_form
from flows.cli.plain_help import PlainCommand, PlainGroup
from flows.forms.parameters import RegisterParameters
from flows.forms.places import DATA_FOLDER, store_place
from lib.errors import BadInput

if TYPE_CHECKING:
    from storage.store import Record, Store
    from tasks.model.layers import LayerTable
    from tasks.model.stored import StoredModel

Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="The model, as dreamsweep models lists it.", show_default=False),
]
_OWN = {"file", "store", "as_json"}
"""Parameters of `models` itself; all others belong to --add."""


def group(help: str, apart: Callable[[Callable[..., Any]], Callable[..., Any]]) -> typer.Typer:
    """The command with its subcommands. `apart` is what every command is wrapped in."""
    app = typer.Typer(
        cls=PlainGroup,
        help=help,
        subcommand_metavar="[COMMAND]",
        invoke_without_command=True,
        no_args_is_help=False,
        rich_markup_mode="rich",
        epilog="Without a command, the models are listed.",
    )
    app.callback()(apart(models))
    for command in (add, show, rename, remove):
        app.command(command.__name__, help=_HELP[command.__name__], cls=PlainCommand)(apart(command))
    return app


_HELP = {
    "add": """\
Register a .keras or .h5 file: it becomes the latest model of the store. No code of the file is run.

The store keeps the file with the model. This takes as long as Keras needs to load it.\
""",
    "show": """\
Show the layers of a model, with their units and receptive fields, and what else is known of it.

Keras loads the model for that, which takes some seconds. Times for each image-step are those of its latest sweep.\
""",
    "rename": """\
Give a model another name. It is still found by the old one.

Runs, schedules and scripts that name it by the old name go on working, and no other model can get that name.\
""",
    "remove": """\
Remove a model that nothing uses: its names, and the run that made it.

It is refused, with what uses the model, while there are runs, schedules or refs that do. Files stay in the store until
dreamsweep gc takes them. Schedules are those of this machine's Prefect server, or of the one in PREFECT_API_URL.\
""",
}


@from_form(RegisterParameters, first=["file"], hidden=True)
def models(
    given: Given,
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Option("--add", metavar="FILE", help="The same as dreamsweep models add FILE, with the same options."),
    ] = None,
    data_dir: Annotated[Path | None, typer.Option("--data-dir", envvar="DREAMSWEEP_MNIST", hidden=True)] = None,
    store: StorePlace = None,
    as_json: AsJson = False,
) -> int:
    typed = [name for name in context.params if _was_typed(context, name)]
    if context.invoked_subcommand is not None:
        if typed:
            called = context.invoked_subcommand
            raise BadInput(f"options stand behind the command: dreamsweep models {called} ...")
        return 0
    if file is not None:
        return _add(given, as_json)
    if others := [name for name in typed if name not in _OWN]:
        raise BadInput(f"--{others[0].replace('_', '-')} belongs to a new model: dreamsweep models add FILE")
    from flows.cli.model_tables import show_models
    from flows.cli.terminal import print_json
    from flows.results.models import list_models
    from storage.store import Store

    found = list_models(Store.open(store_place(store), create=False))
    print_json({"models": found}) if as_json else show_models(found)
    return 0


@from_form(RegisterParameters, first=["file"])
def add(
    given: Given,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The model file, .keras or .h5.", show_default=False)],
    data_dir: DataFolder = None,
    store: StorePlace = None,
    as_json: AsJson = False,
) -> int:
    return _add(given, as_json)


def show(name: Name = "model/latest", store: StorePlace = None, as_json: AsJson = False) -> int:
    from flows.cli.model_tables import show_model
    from flows.cli.terminal import print_json
    from flows.results.model_details import model_details

    opened, found = _find(store, name)
    details = model_details(opened, found.record, _read_table(opened, found.record))
    print_json(details) if as_json else show_model(details)
    return 0


def rename(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The model, as dreamsweep models lists it.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name, as flowers or model/flowers.")],
    store: StorePlace = None,
    as_json: AsJson = False,
) -> int:
    from flows.cli.terminal import out, print_json
    from storage.store import Store
    from tasks.model.model_names import rename_model

    before, now = rename_model(Store.open(store_place(store), create=False), old, new)
    if as_json:
        print_json({"old": before, "model": now})
    else:
        out().print(f"{before} is {now} now", markup=False, soft_wrap=True)
    return 0


def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", metavar="", help="Remove it without asking.")] = False,
    store: StorePlace = None,
    as_json: AsJson = False,
) -> int:
    from flows.cli.terminal import out, print_json, say
    from storage.store import Store
    from tasks.model.model_names import check_unused, names_of, other_names, own_ref, remove_model

    opened = Store.open(store_place(store), create=False)
    ref = own_ref(opened, name)
    stays = other_names(opened, ref)
    if not stays:
        check_unused(opened, ref)
        check_unused(opened, ref, _schedules(names_of(opened, ref)))
    if not yes:
        if as_json or not sys.stdin.isatty():
            raise BadInput(f"{ref} is removed only where you say so: add --yes")
        if not typer.confirm(f"Remove {ref}?", err=True):
            say("Nothing was done.")
            return 0
    gone = remove_model(opened, ref)
    if as_json:
        print_json({"removed": ref, "gone": list(gone), "stays": stays})
    else:
        how = f"the model stays as {stays[0]}" if stays else "dreamsweep gc takes its files"
        out().print(f"{ref} is removed; {how}", markup=False, soft_wrap=True)
    return 0


def _add(given: Given, as_json: bool) -> int:
    from flows.cli.at_work import register_here
    from flows.cli.model_tables import show_added
    from flows.cli.terminal import print_json
    from flows.results.model_details import model_details
    from storage.store import Store
    from tasks.model.layers import stored_table
    from tasks.model.stored import find_model

    given["store"] = store_place(given.get("store"))
    parameters = fill_in(RegisterParameters, given)
    answer = register_here(parameters)
    store = Store.open(parameters.store)
    record = find_model(store, answer["model"]).record
    details = model_details(store, record, stored_table(store, record) or _read_table(store, record))
    if as_json:
        print_json({**answer, **{key: details[key] for key in ("pixels", "pixels_from", "data", "layers")}})
    else:
        show_added(details)
    return 0


def _find(store: str | None, name: str) -> "tuple[Store, StoredModel]":
    """A store and a model of it. Raises BadInput, with the nearest names, where there is none of this name."""
    from storage.store import Store
    from tasks.model.model_names import own_ref
    from tasks.model.stored import find_model

    opened = Store.open(store_place(store), create=False)
    try:
        return opened, find_model(opened, name)
    except BadInput:
        own_ref(opened, name)  # says which models there are
        raise


def _read_table(store: "Store", record: "Record") -> "LayerTable":
    """The layers of a model, as Keras has them, for images of its data set where it takes any size."""
    from flows.cli.at_work import load_here
    from tasks.model.layers import layer_table
    from tasks.model.stored import data_of

    data = data_of(store, record)
    images = data.output("train_imgs").shape if data else None
    return layer_table(load_here(store, record), (images[1], images[2]) if images else None)


def _schedules(names: list[str]) -> list[str]:
    """What Prefect's server has that names a model; nothing where no server was ever started here."""
    if not os.environ.get("PREFECT_API_URL") and not (DATA_FOLDER / "prefect" / "prefect.db").exists():
        return []
    from flows.cli.progress import choose_display
    from flows.serving.server import local_server

    with choose_display() as progress, local_server(DATA_FOLDER, progress=progress.say):
        from flows.serving.model_schedules import find_schedules

        return find_schedules(names)


def _was_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
