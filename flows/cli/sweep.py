"""`dreamsweep sweep`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli.local_runs import sweep_here
from flows.cli.options import AsJson, DataFolder, StorePlace, change, drop_none, field, parse_option, setting, validate
from flows.forms.parameters import SweepParameters
from flows.forms.places import data_place, store_place
from lib.errors import BadInput
from lib.oips.settings import GrowthSettings
from lib.training.settings import RECIPES


def _field(name: str, metavar: str) -> Any:
    return field(SweepParameters, name, metavar=metavar)


def sweep(
    model: Annotated[str | None, _field("model", "MODEL")] = None,
    train: Annotated[
        bool, typer.Option("--train", metavar="", help="Train the reference CNN first, on --data or else on digits.")
    ] = False,
    data: Annotated[str | None, _field("data", "NAME")] = None,
    checkpoints: Annotated[str | None, _field("checkpoints", "EPOCHS")] = None,
    layers: Annotated[list[str] | None, _field("layers", "PATTERN")] = None,
    constraint: Annotated[str | None, setting(GrowthSettings, "constraint", metavar="NAME")] = None,
    objective: Annotated[str | None, setting(GrowthSettings, "objective", metavar="NAME")] = None,
    oips: Annotated[int | None, setting(GrowthSettings, "oips", metavar="N")] = None,
    starts: Annotated[int | None, setting(GrowthSettings, "starts", metavar="N")] = None,
    steps: Annotated[int | None, setting(GrowthSettings, "steps", metavar="N")] = None,
    step_size: Annotated[float | None, setting(GrowthSettings, "step_size", metavar="X")] = None,
    style: Annotated[str | None, _field("style", "NAME")] = None,
    smoothing: Annotated[float | None, setting(GrowthSettings, "smoothing", metavar="X")] = None,
    jitter: Annotated[int | None, setting(GrowthSettings, "jitter", metavar="N")] = None,
    length_scales: Annotated[list[str] | None, setting(GrowthSettings, "length_scales", metavar="1,3,7")] = None,
    shared_starts: Annotated[bool | None, setting(GrowthSettings, "shared_starts", metavar="")] = None,
    seed: Annotated[int | None, setting(GrowthSettings, "seed", metavar="N")] = None,
    size: Annotated[str | None, _field("size", "HxW")] = None,
    batch: Annotated[int | None, _field("batch", "N")] = None,
    maps_per_task: Annotated[int | None, _field("maps_per_task", "N")] = None,
    large_tensors: Annotated[bool | None, _field("large_tensors", "")] = None,
    finish_by: Annotated[str | None, _field("finish_by", "HH:MM")] = None,
    timezone: Annotated[str | None, _field("timezone", "NAME")] = None,
    budget: Annotated[float | None, _field("budget", "MINUTES")] = None,
    stalled_after: Annotated[float | None, _field("stalled_after", "MINUTES")] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Where the contact sheets go, as DIR/RUN/LAYER.png."),
    ] = None,
    data_dir: DataFolder = None,
    store: StorePlace = None,
    as_json: AsJson = False,
) -> int:
    growth = {
        "constraint": constraint,
        "objective": objective,
        "oips": oips,
        "starts": starts,
        "steps": steps,
        "step_size": step_size,
        "smoothing": smoothing,
        "jitter": jitter,
        "length_scales": tuple(map(_mixture, length_scales)) if length_scales else None,
        "shared_starts": shared_starts,
        "seed": seed,
    }
    place = store_place(store)
    given = drop_none(
        {
            "store": place,
            "model": model,
            "train": RECIPES["default"] if train else None,
            "data": data,
            "data_dir": data_place(data_dir),
            "checkpoints": checkpoints,
            "layers": layers or None,
            "style": style,
            "growth": change(GrowthSettings(), growth),
            "size": size,
            "batch": batch,
            "maps_per_task": maps_per_task,
            "large_tensors": large_tensors,
            "finish_by": finish_by,
            "timezone": timezone,
            "budget": budget,
            "stalled_after": stalled_after,
        }
    )
    parameters = validate(SweepParameters, given)
    _check(place, model, train, checkpoints)
    return sweep_here(parameters, folder, as_json)


def _check(place: str, model: str | None, train: bool, checkpoints: str | None) -> None:
    """Raise what can be known at once to be wrong with the model, rather than after TensorFlow's import."""
    from flows.forms.fields import is_model_file
    from storage.errors import StoreError
    from storage.resolve import resolve
    from storage.store import Store
    from tasks.model.checkpoints import checkpoints_of, choose, split_name

    if train:
        if model is not None:
            raise BadInput("--train and --model are both given: leave one of them out")
        return
    store = Store.open(place)
    if model is None:
        if "model/latest" not in store.refs():
            raise BadInput(f"the store {store.root} has no model yet: dreamsweep train, or dreamsweep sweep --train")
    elif is_model_file(model):
        if not Path(model).is_file():
            raise BadInput(f"there is no file {model}: name one, or a model that dreamsweep models lists")
        if checkpoints is not None:
            choose({}, checkpoints, model)
        return
    name, epoch = model or "model/latest", None
    try:
        found = resolve(store, name)
    except StoreError:
        name, epoch = split_name(name)
        if epoch is None:
            raise
        found = resolve(store, name)
    for record, _ in found.artifacts[:1]:
        if epoch is not None:
            record = choose(checkpoints_of(store, record), str(epoch), name)[epoch]
        if checkpoints is not None:
            choose(checkpoints_of(store, record), checkpoints, name)


def _mixture(text: str) -> tuple[float, ...]:
    def parse(text: str) -> tuple[float, ...]:
        return tuple(float(number) for number in text.split(","))

    found: tuple[float, ...] = parse_option(parse, text, "--length-scales", "lengths in pixels, as 1,3,7")
    return found
