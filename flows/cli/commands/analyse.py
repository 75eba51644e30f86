"""`dreamsweep analyse`."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.local_runs import analyse_here
from flows.cli.options import AsJson, DataFolder, Given, StorePlace, fill_in, from_form
from flows.forms.form import at_home
from flows.forms.parameters import AnalyseParameters
from lib.data.image_names import ImageName
from lib.pictures.names import show_name


@from_form(AnalyseParameters, first=["images", "model", "data", "pair", "layers"])
def analyse(
    given: Given,
    images: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IMAGES...",
            help="Which images are analysed, as test/1302, train/5 or picture files. Default: the unclear "
            "ones of the pair.",
            show_default=False,
        ),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="The folder to write pictures to, as DIR/RUN/...")
    ] = None,
    data_dir: DataFolder = None,
    store: StorePlace = None,
    as_json: AsJson = False,
) -> int:
    if images:
        given["images"] = list(map(_image, images))
    return analyse_here(fill_in(AnalyseParameters, given), folder, as_json)


def _image(named: str) -> str:
    """A number of the data set as it is, a file as an absolute path."""
    return named if ImageName.parse(named) else show_name(str(at_home(Path(named)).absolute()))
