"""A file as somebody gave it."""

from storage.record import Output, Record
from tasks.session.kind import ArtifactKind


def _file(record: Record, output: Output, title: str | None, ending: str) -> str:
    return f"originals/{output.digest}"


def _alike(record: Record) -> str:
    return record.task


KIND = ArtifactKind(
    "original",
    caption="file as it was given",
    page_caption="the file as it was given",
    noun="the file as it was given",
    file=_file,
    alike=_alike,
)
