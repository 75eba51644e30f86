"""`dreamsweep analyse`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli.local_runs import analyse_here
from flows.cli.options import AsJson, DataFolder, StorePlace, change, drop_none, field, setting, validate
from flows.forms.form import at_home
from flows.forms.parameters import AnalyseParameters
from flows.forms.places import data_place, store_place
from lib.analysis.settings import AnalysisSettings
from lib.data.image_names import ImageName
from lib.pictures.names import show_name


def _field(name: str, metavar: str) -> Any:
    return field(AnalyseParameters, name, metavar=metavar)


def _setting(name: str, metavar: str) -> Any:
    return setting(AnalysisSettings, name, metavar=metavar)


def analyse(
    images: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IMAGES...",
            help="test/1302 or train/5, numbers of the data set from 0, and files of pictures. Default: the unclear "
            "ones of the pair.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[str | None, _field("model", "MODEL")] = None,
    data: Annotated[str | None, _field("data", "NAME")] = None,
    pair: Annotated[str | None, _setting("pair", "A,B")] = None,
    layers: Annotated[list[str] | None, _field("layers", "PATTERN")] = None,
    first: Annotated[list[str] | None, _field("first", "IMAGE")] = None,
    second: Annotated[list[str] | None, _field("second", "IMAGE")] = None,
    clear: Annotated[int | None, _setting("clear", "N")] = None,
    unclear: Annotated[int | None, _setting("unclear", "N")] = None,
    threshold: Annotated[float | None, _setting("threshold", "X")] = None,
    standardise: Annotated[bool | None, _setting("standardise", "")] = None,
    clip: Annotated[float | None, _setting("clip", "X")] = None,
    colour_map: Annotated[str | None, _setting("colour_map", "NAME")] = None,
    classifier_images: Annotated[int | None, _setting("classifier_images", "N")] = None,
    seed: Annotated[int | None, _setting("seed", "N")] = None,
    tensors: Annotated[str | None, _field("tensors", "SET")] = None,
    finish_by: Annotated[str | None, _field("finish_by", "HH:MM")] = None,
    timezone: Annotated[str | None, _field("timezone", "NAME")] = None,
    budget: Annotated[float | None, _field("budget", "MINUTES")] = None,
    stalled_after: Annotated[float | None, _field("stalled_after", "MINUTES")] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Where the pictures go, as DIR/RUN/...")
    ] = None,
    data_dir: DataFolder = None,
    store: StorePlace = None,
    as_json: AsJson = False,
) -> int:
    settings = {
        "pair": pair,
        "clear": clear,
        "unclear": unclear,
        "threshold": threshold,
        "standardise": standardise,
        "clip": clip,
        "colour_map": colour_map,
        "classifier_images": classifier_images,
        "seed": seed,
    }
    given = drop_none(
        {
            "store": store_place(store),
            "images": [_image(image) for image in images or ()] or None,
            "model": model,
            "data": data,
            "data_dir": data_place(data_dir),
            "layers": layers or None,
            "first": first or None,
            "second": second or None,
            "settings": change(AnalysisSettings(), settings),
            "tensors": tensors,
            "finish_by": finish_by,
            "timezone": timezone,
            "budget": budget,
            "stalled_after": stalled_after,
        }
    )
    return analyse_here(validate(AnalyseParameters, given), folder, as_json)


def _image(named: str) -> str:
    """A number of the data set as it is, a file as an absolute path."""
    return named if ImageName.parse(named) else show_name(str(at_home(Path(named)).absolute()))
