"""A dream: of a picture, in one pass."""

import json

from lib.pictures.names import fitting, safe
from storage.record import Output, Record
from tasks.session.kind import ArtifactKind, Pages

_OWN = ("objective", "picture", "mask")
"""The parameter in which the dreams of a map tour differ, and the inputs in which those of a folder do."""


def dream_file(title: str, ending: str) -> str:
    """The path in an export of a dream, or of what belongs to one. `title`: its name, or its picture's."""
    return fitting(f"dreams/{safe(title)}", ending)


def dream_page(pages: Pages, record: Record) -> str | None:
    """Where a dream, or the sheet of a tour, is shown."""
    return pages.dream(record)


def _file(record: Record, output: Output, title: str | None, ending: str) -> str:
    # it may have been made under another name: of the same picture elsewhere, or as the last of fewer passes
    of = str(output.attributes["title"]) if title is None else title
    return dream_file(of, f".strip{ending}" if output.role == "strip" else ending)


def _alike(record: Record) -> str:
    of = {**record.parameters, **record.recipe_inputs}
    return json.dumps({name: content for name, content in of.items() if name not in _OWN}, sort_keys=True)


KIND = ArtifactKind(
    "dream",
    caption="dream {title}",
    file=_file,
    exported="always",
    counted="dream",
    group="dreams",
    alike=_alike,
    page=dream_page,
)
