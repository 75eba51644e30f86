"""`dreamsweep train`."""

from dataclasses import asdict
from typing import Annotated

import typer

from flows.cli.local_runs import train_here
from flows.cli.options import AsJson, DataFolder, Given, StorePlace, fill_in, from_form, option_of
from flows.forms.parameters import TrainParameters
from lib.errors import BadValue
from lib.training.settings import RECIPES

_EARLIER_NAMES = {"blog": "classic"}
"""What recipes were called before: scripts go on working."""


@from_form(TrainParameters, first=["data", "recipe"], without=["stalled_after"], recipes=RECIPES)
def train(
    given: Given,
    recipe: Annotated[
        str,
        typer.Option(
            "--recipe",
            metavar="NAME",
            help=f"Which recipe gives the settings that are not given: {' or '.join(RECIPES)}.",
        ),
    ] = "default",
    data_dir: DataFolder = None,
    store: StorePlace = None,
    as_json: AsJson = False,
) -> int:
    recipe = _EARLIER_NAMES.get(recipe, recipe)
    if recipe not in RECIPES:
        raise BadValue(option_of("recipe"), recipe, f"choose from {', '.join(RECIPES)}")
    given["settings"] = asdict(RECIPES[recipe]) | given.get("settings", {})
    return train_here(fill_in(TrainParameters, given), as_json)
