"""What the outputs of a network say of the test images, beside its predictions: other classes, labels, values."""

from collections.abc import Iterator
from functools import partial
from typing import TypedDict

import numpy as np

from lib.analysis.heads import HeadKind
from lib.analysis.outputs import LabelSummary, ValueSummary, sum_up_labels, sum_up_values
from lib.analysis.predictions import Predictions
from lib.data.image_names import SetName
from storage.document import Json
from storage.store import Input, NewOutput, Recipe, Record
from storage.tensors import NPY, npy_bytes
from tasks.analysis.context import AnalysisContext
from tasks.analysis.groups import TEST
from tasks.analysis.kinds.outputs import KIND
from tasks.analysis.steps import Stage, Step, Wanted
from tasks.model.pixels import pixel_parameters
from tasks.session.json_output import json_output
from tasks.session.open_runs import find_shared
from tasks.session.progress import report
from tasks.session.recorded import record_task

VERSION = 1


class OutputSummary(TypedDict):
    """What one output is and says of a set.

    `accuracy` and `confusion`: of classes; `labels` and `values` likewise of what they are; None, or empty, of anything
    else.
    """

    output: str
    kind: HeadKind
    text: str
    data: str
    set: SetName
    images: int
    accuracy: float | None
    confusion: list[list[int]] | None
    labels: list[LabelSummary]
    values: list[ValueSummary]


def steps(context: AnalysisContext, wanted: Wanted) -> Iterator[Step]:
    """One for each output that is not told of by the predictions, where there is a data set."""
    known = [name for name in context.further if context.labelled or context.readers[name].head.kind != "classes"]
    for at, name in enumerate(known if context.data is not None else ()):
        recipe = partial(output_recipe, context, TEST, name)
        yield Step(f"output {name} on {TEST}", recipe, sum_up_output, (TEST, name), Stage.NETWORK, at)


def output_recipe(context: AnalysisContext, name: SetName, output: str) -> Recipe:
    """What summing up an output will compute."""
    blobs = [context.images_of(name), context.labels_of(name)]
    head = context.readers[output].head
    parameters: dict[str, Json] = {
        "data": context.data_name,
        "set": name,
        "output": output,
        "kind": head.kind,
        "classes": list(context.data_classes),
        **pixel_parameters(context.network.pixels),
    }
    return Recipe(
        KIND.task,
        VERSION,
        parameters,
        {"model": context.network.identity, **{blob.role: blob.digest for blob in blobs}},
    )


@record_task("outputs", run_name="{title}")
def sum_up_output(title: str, name: SetName, output: str, run: str) -> tuple[Record, bool]:
    """The record of what one output says of a set.

    Outputs: `answers` float32 [N, K], probabilities of classes or labels, or values; `summary` as JSON.
    """
    context = find_shared(run, AnalysisContext)
    images, labels = context.images(name)
    recipe = output_recipe(context, name, output)

    def compute() -> tuple[list[NewOutput], list[Input]]:
        reader = context.readers[output]
        found = reader.of(images, progress=lambda done: report(title, done, len(images), of="images"))
        answers, truth, kind = found.probabilities, np.asarray(labels), reader.head.kind
        predictions = Predictions(answers, truth) if kind == "classes" else None
        summary = OutputSummary(
            output=output,
            kind=kind,
            text=reader.head.text,
            data=context.data_name,
            set=name,
            images=len(images),
            accuracy=predictions.accuracy if predictions else None,
            confusion=predictions.confusion.tolist() if predictions else None,
            labels=sum_up_labels(answers, truth, list(context.data_classes)) if kind == "labels" else [],
            values=sum_up_values(answers) if kind == "values" else [],
        )
        about = {"title": title, "data": context.data_name, "set": name, "output": output}
        return [
            NewOutput("answers", npy_bytes(answers), "answers", NPY, "float32", answers.shape, attributes=about),
            json_output("summary", summary, about),
        ], [*context.lineage_inputs(), context.images_of(name), context.labels_of(name)]

    return context.session.obtain(recipe, compute, unit=title)
