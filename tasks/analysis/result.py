"""What all kinds have in common that are results of an analysis."""

from collections.abc import Callable

from lib.pictures.names import fitting, safe
from storage.record import Output, Record
from tasks.session.kind import ArtifactKind, Pages


def _page(pages: Pages, record: Record) -> str | None:
    return pages.result(record)


def result_kind(
    task: str,
    page_caption: str,
    *,
    noun: str = "",
    page: Callable[[Pages, Record], str | None] = _page,
    needed: tuple[str, ...] = (),
) -> ArtifactKind:
    """A result of an analysis, which by default has a page for itself. Its outputs say their title as an attribute."""
    return ArtifactKind(
        task,
        caption="{title}",
        page_caption=page_caption,
        noun=noun,
        file=_file,
        exported="always",
        counted="result",
        page=page,
        needed=needed,
    )


def page_of_all(pages: Pages, record: Record) -> str | None:
    """The page of a result that stands on that of the whole analysis."""
    return pages.analysis(record)


def page_of_images(pages: Pages, record: Record) -> str | None:
    """The page of a result that stands on that of its images."""
    return pages.images(record)


def _file(record: Record, output: Output, title: str | None, ending: str) -> str:
    said = (str(one.attributes["title"]) for one in record.outputs if "title" in one.attributes)
    of = next(said, record.task) if title is None else title
    return fitting(f"analysis/{safe(of)}/{safe(output.role)}", ending)
