"""Negative OIPs as artifacts: one record a layer, of all its units that are swept."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lib.arrays import Floats
from lib.deadline import OutOfTime
from lib.oips.negatives import STARTS, grow_negatives, stages_of
from storage.document import Json
from storage.store import Input, NewOutput, Recipe, Record
from storage.tensors import NPY
from tasks.model.pixels import pixel_parameters
from tasks.session.open_runs import find_shared
from tasks.session.progress import report
from tasks.session.recorded import record_task
from tasks.session.scratch import scratch
from tasks.sweep.context import SweepContext, stored_as
from tasks.sweep.kinds.negatives import KIND

VERSION = 1


@record_task("negatives", run_name="negatives of {layer}")
def make_negatives(layer: str, indices: Sequence[int], count: int, run: str) -> tuple[Record, bool]:
    """The record of the negative OIPs of some units of a layer, or of all, where there is one.

    Its output `images`, float16 or float32 (`stored_as`) [units, H, W, C] as `.npy`, as the network takes images, has
    as attributes the indices of its `units`, and of each its `responses` and `pre_activations`, None for what is no
    number; and `pixels` where the network takes other than 0..1. Raises OutOfTime where the session's deadline passes
    in between.

    Args:
        indices: of the units that are wanted.
        count: how many units the layer has.
    """
    context = find_shared(run, SweepContext)
    recipe = next(
        (recipe for recipe in negatives_recipes(context, layer, indices, count) if context.session.find(recipe)),
        _recipe(context, layer, indices),
    )
    with scratch(context.session.store, ".npy") as file:
        return context.session.obtain(
            recipe,
            lambda: ([_grow(context, layer, indices, file)], _inputs(context)),
            unit=negatives_title(layer),
        )


def negatives_title(layer: str) -> str:
    """What a run calls the negative OIPs of a layer."""
    return f"negatives of {layer}"


def negatives_recipes(context: SweepContext, layer: str, indices: Sequence[int], count: int) -> list[Recipe]:
    """By what the negative OIPs of some units may be there: grown with those of the whole layer, or by themselves."""
    return [_recipe(context, layer, range(count)), _recipe(context, layer, indices)]


def _recipe(context: SweepContext, layer: str, indices: Sequence[int]) -> Recipe:
    """The data set has no part in it, unless what is grown is to be like its pictures."""
    grown = context.recipe_parameters(layer)
    kept = {name: value for name, value in grown.items() if name not in ("oips", "objective")}
    starts = min(STARTS, context.growth.starts)
    parameters: dict[str, Json] = {**kept, "layer": layer, "units": list(indices), "starts": starts}
    inputs = context.recipe_inputs() if context.like_pictures else {"model": context.network.identity}
    return Recipe(KIND.task, VERSION, parameters, inputs)


def _inputs(context: SweepContext) -> list[Input]:
    return [item for item in context.lineage_inputs() if context.like_pictures or item.role == "model"]


def _grow(context: SweepContext, layer: str, indices: Sequence[int], file: Path) -> NewOutput:
    """The output, whose images go into a file, a batch of units at a time: of a large layer they are many."""
    growth = context.growth
    ground = context.ground(layer, growth.style, growth.constraint, "negative")
    kind, pixels = stored_as(growth), context.network.pixels
    images = np.lib.format.open_memmap(file, "w+", kind, (len(indices), *ground.parameterisation.shape))

    responses: list[float | None] = []
    pre_activations: list[float | None] = []
    for first in range(0, len(indices), context.batch):
        if context.session.deadline.passed:
            raise OutOfTime(f"the negative OIPs of {layer} are not all grown")
        part = list(indices[first : first + context.batch])
        with ground.let_in(sum(steps * images for steps, images in stages_of(len(part), growth))):
            found = grow_negatives(layer, part, growth, ground)
        images[first : first + len(part)] = context.to_stored(found.images)
        responses += _numbers(found.responses)
        pre_activations += _numbers(found.pre_activations)
        report(negatives_title(layer), first + len(part), len(indices), of="units")
    images.flush()
    about: dict[str, Json] = {
        "layer": layer,
        "units": [*indices],
        "responses": [*responses],
        "pre_activations": [*pre_activations],
        "constraint": growth.constraint,
        **pixel_parameters(pixels),
    }
    return NewOutput("images", file, "negatives", NPY, kind.name, images.shape, attributes=about)


def _numbers(values: Floats) -> list[float | None]:
    return [float(value) if math.isfinite(value) else None for value in values]
