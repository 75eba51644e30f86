"""The pictures of a store over HTTP, for links from Prefect's UI, which shows no files of this machine.

Whoever may use Prefect's UI may see them (`flows.web.authentication`).

- `/gallery/`: the gallery of the data folder, as `dreamsweep gallery` and the flows write it, with a page for each run,
  also for one that goes on (`flows.web.live_gallery`); `/` leads there
- `/runs/RUN/LAYER.png`: the contact sheet of a layer; `/runs/RUN/LAYER/17.png`: the picture of a unit
- `/runs/RUN/`: where runs had their pages before; it leads to those of the gallery

Pictures come live from the store, and nothing that no record of the run names.
"""

import socket
import threading
from pathlib import Path
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from flows.forms.places import GALLERY
from flows.results.runs import run_with_unnoted
from flows.web.access import Access
from flows.web.door import behind_door
from flows.web.live_gallery import LiveGallery
from flows.web.plain_page import missing_page
from lib.gallery.addresses import RUNS, START, run_page
from storage.errors import StoreError, StoreUnusable
from storage.store import Store
from tasks.sweep.kinds.layer import layer_title

STOP_SECONDS = 5.0
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def picture_app(place: str, host: str, gallery: Path, access: Access, public: str | None = None) -> ASGIApp:
    """The application that shows the store at `place` and the gallery in a folder to those who have access.

    `host`: where it listens; `public`: the address at which browsers reach it through a proxy.
    """
    pages = _Pages(place, gallery)
    app: ASGIApp = Starlette(
        routes=[
            Route("/", pages.first),
            Route("/runs/{run}/", pages.run),
            Route("/runs/{run}/{name:path}.png", pages.picture),
            Mount(f"/{GALLERY}", LiveGallery(gallery, pages.store)),
        ],
        exception_handlers={HTTPException: _not_found, StoreError: _not_in_the_store},
    )
    return behind_door(app, access, host=host, public=public)


class PictureServer:
    """Serves an application in a thread of this process, within a `with`."""

    def __init__(self, app: ASGIApp, listening: socket.socket) -> None:
        import uvicorn

        from flows.web.timed_http import TimedHttp

        config = uvicorn.Config(
            app, http=TimedHttp, log_level="warning", access_log=False, lifespan="off", log_config=None
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listening],), daemon=True)

    def __enter__(self) -> "PictureServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(STOP_SECONDS)


class _Pages:
    """What is answered. The functions are run in threads, since they read files."""

    def __init__(self, place: str, gallery: Path) -> None:
        self._place, self._gallery = place, gallery

    def first(self, request: Request) -> Response:
        """Lead to the first page of the gallery, or to the list of runs while there is none."""
        if (self._gallery / START).is_file():
            return _leads_to(f"{GALLERY}/{START}")
        self.store()  # where there is none either, this says so
        return _leads_to(f"{GALLERY}/{RUNS}")

    def run(self, request: Request) -> Response:
        """Lead to the page of a run, which was here before."""
        return _leads_to(f"../../{GALLERY}/{run_page(quote(self.store().run(request.path_params['run']).id))}")

    def picture(self, request: Request) -> Response:
        """A picture as a run has made it."""
        from tasks.gallery.pages.run_view import PNG, picture_of

        store = self.store()
        run, name = store.run(request.path_params["run"]), request.path_params["name"]
        if not {name, layer_title(name)} & set(run.units):
            run = run_with_unnoted(store, run.id)
        unit = sheet if (sheet := layer_title(name)) in run.units else name
        digest = picture_of(store.record(run.units[unit].record)) if unit in run.units else None
        if digest is None:
            raise HTTPException(404, f"The run {run.id} has no picture of {name}.")
        # The address of a unit's picture stays while a retry makes it anew; that with the digest never changes.
        immutable = request.url.query and digest.startswith(request.url.query)
        headers = _HEADERS | {
            "ETag": f'"{digest}"',
            "Cache-Control": "private, max-age=31536000, immutable" if immutable else "private, no-cache",
        }
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(store.get(digest), media_type=PNG, headers=headers)

    def store(self) -> Store:
        """The store that is served. Raises StoreError where there is none."""
        return Store.open(self._place, create=False)


def _leads_to(address: str) -> Response:
    """Relative, for a proxy may have put all of this below a path of its own."""
    return Response(status_code=302, headers=_HEADERS | {"Location": address})


def _not_found(request: Request, error: Exception) -> Response:
    detail = error.detail if isinstance(error, HTTPException) else str(error)
    known = detail if detail != "Not Found" else f"There is nothing at {request.url.path}."
    return _missing(request, known, "The gallery lists the latest runs, and dreamsweep runs lists all of them.")


def _not_in_the_store(request: Request, error: Exception) -> Response:
    if isinstance(error, StoreUnusable):
        return _missing(request, "There is no store yet", "dreamsweep sweep --train makes one.")
    return _missing(request, "Not in the store", f"{error}; dreamsweep runs lists the runs.")


def _missing(request: Request, what: str, fix: str) -> Response:
    # the path at which a proxy has the server, also for what is mounted within it
    home = request.scope.get("app_root_path", request.scope.get("root_path", ""))
    return HTMLResponse(missing_page(what, fix, f"{home}/"), 404, headers=_HEADERS)
