"""A data set."""

from lib.pictures.names import safe
from storage.record import Output, Record
from tasks.session.kind import ArtifactKind


def _file(record: Record, output: Output, title: str | None, ending: str) -> str:
    return f"data/{safe(output.role)}{ending}"


KIND = ArtifactKind("data", caption="data set {data}", noun="data set", file=_file)
