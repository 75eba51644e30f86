"""What is gathered of a layer: its contact sheet and tensors."""

from lib.pictures.names import safe
from storage.record import Output, Record
from tasks.session.kind import ArtifactKind
from tasks.sweep.of_layer import layer_page_of


def layer_title(layer: str) -> str:
    """What a run calls what it gathered of a layer."""
    return f"layer {layer}"


def _file(record: Record, output: Output, title: str | None, ending: str) -> str:
    return safe(str(record.parameters["layer"])) + ending


KIND = ArtifactKind(
    "layer",
    caption="contact sheet of {layer}",
    noun="contact sheet",
    file=_file,
    exported="always",
    page=layer_page_of,
)
