"""FCPs as artifacts: what the images of two classes have in common in one layer, and how far that goes."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from typing import TypedDict

import numpy as np

from lib.analysis.activations import Activations
from lib.analysis.fcps import Fcps, count_active, find_fcps, share_decided
from lib.arrays import Bools, Doubles, Floats
from lib.draw.activation_grid import GridGroup as Heading
from lib.draw.activation_grid import activation_grid
from lib.draw.activation_marks import Marks
from lib.pictures.network_input import as_bytes
from storage.document import Json
from storage.store import Input, NewOutput, Recipe, Record
from storage.tensors import HDF5, hdf5_bytes
from tasks.analysis.context import BATCH, AnalysisContext, InputImage
from tasks.analysis.groups import TEST, Groups
from tasks.analysis.kinds.fcps import KIND
from tasks.analysis.steps import Stage, Step, Wanted
from tasks.session.json_output import json_output
from tasks.session.open_runs import find_shared
from tasks.session.progress import report
from tasks.session.recorded import record_task

VERSION = 1


def steps(context: AnalysisContext, wanted: Wanted) -> Iterator[Step]:
    """Each layer whose patterns are compared, where there are groups."""
    if (groups := wanted.groups) is None:
        return
    for at, layer in enumerate(wanted.layers):
        recipe = partial(fcps_recipe, context, layer, groups)
        yield Step(f"fcps of {layer}", recipe, compare_groups, (layer, groups), Stage.LAYER, at)


def fcps_recipe(context: AnalysisContext, layer: str, groups: Groups) -> Recipe:
    """What comparing two groups in a layer will compute."""
    settings = context.settings
    seen = [context.see(name) for name in groups.images]
    parameters: dict[str, Json] = {
        "layer": layer,
        "groups": [asdict(groups.first), asdict(groups.second)],
        "unclear": list(groups.unclear),
        "classes": list(context.data_classes),
        "threshold": settings.threshold,
        **context.look(),
    }
    counted = [context.images_of(TEST), context.labels_of(TEST)]
    inputs = context.recipe_inputs(*seen) | {blob.role: blob.digest for blob in counted}
    return Recipe(KIND.task, VERSION, parameters, inputs)


@record_task("fcps", run_name="{title}")
def compare_groups(title: str, layer: str, groups: Groups, run: str) -> tuple[Record, bool]:
    """The record of what two groups have in common in a layer.

    Outputs: `picture` (PNG: the layer's activations of all images side by side, FCPs circled), `patterns` (HDF5: where
    they are, and in which share of the test images of each class a position is active), `summary` as JSON.
    """
    context = find_shared(run, AnalysisContext)
    recipe = fcps_recipe(context, layer, groups)

    def compute() -> tuple[list[NewOutput], list[Input]]:
        seen = [context.see(name) for name in groups.images]
        network = Activations(context.network.model, [layer])
        values = network.of(np.stack([image.pixels for image in seen]))[layer]
        one, both = len(groups.first.images), len(groups.first.images) + len(groups.second.images)
        fcps = find_fcps(values[:one], values[one:both], context.settings.threshold, beside=values[both:])
        shares, accuracy = _count(context, network, layer, title, groups, fcps)
        summary = {
            "layer": layer,
            "classes": list(context.data_classes),
            "groups": recipe.parameters["groups"],
            "threshold": context.settings.threshold,
            "level": fcps.level,
            "counts": {kind: int(pattern.sum()) for kind, pattern in _kinds(fcps).items()},
            "patterns": list(_patterns(context, layer, fcps, shares)),
            "accuracy": accuracy,
            "unclear": _unclear(groups, fcps, values[both:]),
        }
        picture = _picture(context, layer, groups, seen, values, fcps)
        tensors = {**_kinds(fcps), "shares": shares, "activations": values}
        about = {"title": title, "layer": layer}
        return [
            NewOutput("picture", picture, "picture", "image/png", attributes=about),
            NewOutput("patterns", hdf5_bytes(tensors, {"/": recipe.parameters}), "tensors", HDF5, attributes=about),
            json_output("summary", summary, about),
        ], [*context.lineage_inputs(*seen), context.images_of(TEST), context.labels_of(TEST)]

    return context.session.obtain(recipe, compute, unit=title)


def _count(
    context: AnalysisContext, network: Activations, layer: str, title: str, groups: Groups, fcps: Fcps
) -> tuple[Doubles, float]:
    """In which share of the test images of each class a position is active, and how well the FCPs tell the pair apart.

    The share is [classes, ..., units].
    """
    images, labels = context.images(TEST)
    labels = np.asarray(labels)

    def batches(what: str) -> Iterator[Floats]:
        for first in range(0, len(images), BATCH):
            yield network.of(np.asarray(images[first : first + BATCH], np.float32))[layer]
            report(f"{title}, {what}", min(first + BATCH, len(images)), len(images), of="images")

    shares = count_active(batches("counted"), labels, fcps.level, len(context.data_classes))
    return shares, share_decided(batches("compared"), labels, fcps, groups.pair(context))


def _kinds(fcps: Fcps) -> dict[str, Bools]:
    return {"only_first": fcps.only_first, "only_second": fcps.only_second, "both": fcps.both}


class Pattern(TypedDict):
    """One FCP: of which kind it is, and in which share of the images of each class its position is active."""

    unit: str
    position: list[int]
    kind: str
    shares: dict[str, float]


class UnclearImage(TypedDict):
    """How many FCPs of each kind an unclear image shows."""

    image: str
    only_first: int
    only_second: int
    both: int


def _patterns(context: AnalysisContext, layer: str, fcps: Fcps, shares: Doubles) -> Iterator[Pattern]:
    """Every position that is an FCP, and how often it is active in each class."""
    for kind, pattern in _kinds(fcps).items():
        for place in np.argwhere(pattern):
            *position, unit = (int(number) for number in place)
            active = np.moveaxis(shares, 0, -1)[tuple(place)]
            yield Pattern(
                unit=f"{layer}/{unit}",
                position=position,
                kind=kind,
                shares={name: float(share) for name, share in zip(context.data_classes, active, strict=True)},
            )


def _unclear(groups: Groups, fcps: Fcps, values: Floats) -> list[UnclearImage]:
    """How many of the patterns each unclear image shows."""
    counts = zip(*fcps.shown_by(values), strict=True) if len(values) else ()
    return [
        UnclearImage(image=name, only_first=int(first), only_second=int(second), both=int(both))
        for name, (first, second, both) in zip(groups.unclear, counts, strict=True)
    ]


def _picture(
    context: AnalysisContext,
    layer: str,
    groups: Groups,
    seen: Sequence[InputImage],
    values: Floats,
    fcps: Fcps,
) -> bytes:
    first, second, unclear = (len(part) for part in (groups.first.images, groups.second.images, groups.unclear))
    shown = [values[at] > fcps.level for at in range(first + second, len(values))]
    marks = [
        *[Marks(own=fcps.only_first, both=fcps.both)] * first,
        *[Marks(own=fcps.only_second, both=fcps.both)] * second,
        *(Marks(own=fcps.only_first & on, both=fcps.both & on, other=fcps.only_second & on) for on in shown),
    ]
    headings = [
        Heading(f"clear images of {groups.first.name}", first),
        Heading(f"clear images of {groups.second.name}", second),
        Heading(f"images of {groups.first.name} that could be {groups.second.name}", unclear),
    ]
    return activation_grid(
        list(values),
        layer=layer,
        titles=[context.title(image, found) for image, found in zip(seen, context.probabilities(seen), strict=True)],
        subtitle=f"{context.network.name} · active: above {context.settings.threshold:.0%} of the greatest value",
        images=[as_bytes(image.pixels) for image in seen],
        groups=[heading for heading in headings if heading.images],
        standardise=context.settings.standardise,
        clip=context.clip(values),
        colours=context.settings.colour_map,
        marks=marks,
    )
