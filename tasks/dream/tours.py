"""A map tour on one sheet: one picture, dreamed once by each map of a layer."""

from collections.abc import Sequence

from lib.draw.tour_sheet import TourCell, tour_sheet
from lib.network.units import Unit
from lib.pictures.files import decode
from lib.pictures.png import encode_png
from storage.document import Json
from storage.store import Input, NewOutput, Recipe, Record
from tasks.dream.context import DreamContext
from tasks.dream.dreams import PNG
from tasks.dream.kinds.tour import KIND
from tasks.dream.pieces import Piece, gain_of
from tasks.session.open_runs import find_shared
from tasks.session.recorded import record_task

VERSION = 1


@record_task("tour", run_name="{title}")
def make_tour_sheet(title: str, picture: str, layer: str, indices: Sequence[int], run: str) -> tuple[Record, bool]:
    """The record of the sheet, with a cell for each map, failed and left ones too; its output's role is `sheet`."""
    context = find_shared(run, DreamContext)
    store = context.session.store
    titles = {index: Piece(picture, unit=Unit(layer, index)).title for index in indices}
    made = context.tally.made
    records = {index: store.record(made[name]) for index, name in titles.items() if name in made}
    failed = [index for index, name in titles.items() if context.tally.has_failed(name)]
    parameters: dict[str, Json] = {"layer": layer, "units": list(indices), "failed": [*failed], "picture": picture}
    dreams = {f"{layer}/{index}": record.output("picture").digest for index, record in records.items()}
    # what the cells say of them is in no digest of a picture
    recipes = {f"recipe of {layer}/{index}": record.recipe for index, record in records.items()}
    recipe = Recipe(KIND.task, VERSION, {**parameters, "model": context.network.name}, dreams | recipes)

    def compute() -> tuple[list[NewOutput], list[Input]]:
        cells = []
        for index in indices:
            if index in records:
                record = records[index]
                pixels = decode(store.get(record.output("picture").digest)).frames[0]
                cells.append(TourCell(index, pixels, gain=gain_of(record)))
            else:
                cells.append(TourCell(index, None, "failed" if index in failed else "left"))
        subtitle = f"{picture} · {context.network.name} · {context.settings.mode}"
        sheet = tour_sheet(cells, title=layer, subtitle=subtitle)
        about = {"recipe": recipe.digest, "task": recipe.task, "parameters": recipe.parameters, "role": "sheet"}
        whole = encode_png(decode(sheet), about)
        return (
            [NewOutput("sheet", whole, "sheet", PNG, attributes={"title": f"{layer} {picture}", "layer": layer})],
            [Input(unit, digest) for unit, digest in dreams.items()],
        )

    return context.session.obtain(recipe, compute, unit=title)
