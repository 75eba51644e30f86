"""`dreamsweep sweep`."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli_options import AsJson, DataFolder, StorePlace, changed, parsed, setting
from flows.places import DATA_FOLDER, data_place, store_place
from lib.errors import BadInput
from lib.growth_settings import GrowthSettings
from lib.training_settings import RECIPES

if TYPE_CHECKING:
    from flows.parameters import SweepParameters

PICTURES = DATA_FOLDER / "pictures"


def sweep(
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="MODEL", help="A ref, a digest, or a .keras or .h5 file. Default: the latest."),
    ] = None,
    train: Annotated[
        bool, typer.Option("--train", metavar="", help="Train the reference CNN first, on --data or else on digits.")
    ] = False,
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="NAME", help="Where exemplars come from. Default: what it was trained on."),
    ] = None,
    layers: Annotated[
        list[str] | None,
        typer.Option(
            "--layers",
            metavar="PATTERN",
            help="A layer, a pattern or units: Conv2D_*, Conv2D_2/3-9. Repeatable. Default: all convolutions.",
        ),
    ] = None,
    constraint: Annotated[str | None, setting(GrowthSettings, "constraint", metavar="NAME")] = None,
    objective: Annotated[str | None, setting(GrowthSettings, "objective", metavar="NAME")] = None,
    oips: Annotated[int | None, setting(GrowthSettings, "oips", metavar="N")] = None,
    starts: Annotated[int | None, setting(GrowthSettings, "starts", metavar="N")] = None,
    steps: Annotated[int | None, setting(GrowthSettings, "steps", metavar="N")] = None,
    step_size: Annotated[float | None, setting(GrowthSettings, "step_size", metavar="X")] = None,
    style: Annotated[
        str,
        typer.Option(
            "--style", metavar="NAME", help="strong: the highest responses. clean: nothing finer than a pixel or two."
        ),
    ] = "strong",
    smoothing: Annotated[float | None, setting(GrowthSettings, "smoothing", metavar="X")] = None,
    jitter: Annotated[int | None, setting(GrowthSettings, "jitter", metavar="N")] = None,
    length_scales: Annotated[list[str] | None, setting(GrowthSettings, "length_scales", metavar="1,3,7")] = None,
    shared_starts: Annotated[bool | None, setting(GrowthSettings, "shared_starts", metavar="")] = None,
    seed: Annotated[int | None, setting(GrowthSettings, "seed", metavar="N")] = None,
    size: Annotated[
        str | None, typer.Option("--size", metavar="HxW", help="Size of the images, for networks that take any.")
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option("--batch", metavar="N", help="Images that climb together; fewer want less memory. Default: 64."),
    ] = None,
    large_tensors: Annotated[
        bool, typer.Option("--large-tensors", metavar="", help="Gather a layer's OIPs into HDF5 above 2 GB too.")
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Where the contact sheets go, as DIR/RUN/LAYER.png."),
    ] = None,
    data_dir: DataFolder = None,
    store: StorePlace = None,
    as_json: AsJson = False,
) -> int:
    given = {
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
    growth = changed(GrowthSettings().in_style(style), given)
    height_and_width = _size(size) if size is not None else None
    if batch is not None and batch < 1:
        raise BadInput(f"batch is {batch}; it must be 1 or more")
    place = store_place(store)
    from flows.cli_flows import at_work
    from flows.terminal import print_json

    _check(place, model, train)
    if folder is not None:
        _writable(folder)
    with at_work(place):
        from flows.parameters import SweepParameters

        answer = _swept(
            SweepParameters(
                store=place,
                model=model,
                train=RECIPES["default"] if train else None,
                data=data,
                data_dir=data_place(data_dir),
                layers=layers or None,
                growth=growth,
                size=height_and_width,
                **({} if batch is None else {"batch": batch}),
                large_tensors=large_tensors,
            )
        )
    if folder is None and place == store_place(str(DATA_FOLDER / "store")):
        folder = PICTURES
    if folder is not None:
        answer["contact_sheets"] = _exported_sheets(place, answer["run"], folder)
    if as_json:
        print_json(answer)
    else:
        _show(answer)
    return 1 if answer["failures"] else 0


def _writable(folder: Path) -> None:
    """Raise BadInput now rather than after the sweep where pictures cannot be written to a folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise BadInput(f"pictures cannot be written to {folder}: {problem.strerror}") from problem


def _check(place: str, model: str | None, train: bool) -> None:
    """Raise what can be known at once to be wrong with the model, rather than after TensorFlow's import."""
    from storage.resolve import resolve
    from storage.store import Store

    if train:
        if model is not None:
            raise BadInput("--train and --model are both given: leave one of them out")
        return
    store = Store.open(place)
    if model is None:
        if "model/latest" not in store.refs():
            raise BadInput(f"the store {store.root} has no model yet: dreamsweep train, or dreamsweep sweep --train")
    elif Path(model).suffix not in (".keras", ".h5"):
        resolve(store, model)
    elif not Path(model).is_file():
        raise BadInput(f"there is no file {model}: name one, or a model that dreamsweep models lists")


def _swept(parameters: "SweepParameters") -> dict[str, Any]:
    """The summary of a sweep, also of one in which maps failed. Raises what kept it from being a sweep at all."""
    from flows.summary import sweep_summary
    from flows.sweep import oip_sweep
    from storage.store import Store

    before = {run.id for run in Store.open(parameters.store).runs()}
    try:
        answer: Any = oip_sweep(parameters)
    except Exception:
        store = Store.open(parameters.store)
        for run in reversed(store.runs()):
            if run.id not in before and run.flow == "oip-sweep" and run.failures and run.closed:
                return sweep_summary(store, run.id)
        raise
    return dict(answer)


def _exported_sheets(place: str, run: str, folder: Path) -> dict[str, str]:
    """Write the contact sheets to FOLDER/RUN/LAYER.png; return their paths by layer."""
    from flows.export import exported, sheets
    from storage.store import Store

    store = Store.open(place)
    plan = sheets(store, run)
    exported(store, dict(plan.values()), folder / run)
    return {layer: str((folder / run / name).absolute()) for layer, (name, _) in plan.items()}


def _show(answer: Mapping[str, Any]) -> None:
    from flows.captions import duration, number_of
    from flows.cli_show import verdict_table
    from flows.terminal import out

    console = out()
    console.print(verdict_table(answer["verdicts"]))
    console.print()
    for unit, message in list(answer["failures"].items())[:5]:
        console.print(f"failed: {unit}: {message}", markup=False)
    if (more := len(answer["failures"]) - 5) > 0:
        console.print(f"failed: {more} more; dreamsweep show {answer['run']}", markup=False)
    unreached = [unit["unit"] for unit in answer["units"] if unit["verdict"] == "unreached"]
    if unreached:
        console.print(f"unreached: {', '.join(unreached)}", markup=False)
    computed, reused = answer["computed"], answer["reused"]
    if not computed and not answer["failures"]:
        counted = f"Nothing to compute: all {number_of(reused, 'map')} were in the store already"
    else:
        counted = f"{number_of(computed, 'map')} computed, {reused:,} reused"
    console.print(f"{counted}; {duration(answer['seconds'])}", markup=False)
    console.print(f"run {answer['run']} of {answer['model']}", markup=False)
    sheets = answer.get("contact_sheets") or answer["sheets"]
    if sheets:
        console.print("contact sheets:")
        for layer, path in sheets.items():
            console.print(f"  {layer}  {path}", markup=False, soft_wrap=True)
    console.print(f"all pictures: dreamsweep export {answer['run']} --out DIR", markup=False)


def _mixture(text: str) -> tuple[float, ...]:
    def parse(text: str) -> tuple[float, ...]:
        return tuple(float(number) for number in text.split(","))

    found: tuple[float, ...] = parsed(parse, text, "--length-scales", "lengths in pixels, as 1,3,7")
    return found


def _size(text: str) -> tuple[int, int]:
    def parse(text: str) -> tuple[int, int]:
        match = re.fullmatch(r"([1-9]\d{0,5})x([1-9]\d{0,5})", text)
        if not match:
            raise ValueError(text)
        return int(match[1]), int(match[2])

    found: tuple[int, int] = parsed(parse, text, "--size", "height and width in pixels, as 224x224")
    return found
