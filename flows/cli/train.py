"""`dreamsweep train`."""

from typing import Annotated, Any

import typer

from flows.cli.local_runs import train_here
from flows.cli.options import AsJson, DataFolder, StorePlace, change, drop_none, field, setting, validate
from flows.forms.parameters import TrainParameters
from flows.forms.places import data_place, store_place
from lib.errors import BadInput
from lib.training.settings import RECIPES, TrainSettings

DataName = Annotated[
    str, typer.Option("--data", metavar="NAME", help="digits (embedded), mnist, fashion-mnist or folder:DIR.")
]


def _of(name: str, metavar: str) -> Any:
    return setting(TrainSettings, name, metavar=metavar, recipes=RECIPES)


def _limit(name: str, metavar: str) -> Any:
    return field(TrainParameters, name, metavar=metavar)


def train(
    data: DataName = "digits",
    recipe: Annotated[
        str,
        typer.Option("--recipe", metavar="NAME", help=f"The settings that are not given: {' or '.join(RECIPES)}."),
    ] = "default",
    optimiser: Annotated[str | None, _of("optimiser", "NAME")] = None,
    learning_rate: Annotated[float | None, _of("learning_rate", "X")] = None,
    schedule: Annotated[str | None, _of("schedule", "NAME")] = None,
    decay: Annotated[float | None, _of("decay", "X")] = None,
    momentum: Annotated[float | None, _of("momentum", "X")] = None,
    l2: Annotated[float | None, _of("l2", "X")] = None,
    batch: Annotated[int | None, _of("batch", "N")] = None,
    epochs: Annotated[int | None, _of("epochs", "N")] = None,
    seed: Annotated[int | None, _of("seed", "N")] = None,
    finish_by: Annotated[str | None, _limit("finish_by", "HH:MM")] = None,
    timezone: Annotated[str | None, _limit("timezone", "NAME")] = None,
    budget: Annotated[float | None, _limit("budget", "MINUTES")] = None,
    data_dir: DataFolder = None,
    store: StorePlace = None,
    as_json: AsJson = False,
) -> int:
    if recipe not in RECIPES:
        raise BadInput(f"recipe is {recipe!r}; choose from {', '.join(RECIPES)}")
    settings = change(
        RECIPES[recipe],
        {
            "optimiser": optimiser,
            "learning_rate": learning_rate,
            "schedule": schedule,
            "decay": decay,
            "momentum": momentum,
            "l2": l2,
            "batch": batch,
            "epochs": epochs,
            "seed": seed,
        },
    )
    limits = {"finish_by": finish_by, "timezone": timezone, "budget": budget}
    images = {"data": data, "data_dir": data_place(data_dir)}
    return train_here(
        validate(TrainParameters, drop_none({"store": store_place(store), "settings": settings} | images | limits)),
        as_json,
    )
