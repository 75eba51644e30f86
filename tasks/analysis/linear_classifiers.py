"""What a linear classifier makes of each layer's activations, as an artifact."""

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial

import numpy as np

from lib.analysis.accuracy import majority_share
from lib.analysis.linear_classifiers import linear_classifiers
from storage.document import Json
from storage.store import Input, NewOutput, Recipe, Record
from tasks.analysis.context import AnalysisContext
from tasks.analysis.kinds.linear import KIND
from tasks.analysis.steps import Stage, Step, Wanted
from tasks.model.pixels import pixel_parameters
from tasks.session.json_output import json_output
from tasks.session.open_runs import find_shared
from tasks.session.progress import report
from tasks.session.recorded import record_task

VERSION = 2


def steps(context: AnalysisContext, wanted: Wanted) -> Iterator[Step]:
    """All layers at once, where there are groups and the network predicts classes; none for no images."""
    if wanted.groups is not None and context.classifier is not None and context.settings.classifier_images:
        pair = wanted.groups.pair(context)
        recipe = partial(classifiers_recipe, context, pair)
        yield Step("linear classifiers", recipe, compare_layers, (pair,), Stage.NETWORK)


def classifiers_recipe(context: AnalysisContext, pair: tuple[int, int]) -> Recipe:
    """What comparing the layers will compute."""
    parameters: dict[str, Json] = {
        "pair": list(pair),
        "images": context.settings.classifier_images,
        "seed": context.settings.seed,
        "classes": list(context.classes),
        "layers": list(context.activations.layers),
        **pixel_parameters(context.network.pixels),
    }
    read = {blob.role: blob.digest for blob in _blobs(context)}
    return Recipe(KIND.task, VERSION, parameters, {"model": context.network.identity, **read})


@record_task("linear", run_name="{title}")
def compare_layers(title: str, pair: tuple[int, int], run: str) -> tuple[Record, bool]:
    """The record of the accuracy of a linear probe on each layer's activations; its output is `table`, as JSON."""
    context = find_shared(run, AnalysisContext)
    recipe = classifiers_recipe(context, pair)

    def compute() -> tuple[list[NewOutput], list[Input]]:
        train, test = context.images("train"), context.images("test")
        layers = list(context.activations.layers)
        rows = linear_classifiers(
            context.network.model,
            layers,
            train,
            test,
            pair=pair,
            most_train=context.settings.classifier_images,
            seed=context.settings.seed,
        )
        found = []
        for done, row in enumerate(rows, start=1):
            report(title, done, len(layers) + 2, row.layer, of="probes")
            found.append(asdict(row))
        table = {
            "classes": list(context.classes),
            "pair": list(pair),
            "rows": found,
            "train": min(context.settings.classifier_images, len(train[0])),
            "test": len(test[0]),
            "majority": {
                "all": majority_share(train[1], test[1]),
                "pair": majority_share(*(labels[np.isin(labels, pair)] for labels in (train[1], test[1]))),
            },
        }
        read = [*context.lineage_inputs(), *_blobs(context)]
        return [json_output("table", table, {"title": title})], read

    return context.session.obtain(recipe, compute, unit=title)


def _blobs(context: AnalysisContext) -> list[Input]:
    return [blob for name in ("train", "test") for blob in (context.images_of(name), context.labels_of(name))]
