"""How a layer's units respond to a whole data set, as artifacts: one record a layer, from the pass of the exemplars."""

from collections.abc import Mapping

from lib.arrays import Array, Integers
from lib.responses.exemplars import Exemplars
from lib.responses.peaks import find_peaks
from lib.responses.statistics import MOST_CLASSES, Survey
from storage.document import Json
from storage.store import Input, NewOutput, Recipe
from storage.tensors import NPY, npy_bytes
from tasks.model.network import Labels
from tasks.sweep.context import EXEMPLARS_A_BATCH, SweepContext
from tasks.sweep.kinds.responses import KIND

VERSION = 1


def responses_recipe(context: SweepContext, labels: Labels, exemplars: Recipe) -> Recipe:
    """What looking at the responses of a layer will compute, beside what its `exemplars` are found by."""
    parameters: dict[str, Json] = {**exemplars.parameters, "classes": list(labels.classes)}
    inputs = context.recipe_inputs() | {"train_labels": labels.digest, "exemplars": exemplars.digest}
    return Recipe(KIND.task, VERSION, parameters, inputs)


def peaks_in(context: SweepContext, exemplars: Mapping[str, Exemplars]) -> dict[str, Integers]:
    """Where each unit responds most in each of its exemplars, by layer, [units, 9, 2]; layers without positions are
    left out."""
    peaks: dict[str, Integers] = {}
    for size, alike in context.by_size(list(exemplars)).items():
        peaks |= find_peaks(
            context.network.model,
            {layer: exemplars[layer].numbers for layer in alike},
            context.images_at(size),
            context.constraint(context.growth.constraint),
            batch=EXEMPLARS_A_BATCH * context.batch,
            size=size,
        )
    return peaks


def responses_artifacts(
    context: SweepContext, labels: Labels, surveys: Mapping[str, Survey], peaks: Mapping[str, Integers], layer: str
) -> tuple[list[NewOutput], list[Input]]:
    """The outputs of a layer's record, each an `.npy` whose attributes name the classes, and what was read.

    Roles: `histogram`, `edges`, `silent`, `class_means` as in `lib.responses.statistics.Surveyed`; `nearest`,
    `nearest_likeness` as in `lib.responses.similar_units.Nearest`; `peaks`, where in its exemplars a unit responds
    most: row and column among its positions, int64 [units, 9, 2], for layers that have positions.
    """
    found = surveys[layer].found()
    about = {
        "layer": layer,
        "classes": list(labels.classes),
        "class_counts": found.class_counts.tolist(),
        "by_class": len(labels.classes) <= MOST_CLASSES,
    }
    arrays: dict[str, Array] = {
        "histogram": found.histogram,
        "edges": found.edges,
        "silent": found.silent,
        "class_means": found.class_means,
        "nearest": found.nearest.units,
        "nearest_likeness": found.nearest.likeness,
        **({"peaks": peaks[layer]} if layer in peaks else {}),
    }
    outputs = [
        NewOutput(role, npy_bytes(array), "responses", NPY, str(array.dtype), array.shape, attributes=about)
        for role, array in arrays.items()
    ]
    read = [Input("train_labels", labels.digest), *context.exemplar_blobs[layer]]
    return outputs, [*context.lineage_inputs(), *read]
