"""`dreamsweep sweep`."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.local_runs import plan_here, sweep_here
from flows.cli.options import AsJson, DataFolder, Given, StorePlace, fill_in, from_form
from flows.forms.parameters import SweepParameters
from lib.training.settings import RECIPES

_FIRST = [
    "model",
    "train",
    "data",
    "checkpoints",
    "layers",
    "constraint",
    "objective",
    "oips",
    "starts",
    "steps",
    "step_size",
    "style",
    "quality",
]


@from_form(SweepParameters, first=_FIRST)
def sweep(
    given: Given,
    train: Annotated[
        bool, typer.Option("--train", metavar="", help="Train the reference CNN first: on --data, or else on digits.")
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="The folder to write contact sheets to, as DIR/RUN/LAYER.png."),
    ] = None,
    plan: Annotated[
        bool,
        typer.Option(
            "--plan",
            metavar="",
            help="Tell how long the sweep takes on this machine, at each quality, and how many bytes; sweep nothing.",
        ),
    ] = False,
    yes: Annotated[
        bool,
        typer.Option("--yes", "-y", metavar="", help="Begin a sweep of more than two hours without asking first."),
    ] = False,
    data_dir: DataFolder = None,
    store: StorePlace = None,
    as_json: AsJson = False,
) -> int:
    if train:
        given["train"] = RECIPES["default"]
    parameters = fill_in(SweepParameters, given)
    return plan_here(parameters, as_json) if plan else sweep_here(parameters, folder, as_json, ask=not yes)
