"""What kinds have in common of which a layer has one."""

from lib.pictures.names import safe
from storage.record import Output, Record
from tasks.session.kind import ArtifactKind, Pages


def kind_of_a_layer(task: str, called: str | None = None) -> ArtifactKind:
    """A kind that stands on its layer's page. `called`: what pages call it, if not as its task."""
    noun = called or task
    return ArtifactKind(
        task,
        caption=f"{task} of {{layer}}",
        page_caption=f"{noun} of {{layer}}",
        noun=noun,
        file=_file,
        page=layer_page_of,
    )


def layer_page_of(pages: Pages, record: Record) -> str | None:
    """Where what is of a layer is shown."""
    identity, layer = record.recipe_inputs.get("model"), record.parameters.get("layer")
    return pages.layer(identity, layer) if identity and isinstance(layer, str) else None


def _file(record: Record, output: Output, title: str | None, ending: str) -> str:
    return f"{safe(str(record.parameters['layer']))}/{record.task}-{safe(output.role)}{ending}"
