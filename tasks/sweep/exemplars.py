"""Exemplars as artifacts: one record a layer, all missing ones of one size of images found in one pass over the data
set.

In the same pass the responses of all units to all images are counted (`tasks.sweep.responses`).
"""

import functools
from collections.abc import Mapping, Sequence

import numpy as np
from prefect.client.schemas.objects import State
from prefect.states import Completed

from lib.arrays import Integers
from lib.responses.exemplars import BEST, Exemplars
from lib.responses.statistics import Survey
from storage.document import Json
from storage.store import Input, NewOutput, Recipe, Record
from storage.tensors import NPY, npy_bytes
from tasks.model.network import Labels
from tasks.model.pixels import pixel_range_parameters
from tasks.session.open_runs import find_shared
from tasks.session.progress import report
from tasks.session.recorded import stored_task
from tasks.sweep.context import SweepContext
from tasks.sweep.image_parts import join_parts, new_surveys, parts_of, show_images
from tasks.sweep.kinds.exemplars import KIND
from tasks.sweep.responses import peaks_in, responses_artifacts, responses_recipe

VERSION = 1


def find_or_make(layers: Sequence[str], run: str) -> State[dict[str, str]]:
    """The key of the exemplars' record of each layer, none without a data set; the context then knows the exemplars.

    Outputs of a record: `numbers` int64, `responses` and `pre_activations` float32, [units, 9] each. Where the data
    set has labels, the run has a record of each layer's responses as well.
    """
    context = find_shared(run, SweepContext)
    natural = context.natural
    if natural is None:
        return Completed(message="there is no data set", data={})
    recipes = {layer: exemplars_recipe(context, layer) for layer in layers}
    missing = [layer for layer, recipe in recipes.items() if context.session.find(recipe) is None]
    found: dict[str, Exemplars] = {}
    peaks: dict[str, Integers | None] = {}
    surveys = _surveys(context, recipes)
    if missing or surveys:
        groups = context.by_size([layer for layer in layers if layer in missing or layer in surveys])
        for group, alike in enumerate(groups.values()):
            progress = functools.partial(_report, group, len(groups), len(natural.images))
            parts = parts_of(context, alike)
            if len(parts) > 1:
                some, places = join_parts(context, parts, surveys, progress)
                # others' exemplars are those of their records
                peaks |= {layer: where for layer, where in places.items() if layer in missing}
            else:
                some = show_images(context, alike, surveys, progress)
            found |= some
    made = {}
    for layer, recipe in recipes.items():
        compute = functools.partial(_artifacts, context, found, layer)
        record, _ = context.session.obtain(recipe, compute, unit=f"exemplars of {layer}")
        made[layer] = record.key
        note_exemplars(context, layer, record)
    if natural.labels is not None:
        _obtain_responses(context, natural.labels, recipes, surveys, peaks)
    return Completed(name="Completed" if missing or surveys else "Reused", data=made)


make_exemplars = stored_task(find_or_make, "exemplars", run_name="exemplars")


def note_exemplars(context: SweepContext, layer: str, record: Record) -> None:
    """Let the context know a layer's exemplars, which this record holds."""
    blobs = {output.role: output.digest for output in record.outputs}
    arrays = {role: np.asarray(context.session.store.array(digest)) for role, digest in blobs.items()}
    context.exemplars[layer, context.growth.constraint] = Exemplars(**arrays)
    context.exemplar_blobs[layer] = [Input(f"exemplars' {role}", digest) for role, digest in blobs.items()]


def _report(group: int, groups: int, images: int, done: int) -> None:
    report("exemplars", group * images + done, groups * images, of="images")


def exemplars_recipe(context: SweepContext, layer: str) -> Recipe:
    """What finding the exemplars of a layer's units will compute."""
    parameters: dict[str, Json] = {
        "layer": layer,
        "constraint": context.growth.constraint,
        **pixel_range_parameters(context.network.pixels),
        **context.size_parameters(layer),
        "best": BEST,
    }
    return Recipe(KIND.task, VERSION, parameters, context.recipe_inputs())


def pass_recipes(context: SweepContext, layer: str) -> list[Recipe]:
    """What there is of a layer after the pass over the data set."""
    if context.natural is None:
        return []
    recipe = exemplars_recipe(context, layer)
    labels = context.natural.labels
    return [recipe] if labels is None else [recipe, responses_recipe(context, labels, recipe)]


def missing_layers(context: SweepContext, layers: Sequence[str]) -> list[str]:
    """The layers of which a pass over the data set finds what is not there."""
    find = context.session.find
    return [layer for layer in layers if not all(map(find, pass_recipes(context, layer)))]


def _surveys(context: SweepContext, recipes: Mapping[str, Recipe]) -> dict[str, Survey]:
    """A survey for each layer whose responses are not in the store; `recipes` are those of the exemplars."""
    labels = context.natural.labels if context.natural else None
    if labels is None:
        return {}
    find = context.session.find
    missing = [layer for layer, recipe in recipes.items() if find(responses_recipe(context, labels, recipe)) is None]
    return new_surveys(context, labels, missing)


def _obtain_responses(
    context: SweepContext,
    labels: Labels,
    recipes: Mapping[str, Recipe],
    surveys: Mapping[str, Survey],
    known: Mapping[str, Integers | None],
) -> None:
    """`known`: peaks that were found on the way, None of layers without positions."""
    best = {layer: context.exemplars[layer, context.growth.constraint] for layer in surveys if layer not in known}
    peaks = peaks_in(context, best) if best else {}
    peaks |= {layer: places for layer, places in known.items() if places is not None}
    for layer, recipe in recipes.items():
        compute = functools.partial(responses_artifacts, context, labels, surveys, peaks, layer)
        context.session.obtain(responses_recipe(context, labels, recipe), compute, unit=f"responses of {layer}")


def _artifacts(
    context: SweepContext, found: Mapping[str, Exemplars], layer: str
) -> tuple[list[NewOutput], list[Input]]:
    outputs = [
        NewOutput(role, npy_bytes(array), "exemplars", NPY, str(array.dtype), array.shape)
        for role, array in vars(found[layer]).items()
    ]
    return outputs, context.lineage_inputs()
