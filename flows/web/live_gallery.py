"""The gallery as `dreamsweep up` serves it: the files of its folder, and the pages of runs that have none there.

A gallery is made when a run has ended. Until then, and where runs are older than those of which it keeps pages, their
pages come from the store, and look the same; so does the list of runs, which is always that of this moment.
"""

import mimetypes
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

from flows.results.links import below_run
from flows.results.runs import run_with_unnoted
from flows.web.gallery_files import HEADERS, GalleryFiles
from lib.gallery.addresses import RUNS, run_page

if TYPE_CHECKING:
    from lib.gallery.rendering import Page, Renderer
    from storage.runs import RunRecord
    from storage.store import Store
    from tasks.gallery.reading.swept import Grown

_RUN = re.compile(r"runs/(?P<run>[^/]+)(?:/index\.html)?")
_UNIT = re.compile(r"runs/(?P<run>[^/]+)/(?P<unit>.+)\.png")


class LiveGallery(GalleryFiles):
    """An application that serves the gallery in a folder, and pages of runs from the store that `opened` gives."""

    def __init__(self, folder: Path, opened: "Callable[[], Store]") -> None:
        super().__init__(folder)
        self._home, self._opened = folder, opened

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file of the gallery, or what stands in for one that is not there."""
        if path in ("runs", RUNS):
            return await run_in_threadpool(self._answer, path, scope)
        try:
            return await super().get_response(path, scope)
        except HTTPException as problem:
            if problem.status_code != 404 or scope["method"] not in ("GET", "HEAD"):
                raise
            return await run_in_threadpool(self._answer, path, scope, problem)

    def _answer(self, path: str, scope: Scope, problem: HTTPException | None = None) -> Response:
        """What is made now. Raises StoreError, and `problem` where there is no such page either."""
        if path.startswith("static/") and (content := _static().get(path)) is not None:
            return _response(content, mimetypes.guess_type(path)[0] or "text/plain")
        # Links on a page are relative: it is at its address, or at its folder's.
        if (path == "runs" or re.fullmatch(r"runs/[^/.]+", path)) and not scope["path"].endswith("/"):
            return Response(status_code=307, headers=HEADERS | {"Location": f"{path.rpartition('/')[2]}/"})
        if scope["path"].endswith(("/", "/index.html")):
            if path in ("runs", RUNS):
                return _response(self._list(), "text/html")
            if found := _RUN.fullmatch(path):
                return _response(self._run(self._opened(), found["run"]), "text/html")
        if found := _UNIT.fullmatch(path):
            return _response(self._unit(self._opened(), found["run"], found["unit"]), "image/png")
        raise problem or HTTPException(404)

    def _list(self) -> bytes:
        from lib.gallery.rendering import Page
        from tasks.gallery.pages.run_view import run_row
        from tasks.gallery.reading.catalogue import RUNS_SHOWN

        runs = self._opened().runs()
        listed = [run_row(run, run_page(run.id)) for run in runs[: -RUNS_SHOWN - 1 : -1]]
        return _rendered(Page(RUNS, "runs.html.j2", {"runs": listed, "earlier": len(runs) - len(listed)}))

    def _run(self, store: "Store", name: str) -> bytes:
        from lib.gallery.rendering import Page
        from tasks.gallery.pages.run_view import run_context, shown_titles
        from tasks.gallery.reading.swept import Grown
        from tasks.gallery.reading.written_pages import WrittenPages
        from tasks.sweep.kinds.oip import KIND as OIP

        run = run_with_unnoted(store, name)
        titles = shown_titles(run)
        records = store.questions().records_of([run.units[title].record for title in titles])
        found = {title: records[key] for title in titles if (key := run.units[title].record) in records}
        made = {title: Grown.of(one, {}) if one.task == OIP.task else one for title, one in found.items()}
        context = run_context(run, made, _Pictures(run), WrittenPages(self._home))
        return _rendered(Page(run_page(run.id), "run.html.j2", {**context, "live": run.state == "open"}))

    def _unit(self, store: "Store", name: str, unit: str) -> bytes:
        """The best OIP of a unit. Raises HTTPException where the run has none."""
        from tasks.gallery.pages.oip_pictures import draw_best
        from tasks.gallery.reading.swept import Grown
        from tasks.sweep.kinds.oip import KIND as OIP

        result = run_with_unnoted(store, name).units.get(unit)
        record = store.record(result.record) if result else None
        if record is None or record.task != OIP.task:
            raise HTTPException(404, f"The run {name} has no picture of {unit}.")
        return draw_best(store, Grown.of(record, {}))


class _Pictures:
    """Where the picture server has the pictures of a run: beside the gallery, but for those of units."""

    def __init__(self, run: "RunRecord") -> None:
        self._run = quote(run.id)

    def unit(self, title: str, grown: "Grown") -> str | None:
        """With the digest, so that another picture has another address."""
        return f"runs/{self._run}/{quote(title)}.png?{grown.oips[:16]}"

    def whole(self, title: str, digest: str) -> str | None:
        """As it was made."""
        return f"../runs/{self._run}/{below_run(title)}?{digest[:16]}"

    small = whole


@cache
def _static() -> dict[str, bytes]:
    """The files that every gallery has, for pages that are served before there is one."""
    from lib.gallery.style import static_files

    files = {f"static/{name}": content for name, content in static_files()}
    return {**files, "static/units.js": b"window.dreamsweepUnits = [];\n"}


@cache
def _renderer() -> "Renderer":
    from lib.gallery.rendering import Renderer
    from tasks.gallery.gallery import sections

    return Renderer(sections())


def _rendered(page: "Page") -> bytes:
    return _renderer().html(page).encode()


def _response(content: bytes, media_type: str) -> Response:
    return Response(content, media_type=media_type, headers=HEADERS)
