"""The passes of a picture as a film."""

from storage.record import Output, Record
from tasks.dream.kinds.dream import dream_file
from tasks.dream.pieces import animation_title
from tasks.session.kind import ArtifactKind


def _file(record: Record, output: Output, title: str | None, ending: str) -> str:
    of = str(output.attributes["title"]) if title is None else title.removeprefix(animation_title(""))
    return dream_file(of, ending)


KIND = ArtifactKind(
    "animation",
    caption="animation of {title}",
    page_caption="animation {title}",
    file=_file,
    exported="always",
    group="dreams",
)
