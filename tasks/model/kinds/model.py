"""A network that was trained here."""

from storage.record import Output, Record
from tasks.session.kind import ArtifactKind, Pages


def model_file_name(record: Record, output: Output, title: str | None, ending: str) -> str:
    """What the files of a network are called in an export, its layers' table, and those of its training's history."""
    if output.role == "layers":
        return f"layers{ending}"
    return f"{'model' if output.role.startswith('model') else 'history'}{ending}"


def model_page(pages: Pages, record: Record) -> str | None:
    """Where a network is shown."""
    return pages.network(record.output("model").identity or "")


KIND = ArtifactKind(
    "model",
    caption="trained model",
    page_caption="trained network",
    noun="trained network",
    file=model_file_name,
    exported="alone",
    page=model_page,
)
