"""`dreamsweep models`: the models of a store, and the way in for a user's own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import AsJson, DataFolder, StorePlace, fill_in
from flows.forms.places import data_place, store_place
from lib.network.pixels import FORMS

if TYPE_CHECKING:
    from flows.results.models import ModelNote


def models(
    add: Annotated[
        Path | None, typer.Option("--add", metavar="FILE", help="Register this .keras or .h5 file; it runs no code.")
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", metavar="NAME", help="The data set that the model of --add was trained on.")
    ] = None,
    pixels: Annotated[
        str | None, typer.Option("--pixels", metavar="PIXELS", help=f"Which pixels the model of --add takes: {FORMS}.")
    ] = None,
    store: StorePlace = None,
    data_dir: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """List the models of the store, or register a model file of your own."""
    from flows.cli.terminal import out, print_json
    from flows.results.models import list_models
    from lib.errors import BadInput
    from storage.store import Store

    if add is not None:
        from flows.cli.at_work import register_here
        from flows.forms.parameters import RegisterParameters

        given = {"file": add, "store": store_place(store), "data": data, "data_dir": data_place(data_dir)}
        given |= {} if pixels is None else {"pixels": pixels}
        answer = register_here(fill_in(RegisterParameters, given))
        print_json(answer) if as_json else out().print(f"registered as {answer['model']}", markup=False)
        return
    if pixels is not None:
        raise BadInput("--pixels belongs to --add FILE: which pixels the new model takes")
    if data is not None:
        raise BadInput("--data belongs to --add FILE: which data set the new model was trained on")
    found = list_models(Store.open(store_place(store), create=False))
    print_json({"models": found}) if as_json else _show(found)


def _show(found: "list[ModelNote]") -> None:
    from flows.cli.terminal import escape, out, say, table
    from flows.results.captions import short
    from lib.words import count, local_moment, percent

    if not found:
        say("There is no model yet: dreamsweep train, or dreamsweep models --add FILE")
        return
    rows = table("ref", "data", "accuracy", "parameters", "when", right=("accuracy", "parameters"))
    latest = ", latest"
    for model in found:
        rows.add_row(
            f"{escape(model['ref'])}\n[dim]{short(model['identity'] or '')}{latest if model['latest'] else ''}[/dim]",
            escape(model["data"] or ""),
            percent(model["test_accuracy"], unknown=""),
            count(model["parameters"]) if model["parameters"] is not None else "",
            local_moment(model["when"]),
        )
    out().print(rows)
