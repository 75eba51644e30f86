"""The sheet of a tour: a picture, dreamed by each map of a layer."""

from storage.record import Output, Record
from tasks.dream.kinds.dream import dream_file, dream_page
from tasks.dream.pieces import tour_title
from tasks.session.kind import ArtifactKind


def _file(record: Record, output: Output, title: str | None, ending: str) -> str:
    if title is None:
        return dream_file(str(output.attributes["title"]), ending)
    layer = str(record.parameters["layer"])
    return dream_file(f"{layer} {title.removeprefix(tour_title(layer, ''))}", ending)


KIND = ArtifactKind("tour", caption="map tour {title}", file=_file, exported="always", group="dreams", page=dream_page)
