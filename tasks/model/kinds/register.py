"""A network that somebody brought."""

from lib.pictures.names import safe
from storage.record import Output, Record
from tasks.model.kinds.model import model_file_name, model_page
from tasks.session.kind import ArtifactKind


def _file(record: Record, output: Output, title: str | None, ending: str) -> str:
    if output.role == "source":
        return f"source-{safe(str(record.parameters['file']))}"
    return model_file_name(record, output, title, ending)


KIND = ArtifactKind(
    "register",
    caption="model from the file {file}",
    page_caption="network from the file {file}",
    noun="network from the file",
    file=_file,
    exported="alone",
    page=model_page,
)
