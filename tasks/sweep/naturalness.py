"""How natural the pictures of a layer's units are, as artifacts: one record a layer, from the OIPs that are stored."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from lib.arrays import Array, Doubles, Floats
from lib.deadline import OutOfTime
from lib.naturalness.kept import MOVES, kept_shares
from lib.naturalness.likeness import FINE, colour_shares, fine_shares
from lib.network.units import Unit
from storage.document import Json
from storage.store import Input, NewOutput, Output, Recipe, Record
from storage.tensors import NPY, npy_bytes
from tasks.model.pixels import pixel_parameters
from tasks.session.open_runs import find_shared
from tasks.session.progress import report
from tasks.session.recorded import record_task
from tasks.sweep.context import SweepContext
from tasks.sweep.kinds.naturalness import KIND
from tasks.sweep.oips import oip_recipe

VERSION = 1
SAMPLE = 500
"""Images of the data set whose likeness is measured, at even distances."""


@record_task("naturalness", run_name="naturalness of {layer}")
def measure_naturalness(layer: str, indices: Sequence[int], run: str) -> tuple[Record, bool]:
    """The record of how natural the best OIPs of a layer's units are: of those units that are made.

    Outputs, each float64 [units] as `.npy`: `kept_shift`, `kept_turn` and `kept_blur`, the shares of the response that
    are left, NaN where there is none above zero, as in `lib.naturalness.kept`; `fine_detail` and, of a network that
    takes colours, `colour`, as in `lib.naturalness.likeness`; `response`, without which these say nothing. Their
    attributes have the indices of the `units` and, with a data set, under `data` the means of its own images. Raises
    OutOfTime where the session's deadline passes in between.

    Args:
        indices: of the layer's units that were asked for; at least one is made.
    """
    context = find_shared(run, SweepContext)
    oips = _shown_oips(context, layer, indices)
    compute = partial(_artifacts, context, layer, oips)
    return context.session.obtain(_recipe(context, layer, oips), compute, unit=naturalness_title(layer))


def naturalness_title(layer: str) -> str:
    """What a run calls how natural the pictures of a layer are."""
    return f"naturalness of {layer}"


def shown_recipe(context: SweepContext, layer: str, indices: Sequence[int]) -> Recipe:
    """What `measure_naturalness` will compute, given the same."""
    return _recipe(context, layer, _shown_oips(context, layer, indices))


def _shown_oips(context: SweepContext, layer: str, indices: Sequence[int]) -> dict[Unit, Output]:
    """The OIPs that the run shows, of those units that are made."""
    tally = context.tally
    units = [unit for unit in (Unit(layer, index) for index in indices) if tally.is_made(str(unit))]
    records = context.session.store.read_records(tally.key_of(str(unit)) for unit in units)
    return {unit: record.output("oips") for unit, record in zip(units, records, strict=True)}


def naturalness_recipe(context: SweepContext, layer: str, indices: Sequence[int]) -> Recipe | None:
    """What measuring some units will compute; None where their OIPs are not all in the store yet.

    It is the OIPs themselves that are measured, so their records are read for that.
    """
    session = context.session
    oips: dict[Unit, Output] = {}
    for unit in (Unit(layer, index) for index in indices):
        record = session.listing.find(oip_recipe(context, unit), changes=session.code["changes"])
        if record is None:
            return None
        oips[unit] = record.output("oips")
    return _recipe(context, layer, oips)


def _recipe(context: SweepContext, layer: str, oips: Mapping[Unit, Output]) -> Recipe:
    parameters: dict[str, Json] = {
        "layer": layer,
        "units": [unit.index for unit in oips],
        "moves": {str(move): how for move, how in MOVES.items()},
        "fine": FINE,
        "sample": SAMPLE,
        **pixel_parameters(context.network.pixels),
    }
    measured = {str(unit): output.digest for unit, output in oips.items()}
    return Recipe(KIND.task, VERSION, parameters, context.recipe_inputs() | measured)


def _artifacts(context: SweepContext, layer: str, oips: Mapping[Unit, Output]) -> tuple[list[NewOutput], list[Input]]:
    found = _measure(context, layer, oips)
    about: dict[str, Json] = {"layer": layer, "units": [unit.index for unit in oips]}
    if context.natural is not None:
        about["data"] = {**data_likeness(context, layer)}
    outputs = [
        NewOutput(name, npy_bytes(array), "naturalness", NPY, str(array.dtype), array.shape, attributes=about)
        for name, array in found.items()
    ]
    return outputs, [*context.lineage_inputs(), *(Input(str(unit), output.digest) for unit, output in oips.items())]


def data_likeness(context: SweepContext, layer: str) -> dict[str, float]:
    """The mean shares of fine detail and of colour in the data set's images, at the size of a layer's images."""
    size = context.size_of(layer)
    if size not in context.likeness:
        images = context.images_at(size)
        some = images[np.linspace(0, len(images) - 1, min(len(images), SAMPLE)).astype(int)]
        context.likeness[size] = {name: float(np.mean(shares)) for name, shares in _likeness(some).items()}
    return context.likeness[size]


def _measure(context: SweepContext, layer: str, oips: Mapping[Unit, Output]) -> dict[str, Doubles]:
    """What there is to know of each unit's best OIP, a batch of units at a time: of a large layer they are many."""
    session, pixels = context.session, context.network.pixels
    measure = context.usual_ground(layer).measure
    parts: list[dict[str, Array]] = []
    rows = list(oips.items())
    for first in range(0, len(rows), context.batch):
        if session.deadline.passed:
            raise OutOfTime(f"the pictures of {layer} are not all measured")
        part = rows[first : first + context.batch]
        pictures = pixels.to_pictures(np.stack([session.store.array(output.digest)[0] for _, output in part]))
        kept = kept_shares(measure, pictures, [unit.index for unit, _ in part])
        responses = [output.attributes["response"] for _, output in part]
        parts.append(
            {
                "response": np.array(responses, np.float64),
                **{f"kept_{move}": shares for move, shares in kept.items()},
                **_likeness(pictures),
            }
        )
        report(naturalness_title(layer), first + len(part), len(rows), of="pictures")
    return {name: np.concatenate([one[name] for one in parts]) for name in parts[0]}


def _likeness(pictures: Floats) -> dict[str, Doubles]:
    """The shares of fine detail and of colour, [n] each; one channel has no colour."""
    found = {"fine_detail": fine_shares(pictures)}
    return found if pictures.shape[-1] == 1 else found | {"colour": colour_shares(pictures)}
