"""Activations as artifacts: of one image or a few as pictures and tensors, of a whole set as one HDF5 file."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TypedDict

import numpy as np

from lib.analysis.activation_file import write_hdf5
from lib.arrays import Floats
from lib.data.image_names import SetName
from lib.draw.activation_grid import activation_grid
from lib.pictures.network_input import as_bytes
from storage.document import Json
from storage.store import Input, NewOutput, Recipe, Record
from storage.tensors import HDF5, NPY, hdf5_bytes, npy_bytes
from tasks.analysis.context import BATCH, AnalysisContext, InputImage
from tasks.analysis.kinds.activations import KIND as ACTIVATIONS
from tasks.analysis.kinds.tensors import KIND as TENSORS
from tasks.analysis.steps import Stage, Step, Wanted
from tasks.model.pixels import pixel_parameters
from tasks.session.json_output import json_output
from tasks.session.open_runs import find_shared
from tasks.session.progress import report
from tasks.session.recorded import record_task
from tasks.session.scratch import scratch

VERSION = 1


def steps(context: AnalysisContext, wanted: Wanted) -> Iterator[Step]:
    """Each image by itself, those that can be read side by side, and all images of a set."""
    for at, name in enumerate(wanted.images):
        recipe = partial(activations_recipe, context, [name])
        yield Step(f"activations of {name}", recipe, view_images, ([name],), Stage.IMAGE, at)
    if len(several := [name for name in wanted.images if context.can_see(name)]) > 1:
        recipe = partial(activations_recipe, context, several)
        yield Step("activations of several images side by side", recipe, view_images, (several,), Stage.IMAGES)
    if (kept := wanted.tensors) is not None:
        recipe = partial(tensors_recipe, context, kept)
        yield Step(f"activations of all {kept} images", recipe, keep_activations, (kept,), Stage.SET)


def activations_recipe(context: AnalysisContext, names: Sequence[str]) -> Recipe:
    """What looking at some images will compute."""
    parameters: dict[str, Json] = {
        "images": list(names),
        "layers": list(context.activations.layers),
        "classes": list(context.classes),
        **context.look(),
    }
    seen = [context.see(name) for name in names]
    return Recipe(ACTIVATIONS.task, VERSION, parameters, context.recipe_inputs(*seen))


def tensors_recipe(context: AnalysisContext, name: SetName) -> Recipe:
    """What keeping the activations of a set will compute."""
    blob = context.images_of(name)
    parameters: dict[str, Json] = {
        "set": name,
        "layers": list(context.activations.layers),
        **pixel_parameters(context.network.pixels),
    }
    return Recipe(TENSORS.task, VERSION, parameters, {"model": context.network.identity, blob.role: blob.digest})


@record_task("activations", run_name="{title}")
def view_images(title: str, names: Sequence[str], run: str) -> tuple[Record, bool]:
    """The record of the activations of every layer for some images, side by side on one scale.

    Outputs: for each layer `grid LAYER`, a PNG with a cell for every unit; `tensors`, HDF5 of the images, their
    probabilities and `activations/LAYER` [n, ..., units]; `about` as JSON: the images, their labels, and what is
    predicted; `pictures` uint8 [n, H, W, C].
    """
    context = find_shared(run, AnalysisContext)
    recipe = activations_recipe(context, names)

    def compute() -> tuple[list[NewOutput], list[Input]]:
        for name in names:
            context.keep(name)
        seen = [context.see(name) for name in names]
        images = np.stack([image.pixels for image in seen])
        values = context.activations.of(images)
        found = context.probabilities(seen)
        about = {"layers": list(values), "images": [_describe(context, *one) for one in zip(seen, found, strict=True)]}
        tensors = {"images": images, **{f"activations/{layer}": array for layer, array in values.items()}}
        if context.classifier is not None:
            tensors["probabilities"] = found
        pictures = as_bytes(images)
        told: dict[str, Json] = {"title": title, "images": [*names]}
        outputs = [
            NewOutput("tensors", hdf5_bytes(tensors, {"/": recipe.parameters}), "tensors", HDF5, attributes=told),
            json_output("about", about, told),
            NewOutput("pictures", npy_bytes(pictures), "images", NPY, "uint8", pictures.shape, attributes=told),
        ]
        for at, (layer, array) in enumerate(values.items()):
            report(title, at, len(values), layer, of="layers")
            grid = activation_grid(
                list(array),
                layer=layer,
                titles=[context.title(image, probabilities) for image, probabilities in zip(seen, found, strict=True)],
                subtitle=context.network.name,
                images=list(pictures),
                standardise=context.settings.standardise,
                clip=context.clip(array),
                colours=context.settings.colour_map,
            )
            outputs.append(NewOutput(f"grid {layer}", grid, "grid", "image/png", attributes={**told, "layer": layer}))
        report(title, len(values), len(values), of="layers")
        return outputs, context.lineage_inputs(*seen)

    return context.session.obtain(recipe, compute, unit=title)


@record_task("tensors", run_name="{title}")
def keep_activations(title: str, name: SetName, run: str) -> tuple[Record, bool]:
    """The record of the activations of all images of a set: `tensors`, one HDF5 file with a dataset for each layer."""
    context = find_shared(run, AnalysisContext)
    images, _ = context.images(name)
    recipe = tensors_recipe(context, name)
    with scratch(context.session.store, ".h5") as path:

        def compute() -> tuple[list[NewOutput], list[Input]]:
            write_hdf5(
                context.activations,
                images,
                path,
                attributes={"model": context.network.identity, "data": context.data_name, "set": name},
                batch=BATCH,
                progress=lambda done: report(title, done, len(images), of="images"),
            )
            about = {"title": title, "data": context.data_name, "set": name}
            read = [*context.lineage_inputs(), context.images_of(name)]
            return [NewOutput("tensors", path, "tensors", HDF5, attributes=about)], read

        return context.session.obtain(recipe, compute, unit=title)


class ViewedImage(TypedDict):
    """What `about` says of an image: its label and the class that is predicted, as numbers, where there are any."""

    name: str
    label: int | None
    called: int | None
    probabilities: list[float]
    classes: list[str]


def _describe(context: AnalysisContext, image: InputImage, probabilities: Floats) -> ViewedImage:
    return ViewedImage(
        name=image.name,
        label=image.label,
        called=context.predicted_class(probabilities),
        probabilities=[float(value) for value in probabilities],
        classes=list(context.classes),
    )
