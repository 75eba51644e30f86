"""`dreamsweep train`."""

from typing import Annotated, Any

import typer

from flows.cli_options import AsJson, DataFolder, StorePlace, changed, setting
from flows.places import data_place, store_place
from lib.errors import BadInput
from lib.training_settings import RECIPES, TrainSettings

DataName = Annotated[
    str, typer.Option("--data", metavar="NAME", help="digits (embedded), mnist, fashion-mnist or folder:DIR.")
]


def _of(name: str, metavar: str) -> Any:
    return setting(TrainSettings, name, metavar=metavar, recipes=RECIPES)


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
    data_dir: DataFolder = None,
    store: StorePlace = None,
    as_json: AsJson = False,
) -> None:
    if recipe not in RECIPES:
        raise BadInput(f"recipe is {recipe!r}; choose from {', '.join(RECIPES)}")
    settings = changed(
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
    from flows.captions import duration, percent
    from flows.cli_flows import at_work
    from flows.terminal import out, print_json

    place = store_place(store)
    with at_work(place):
        from flows.parameters import TrainParameters
        from flows.train import train as train_flow

        answer = train_flow(TrainParameters(store=place, data=data, data_dir=data_place(data_dir), settings=settings))
    if as_json:
        print_json(answer)
        return
    console = out()
    accuracy = f"{percent(answer['test_accuracy'])} on the test set after {answer['epochs']} epochs"
    console.print(f"[bold]{answer['model']}[/bold]  {accuracy}")
    if not answer["computed"]:
        console.print("Nothing to compute: all of it was in the store already.")
    console.print(f"{answer['computed']} records computed, {answer['reused']} reused, in {duration(answer['seconds'])}")
    console.print(f"Next: dreamsweep sweep --model {answer['model']}", markup=False)
