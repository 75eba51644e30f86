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
    """Each image by itself, where the network predicts classes."""
    for at, name in enumerate(wanted.images if context.classifier is not None else ()):
        recipe = partial(attribution_recipe, context, name)
        yield Step(f"attribution of {name}", recipe, attribute, (name,), Stage.IMAGE, at)


def attribution_recipe(context: AnalysisContext, name: str) -> Recipe:
    """What asking for the pixels of an image's prediction will compute."""
    parameters: dict[str, Json] = {
        "image": name,
        "classes": list(context.classes),
        **context.look(),
    }
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
        probabilities = context.probabilities([seen])[0]
        predicted = context.predicted_class(probabilities)
        if predicted is None:
            raise BadInput("the network's probabilities for this image are not finite numbers")
        assert context.classifier is not None
        attribution = Attribution(context.classifier)
        report(title, 0, 2, "occlusion")
        occlusion = attribution.occlusion(seen.pixels, predicted)
        report(title, 1, 2, "integrated gradients")
        gradients = attribution.integrated_gradients(seen.pixels, predicted)
        report(title, 2, 2)
        maps = [
            AttributionMap("occlusion", occlusion, "how far the logit falls where a window covers the image"),
            AttributionMap("integrated gradients", gradients, "what each pixel adds to the logit"),
        ]
        picture = attribution_picture(
            seen.pixels,
            maps,
            title=f"{context.title(seen, probabilities)}: what speaks for {context.classes[predicted]}",
            subtitle=context.network.name,
        )
        tensors = {"occlusion": occlusion, "integrated_gradients": gradients}
        about = {"title": title, "image": name, "class": predicted, "methods": [part.name for part in maps]}
        return [
            NewOutput("maps", hdf5_bytes(tensors, {"/": recipe.parameters}), "tensors", HDF5, attributes=about),
            NewOutput("picture", picture, "picture", "image/png", attributes=about),
        ], context.lineage_inputs(seen)

    return context.session.obtain(recipe, compute, unit=title)
