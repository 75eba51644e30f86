"""What a linear classifier makes of each layer's activations, as an artifact."""

from dataclasses import asdict
from typing import Any

from lib.analysis.linear_classifiers import linear_classifiers
from storage.store import Input, NewOutput, Recipe, Record
from tasks.analysis.context import Laboratory, laboratory_of
from tasks.session.json_output import json_output
from tasks.session.progress import report
from tasks.session.recorded import recorded

VERSION = 1


def classifiers_recipe(laboratory: Laboratory, pair: tuple[int, int]) -> Recipe:
    """What comparing the layers will compute."""
    parameters: dict[str, Any] = {
        "pair": list(pair),
        "images": laboratory.settings.classifier_images,
        "seed": laboratory.settings.seed,
        "classes": list(laboratory.classes),
        "layers": list(laboratory.activations.layers),
    }
    read = {blob.role: blob.digest for blob in _blobs(laboratory)}
    return Recipe("linear", VERSION, parameters, {"model": laboratory.network.identity, **read})


@recorded("linear", run_name="{title}")
def compare_layers(title: str, pair: tuple[int, int], run: str) -> tuple[Record, bool]:
    """The record of how well a linear classifier on each layer's activations does; its output is `table`, as JSON."""
    laboratory = laboratory_of(run)
    recipe = classifiers_recipe(laboratory, pair)

    def compute() -> tuple[list[NewOutput], list[Input]]:
        train, test = laboratory.images("train"), laboratory.images("test")
        layers = list(laboratory.activations.layers)
        rows = linear_classifiers(
            laboratory.network.model,
            layers,
            train,
            test,
            pair=pair,
            most_train=laboratory.settings.classifier_images,
            seed=laboratory.settings.seed,
        )
        found = []
        for done, row in enumerate(rows, start=1):
            report(title, done, len(layers) + 2, row.layer)
            found.append(asdict(row))
        table = {
            "classes": list(laboratory.classes),
            "pair": list(pair),
            "rows": found,
            "train": min(laboratory.settings.classifier_images, len(train[0])),
            "test": len(test[0]),
        }
        read = [*laboratory.lineage_inputs(), *_blobs(laboratory)]
        return [json_output("table", table, {"title": title})], read

    return laboratory.session.obtain(recipe, compute, unit=title)


def _blobs(laboratory: Laboratory) -> list[Input]:
    return [blob for name in ("train", "test") for blob in (laboratory.images_of(name), laboratory.labels_of(name))]
