"""What a registered model takes, declared after it was registered: a record of the same bytes, which says so."""

from lib.network.pixels import Pixels
from storage.store import NewOutput, Recipe
from tasks.model.pixels import declared_parameters, said_of_pixels
from tasks.model.stored import StoredModel
from tasks.session.session import Session


def declare_pixels(session: Session, stored: StoredModel, pixels: Pixels, known_from: str) -> StoredModel:
    """The same model with a declaration, to which every name of the model leads from now on.

    Its identity stays: results are told apart by what their own recipes say of pixels.

    Args:
        stored: a registered model, with another declaration or none.
        known_from: how it is known: `tasks.model.pixels.DECLARED`, or a sentence.
    """
    store, record = session.store, stored.record
    recipe = Recipe(
        record.task, record.version, {**record.parameters, **declared_parameters(pixels)}, record.recipe_inputs
    )

    def again() -> list[NewOutput]:
        said = said_of_pixels(pixels, known_from)
        return [
            NewOutput(
                output.role,
                store.get(output.digest),
                output.kind,
                output.media_type,
                output.dtype,
                output.shape,
                {**output.attributes, **said} if output.identity else output.attributes,
                output.identity,
            )
            for output in record.outputs
        ]

    made, _ = session.obtain(recipe, lambda: (again(), record.inputs), unit="model")
    for name, target in store.refs().items():
        if target == f"record:{record.key}":
            store.set_ref(name, f"record:{made.key}")
    return StoredModel(made, stored.name)
