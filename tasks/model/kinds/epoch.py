"""A checkpoint of a training."""

from storage.record import Output, Record
from tasks.session.kind import ArtifactKind


def _file(record: Record, output: Output, title: str | None, ending: str) -> str:
    return f"epochs/epoch-{int(str(record.parameters['epoch'])):02d}{ending}"


KIND = ArtifactKind("epoch", caption="epoch {epoch} of the training", noun="epoch", file=_file)
