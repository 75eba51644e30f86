"""What is gathered of a layer when its maps are done, failed ones or not: a contact sheet and one HDF5 file."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from lib.arrays import Array, Floats
from lib.draw.contact_sheet import SheetCell, contact_sheet
from lib.network.pixels import Pixels
from lib.network.units import Unit
from lib.oips.style import STYLES
from lib.words import plural
from storage.document import Json
from storage.store import Input, NewOutput, Output, Recipe, Record
from storage.tensors import HDF5, hdf5_bytes
from tasks.model.pixels import PICTURES
from tasks.session.attributes import read_as
from tasks.session.open_runs import find_shared
from tasks.session.recorded import record_task
from tasks.sweep.context import SweepContext
from tasks.sweep.kinds.layer import KIND, layer_title
from tasks.sweep.oip_attributes import OipAttributes
from tasks.sweep.oips import VERSION as OIPS_VERSION
from tasks.sweep.style_of import quality_of, style_of

VERSION = 2
LARGEST = 2 * 2**30
"""Bytes of OIPs above which a layer is gathered into HDF5 only when asked for."""


Tensors = dict[str, Array]

_FAILED, _LEFT = "failed", "left"


@record_task("layer", run_name="{layer}")
def gather_layer(
    layer: str, indices: Sequence[int], failed: Sequence[int], large: bool, run: str
) -> tuple[Record, bool]:
    """The layer's record: `sheet` (PNG, every unit a cell) and `tensors` (HDF5, a mask says which units are there).

    Args:
        indices: of the layer's units that were asked for.
        failed: those of them that failed. What neither failed nor is made is left for the next run.
        large: gather tensors above 2 GB too.
    """
    context = find_shared(run, SweepContext)
    units = [Unit(layer, index) for index in indices]
    records = _records(context, units)
    missing = {Unit(layer, index): _FAILED for index in failed}
    oips = {unit: record.output("oips") for unit, record in records.items()}
    gathered = _is_gathered(records, large)
    recipe = layer_recipe(context, layer, indices, failed, large)

    def compute() -> tuple[list[NewOutput], list[Input]]:
        store = context.session.store
        images = {unit: store.array(output.digest) for unit, output in oips.items()}
        known = {unit: read_as(OipAttributes, output.attributes) for unit, output in oips.items()}
        sheet = contact_sheet(
            [
                _cell(unit, images.get(unit), known.get(unit), missing.get(unit, _LEFT), context.network.pixels)
                for unit in units
            ],
            title=layer,
            subtitle=_subtitle(context),
            bounds=PICTURES if _all_in_box(oips.values()) else None,
        )
        outputs = [NewOutput("sheet", sheet, "sheet", "image/png", attributes={"layer": layer})]
        if gathered:
            tensors = _tensors(units, images, known, missing)
            if STYLES[context.growth.style].recorded:  # in others they are all in the one that was asked for
                styles = [style_of(records[u].parameters, known[u]) if u in known else "" for u in units]
                tensors["style"] = np.array(styles, dtype="S16")
                qualities = [quality_of(records[u].parameters) if u in known else "" for u in units]
                tensors["quality"] = np.array(qualities, dtype="S16")
            about = {"layer": layer, "model": context.network.identity, **context.recipe_parameters(layer)}
            outputs.append(
                NewOutput("tensors", hdf5_bytes(tensors, {"/": about}), "tensors", HDF5, attributes={"layer": layer})
            )
        read = [Input(str(unit), output.digest) for unit, output in oips.items()]
        return outputs, [*read, *context.lineage_inputs()]

    return context.session.obtain(recipe, compute, unit=layer_title(layer))


def layer_recipe(
    context: SweepContext, layer: str, indices: Sequence[int], failed: Sequence[int], large: bool
) -> Recipe:
    """What `gather_layer` will compute, given the same; the records of the units that are made are read for that."""
    records = _records(context, [Unit(layer, index) for index in indices])
    parameters: dict[str, Json] = {
        "layer": layer,
        "units": [*indices],
        "failed": [*failed],
        "model": context.network.name,
        "data": context.natural.name if context.natural else None,
        "tensors": _is_gathered(records, large),
        "oips_version": OIPS_VERSION,  # verdicts and responses are shown too, and are in no digest of an image
        **context.recipe_parameters(layer),
    }
    grown = {str(unit): record.output("oips").digest for unit, record in records.items()}
    recipes = {f"recipe of {unit}": record.recipe for unit, record in records.items()}  # what a verdict rests on
    return Recipe(KIND.task, VERSION, parameters, context.recipe_inputs() | grown | recipes)


def _records(context: SweepContext, units: Sequence[Unit]) -> dict[Unit, Record]:
    """The records of the OIPs that are shown, of those units that are made."""
    made = context.tally.made
    there = [unit for unit in units if str(unit) in made]
    return dict(zip(there, context.session.store.read_records(made[str(unit)] for unit in there), strict=True))


def _is_gathered(records: Mapping[Unit, Record], large: bool) -> bool:
    """Whether the tensors of these OIPs go into a file of their own."""
    return large or sum(record.output("oips").size for record in records.values()) <= LARGEST


def _cell(unit: Unit, images: Floats | None, about: OipAttributes | None, otherwise: str, pixels: Pixels) -> SheetCell:
    if images is None or about is None:
        return SheetCell(unit.index, None, otherwise)
    # what a unit that never responded was pushed towards is no picture of what it looks for
    shown = pixels.to_pictures(images[0]) if about["verdict"] in ("responded", "unreached") else None
    return SheetCell(unit.index, shown, about["verdict"], about["response"], about["response_ratio"])


def _all_in_box(oips: Iterable[Output]) -> bool:
    """A unit that responded under the other constraint only would be cut off at the box's bounds."""
    return all(output.attributes["constraint"] == "box" for output in oips)


def _subtitle(context: SweepContext) -> str:
    data = context.natural.name if context.natural else "no data set"
    growth = context.growth
    how = f"{growth.constraint} · {growth.starts} starts or more · seed {growth.seed}"
    if STYLES[growth.style].recorded:
        how = f"{growth.style} · {growth.constraint} · {plural(growth.starts, 'restart')} · seed {growth.seed}"
    return f"{context.network.name} · {data} · {how}"


def _tensors(
    units: Sequence[Unit],
    images: Mapping[Unit, Floats],
    about: Mapping[Unit, OipAttributes],
    missing: Mapping[Unit, str],
) -> Tensors:
    """Arrays with one row a unit; where a unit has fewer OIPs than others, failed or is left, NaN (numbers: -1)."""
    most = max((len(array) for array in images.values()), default=0)
    longest = max((len(oip["curve"]) for unit in about for oip in about[unit]["oips"]), default=0)
    scales = max((len(oip["length_scales"]) for unit in about for oip in about[unit]["oips"]), default=0)
    shape = next((array.shape[1:] for array in images.values()), (0, 0, 0))
    kind = np.result_type(*(array.dtype for array in images.values())) if images else np.dtype(np.float32)
    best = max((len(found["exemplars"]) for found in about.values()), default=0)
    rows = len(units)
    tensors: Tensors = {
        "unit": np.array([unit.index for unit in units], np.int64),
        "mask": np.array([unit in images for unit in units]),
        "count": np.array([len(images[unit]) if unit in images else 0 for unit in units], np.int64),
        "verdict": np.array([about[u]["verdict"] if u in about else missing.get(u, _LEFT) for u in units], dtype="S16"),
        "oips": np.full((rows, most, *shape), np.nan, kind),
        "response": np.full((rows, most), np.nan, np.float32),
        "pre_activation": np.full((rows, most), np.nan, np.float32),
        "response_ratio": np.full(rows, np.nan, np.float32),
        "curve": np.full((rows, most, longest), np.nan, np.float32),
        "seed": np.full((rows, most), -1, np.int64),
        "start": np.full((rows, most), -1, np.int64),
        "length_scales": np.full((rows, most, scales), np.nan, np.float32),
        "constraint": np.array([about[u]["constraint"] if u in about else "" for u in units], dtype="S16"),
        "exemplars": np.full((rows, best), -1, np.int64),
        "exemplar_responses": np.full((rows, best), np.nan, np.float32),
    }
    for row, unit in enumerate(units):
        if unit not in images:
            continue
        tensors["oips"][row, : len(images[unit])] = images[unit]
        known = about[unit]
        if known["response_ratio"] is not None:
            tensors["response_ratio"][row] = known["response_ratio"]
        tensors["exemplars"][row, : len(known["exemplars"])] = known["exemplars"]
        tensors["exemplar_responses"][row, : len(known["exemplars"])] = known["exemplar_responses"]
        for at, oip in enumerate(known["oips"]):
            tensors["response"][row, at] = oip["response"]
            tensors["pre_activation"][row, at] = oip["pre_activation"]
            tensors["seed"][row, at] = oip["seed"]
            tensors["start"][row, at] = oip["start"]
            tensors["length_scales"][row, at, : len(oip["length_scales"])] = oip["length_scales"]
            tensors["curve"][row, at, : len(oip["curve"])] = [np.nan if v is None else v for v in oip["curve"]]
    return tensors
