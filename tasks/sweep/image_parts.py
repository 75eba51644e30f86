"""The pass over the images of a large data set in parts, each an artifact: what is made of all of them is put together
from these, and a pass that was broken off goes on.

A run needs them until it has what they come to; then nothing does, and garbage collection takes them.
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lib.arrays import Array, Integers
from lib.network.trunk import responses_of
from lib.responses.exemplars import BEST, Exemplars, find_exemplars, join_exemplars
from lib.responses.statistics import Survey
from storage.document import Json
from storage.store import Input, NewOutput, Recipe, Record
from storage.tensors import HDF5, hdf5_arrays, hdf5_bytes
from tasks.model.network import Labels
from tasks.model.pixels import pixel_range_parameters
from tasks.session.open_runs import find_shared
from tasks.session.progress import report
from tasks.session.recorded import record_task
from tasks.sweep.context import EXEMPLARS_A_BATCH, SweepContext
from tasks.sweep.kinds.part import KIND
from tasks.sweep.responses import peaks_in

VERSION = 1
VALUES_A_PART = 2**31
"""Values of its images that a part has, if nobody says how many images: 8 GiB of float32."""


@dataclass(frozen=True)
class ImagePart:
    """Images of the data set, from `first` to before `last`, to which some layers respond that have images of one
    size."""

    layers: tuple[str, ...]
    first: int
    last: int

    def __str__(self) -> str:
        return f"images {self.first} to {self.last - 1}"


def parts_of(context: SweepContext, layers: Sequence[str]) -> list[ImagePart]:
    """The images of the data set in parts, for layers that have images of one size; there must be a data set.

    Each but the last is whole batches, so that what is found is the same as in one pass.
    """
    assert context.natural is not None
    images = len(context.natural.images)
    height, width = context.sides_of(layers[0])
    values = height * width * context.network.model.input_shape[-1]
    wanted = context.images_per_part or max(1, VALUES_A_PART // values)
    batch = EXEMPLARS_A_BATCH * context.batch
    step = math.ceil(wanted / batch) * batch
    return [ImagePart(tuple(layers), first, min(first + step, images)) for first in range(0, images, step)]


def missing_parts(context: SweepContext, missing: Sequence[str]) -> list[ImagePart]:
    """The parts of the passes over the images that these layers need; none of a pass that is one part by itself."""
    passes = [parts_of(context, alike) for alike in context.by_size(missing).values()]
    return [part for parts in passes if len(parts) > 1 for part in parts]


def part_recipe(context: SweepContext, part: ImagePart) -> Recipe:
    """What looking at a part of the images will compute."""
    assert context.natural is not None
    labels = context.natural.labels
    parameters: dict[str, Json] = {
        "layers": list(part.layers),
        "constraint": context.growth.constraint,
        **pixel_range_parameters(context.network.pixels),
        **context.size_parameters(part.layers[0]),
        "best": BEST,
        "classes": None if labels is None else list(labels.classes),
        "first": part.first,
        "last": part.last,
    }
    inputs = context.recipe_inputs() | ({} if labels is None else {"train_labels": labels.digest})
    return Recipe(KIND.task, VERSION, parameters, inputs)


@record_task("part", run_name="images {first} to {last}")
def make_part(layers: Sequence[str], first: int, last: int, run: str) -> tuple[Record, bool]:
    """The record of what some layers respond to images from `first` to before `last`.

    Its output `found` (HDF5) has a group for each layer, by its number among these: the datasets `numbers`, `responses`
    and `pre_activations` as in `lib.responses.exemplars.Exemplars`, of the best images of this part; with labels, what
    `lib.responses.statistics.Survey.counted` gives, and of layers with positions `peaks`.
    """
    part = ImagePart(tuple(layers), first, last)

    def progress(done: int) -> None:
        report("exemplars", done - first, last - first, of="images")

    return _obtain(find_shared(run, SweepContext), part, progress)


def join_parts(
    context: SweepContext, parts: Sequence[ImagePart], surveys: Mapping[str, Survey], progress: Callable[[int], None]
) -> tuple[dict[str, Exemplars], dict[str, Integers | None]]:
    """What a pass over all images finds of the layers of its parts, which are made where they are not there: exemplars
    and, where there are labels, peaks, None for layers without positions.

    `surveys`, by layer, are told what was counted, `progress` up to which image all are done.
    """
    found: dict[str, tuple[Exemplars, Integers | None]] = {}
    for part in parts:
        record, _ = _obtain(context, part, progress)
        path = context.session.store.path(record.output("found").digest)
        for number, layer in enumerate(part.layers):
            arrays = hdf5_arrays(path, str(number))
            some = Exemplars(*(arrays.pop(name) for name in Exemplars.__annotations__))
            known = [*([found[layer]] if layer in found else []), (some, arrays.pop("peaks", None))]
            exemplars, peaks = zip(*known, strict=True)
            found[layer] = join_exemplars(exemplars, [places for places in peaks if places is not None])
            if layer in surveys:
                surveys[layer].join(arrays)
        progress(part.last)
    exemplars_of = {layer: exemplars for layer, (exemplars, _) in found.items()}
    return exemplars_of, {layer: places for layer, (_, places) in found.items() if layer in surveys}


def _obtain(context: SweepContext, part: ImagePart, progress: Callable[[int], None]) -> tuple[Record, bool]:
    return context.session.obtain(
        part_recipe(context, part),
        functools.partial(_artifacts, context, part, progress),
        unit=str(part),
        note=lambda record, _: context.session.run.use(record),
    )


def _artifacts(
    context: SweepContext, part: ImagePart, progress: Callable[[int], None]
) -> tuple[list[NewOutput], list[Input]]:
    assert context.natural is not None
    layers, labels = part.layers, context.natural.labels
    surveys = {} if labels is None else new_surveys(context, labels, layers)
    found = show_images(context, layers, surveys, progress, within=range(part.first, part.last))
    peaks = peaks_in(context, found) if surveys else {}
    tensors: dict[str, Array] = {}
    for number, layer in enumerate(layers):
        arrays = {**vars(found[layer]), **(surveys[layer].counted() if layer in surveys else {})}
        arrays |= {"peaks": peaks[layer]} if layer in peaks else {}
        tensors |= {f"{number}/{name}": array for name, array in arrays.items()}
    read = [] if labels is None else [Input("train_labels", labels.digest)]
    return [NewOutput("found", hdf5_bytes(tensors), "part", HDF5)], [*context.lineage_inputs(), *read]


def show_images(
    context: SweepContext,
    layers: Sequence[str],
    surveys: Mapping[str, Survey],
    progress: Callable[[int], None],
    within: range | None = None,
) -> dict[str, Exemplars]:
    """The exemplars of layers that have images of one size, among all images of the data set or those `within`.

    `surveys` and `progress` are told as `find_exemplars` does.
    """
    size = context.size_of(layers[0])
    return find_exemplars(
        context.network.model,
        layers,
        context.images_at(size),
        context.constraint(context.growth.constraint),
        batch=EXEMPLARS_A_BATCH * context.batch,
        size=size,
        within=within,
        surveys=surveys,
        progress=progress,
    )


def new_surveys(context: SweepContext, labels: Labels, layers: Sequence[str]) -> dict[str, Survey]:
    """A survey for each of these layers."""
    units = responses_of(context.network.model, layers).units if layers else {}
    return {layer: Survey(units[layer], labels.numbers, len(labels.classes)) for layer in layers}
