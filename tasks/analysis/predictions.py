"""What the network makes of a whole set as an artifact: its probabilities, its errors, and its unclear images."""

from functools import partial
from typing import TypedDict

import numpy as np

from lib.analysis.predictions import Predictions
from lib.data.image_names import SetName
from lib.pictures.network_input import as_bytes
from storage.store import Input, NewOutput, Recipe, Record
from storage.tensors import NPY, npy_bytes
from tasks.analysis.context import AnalysisContext
from tasks.analysis.groups import TEST
from tasks.analysis.kinds.predictions import KIND
from tasks.analysis.steps import Stage, Step
from tasks.model.pixels import pixel_parameters
from tasks.session.json_output import json_output
from tasks.session.open_runs import find_shared
from tasks.session.progress import report
from tasks.session.recorded import record_task

VERSION = 1
UNCLEAR = 10
"""Images with the smallest margins that are told of each pair of classes."""
CLEAR = 3
"""Of the clearest ones of each class."""


class PredictedImage(TypedDict):
    """An image of a set by its number, its label and the class that is predicted, and how sure the network is."""

    image: int
    label: int
    called: int
    margin: float
    probabilities: list[float]


class PredictionsSummary(TypedDict):
    """`cells`: the images that are taken for another class, by `label/predicted`; `margins`: those with the smallest
    margins, by `lower/higher` class; `clear`: the clearest, by class."""

    data: str
    set: SetName
    images: int
    classes: list[str]
    accuracy: float
    confusion: list[list[int]]
    cells: dict[str, list[int]]
    margins: dict[str, list[PredictedImage]]
    pair: list[int]
    clear: dict[str, list[PredictedImage]]


def prediction_step(context: AnalysisContext) -> Step:
    """The predictions of the test set: they come before all others, which are chosen by them."""
    recipe = partial(predictions_recipe, context, TEST)
    return Step(f"predictions of {TEST}", recipe, predict_set, (TEST,), Stage.SET)


def predictions_recipe(context: AnalysisContext, name: SetName) -> Recipe:
    """What predicting a set will compute."""
    blobs = [context.images_of(name), context.labels_of(name)]
    return Recipe(
        KIND.task,
        VERSION,
        {
            "data": context.data_name,
            "set": name,
            "classes": list(context.classes),
            "most": [UNCLEAR, CLEAR],
            **pixel_parameters(context.network.pixels),
        },
        {"model": context.network.identity, **{blob.role: blob.digest for blob in blobs}},
    )


@record_task("predictions", run_name="{title}")
def predict_set(title: str, name: SetName, run: str) -> tuple[Record, bool]:
    """The record of what the network predicts for a set, `train` or `test`; the context then knows it of the test set.

    Outputs: `probabilities` float32 [N, K]; `summary` as JSON: the confusion, the images in each cell, those with the
    smallest margins of each pair and the clearest of each class; `thumbnails` uint8 [M, H, W, C] of all images that the
    summary names, their numbers as attribute. Raises BadInput where labels and classes do not fit.
    """
    context = find_shared(run, AnalysisContext)
    images, labels = context.images(name)
    recipe = predictions_recipe(context, name)

    def compute() -> tuple[list[NewOutput], list[Input]]:
        assert context.classifier is not None
        found = context.classifier.of(images, progress=lambda done: report(title, done, len(images), of="images"))
        probabilities = found.probabilities
        predictions = Predictions(probabilities, np.asarray(labels))
        summary = _summary(context, predictions, name)
        numbers = _list_images(summary)
        thumbnails = as_bytes(np.asarray(images)[numbers])
        about = {"title": title, "data": context.data_name, "set": name}
        return [
            NewOutput("probabilities", npy_bytes(probabilities), "probabilities", NPY, "float32", probabilities.shape),
            json_output("summary", summary, about),
            NewOutput(
                "thumbnails",
                npy_bytes(thumbnails),
                "images",
                NPY,
                "uint8",
                thumbnails.shape,
                attributes={**about, "numbers": numbers},
            ),
        ], [*context.lineage_inputs(), context.images_of(name), context.labels_of(name)]

    record, there = context.session.obtain(recipe, compute, unit=title)
    probabilities = np.asarray(context.session.store.array(record.output("probabilities").digest))
    context.predictions = Predictions(probabilities, np.asarray(labels))
    return record, there


def _summary(context: AnalysisContext, predictions: Predictions, name: SetName) -> PredictionsSummary:
    count = predictions.classes
    pairs = [(label, predicted) for label in range(count) for predicted in range(count) if label != predicted]
    cells = {f"{label}/{predicted}": predictions.cell(label, predicted).tolist() for label, predicted in pairs}
    return PredictionsSummary(
        data=context.data_name,
        set=name,
        images=len(predictions.labels),
        classes=list(context.classes),
        accuracy=predictions.accuracy,
        confusion=predictions.confusion.tolist(),
        cells={cell: images for cell, images in cells.items() if images},
        margins={
            f"{low}/{high}": [_describe(predictions, int(image)) for image in images]
            for (low, high), images in predictions.smallest_margins(UNCLEAR).items()
        },
        pair=list(predictions.most_confused()),
        clear={
            str(label): [_describe(predictions, int(image)) for image in predictions.clear(label, CLEAR)]
            for label in range(count)
        },
    )


def _describe(predictions: Predictions, image: int) -> PredictedImage:
    return PredictedImage(
        image=image,
        label=int(predictions.labels[image]),
        called=int(predictions.predicted[image]),
        margin=float(predictions.margins[image]),
        probabilities=[float(value) for value in predictions.probabilities[image]],
    )


def _list_images(summary: PredictionsSummary) -> list[int]:
    """The numbers of all images that a summary names."""
    cells = [number for images in summary["cells"].values() for number in images]
    lists = [*summary["margins"].values(), *summary["clear"].values()]
    return sorted({*cells, *(one["image"] for images in lists for one in images)})
