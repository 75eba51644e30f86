"""Which pixels carry a prediction, as artifacts."""

from collections.abc import Iterator
from functools import partial

from lib.analysis.attribution import Attribution
from lib.draw.attribution_picture import AttributionMap, attribution_picture
from lib.errors import BadInput
from storage.document import Json
from storage.store import Input, NewOutput, Recipe, Record
from storage.tensors import HDF5, hdf5_bytes
from tasks.analysis.context import AnalysisContext
from tasks.analysis.kinds.attribution import KIND
from tasks.analysis.steps import Stage, Step, Wanted
from tasks.session.open_runs import find_shared
from tasks.session.progress import report
from tasks.session.recorded import record_task

VERSION = 1


def steps(context: AnalysisContext, wanted: Wanted) -> Iterator[Step]:
    """Each image by itself, where an output can be read."""
    for at, name in enumerate(wanted.images if context.reader is not None else ()):
        recipe = partial(attribution_recipe, context, name)
        yield Step(f"attribution of {name}", recipe, attribute, (name,), Stage.IMAGE, at)


def attribution_recipe(context: AnalysisContext, name: str) -> Recipe:
    """What asking for the pixels of an image's prediction will compute."""
    parameters: dict[str, Json] = {
        "image": name,
        "classes": list(context.classes),
        **context.look(),
    }
    if context.classifier is None and context.reader is not None:
        parameters |= {"output": context.reader.head.name, "kind": context.reader.head.kind}
    return Recipe(KIND.task, VERSION, parameters, context.recipe_inputs(context.see(name)))


@record_task("attribution", run_name="{title}")
def attribute(title: str, name: str, run: str) -> tuple[Record, bool]:
    """The record of the attribution of an image's prediction to its pixels.

    Outputs: `maps`, HDF5 of `occlusion` and `integrated_gradients`, float32 [H, W] each; `picture`, a PNG of both.
    """
    context = find_shared(run, AnalysisContext)
    recipe = attribution_recipe(context, name)

    def compute() -> tuple[list[NewOutput], list[Input]]:
        context.keep(name)
        seen = context.see(name)
        spoken_for = context.spoken_for(seen)
        if spoken_for is None:
            raise BadInput("the network's probabilities for this image are not finite numbers")
        number, called, caption = spoken_for
        assert context.reader is not None
        attribution = Attribution(context.reader)
        report(title, 0, 2, "occlusion", of="methods")
        occlusion = attribution.occlusion(seen.pixels, number)
        report(title, 1, 2, "integrated gradients", of="methods")
        gradients = attribution.integrated_gradients(seen.pixels, number)
        report(title, 2, 2, of="methods")
        what = "value" if context.reader.head.kind == "values" else "logit"
        maps = [
            AttributionMap("occlusion", occlusion, f"how far the {what} falls where a window covers the image"),
            AttributionMap("integrated gradients", gradients, f"what each pixel adds to the {what}"),
        ]
        picture = attribution_picture(
            seen.pixels,
            maps,
            title=f"{caption}: what speaks for {called}",
            subtitle=context.network.name,
        )
        tensors = {"occlusion": occlusion, "integrated_gradients": gradients}
        number_of_class = number if context.classifier is not None else None
        about = {"title": title, "image": name, "class": number_of_class, "methods": [part.name for part in maps]}
        return [
            NewOutput("maps", hdf5_bytes(tensors, {"/": recipe.parameters}), "tensors", HDF5, attributes=about),
            NewOutput("picture", picture, "picture", "image/png", attributes=about),
        ], context.lineage_inputs(seen)

    return context.session.obtain(recipe, compute, unit=title)
