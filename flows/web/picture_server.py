"""The pictures of a store over HTTP, for links from Prefect's UI, which shows no files of this machine.

Whoever may use Prefect's UI may see them (`flows.web.authentication`).

- `/`: the latest runs; `/runs/RUN/`: a run with all its pictures
- `/gallery/`: the gallery of the data folder, as `dreamsweep gallery` and the flows write it
- `/runs/RUN/LAYER.png`: the contact sheet of a layer; `/runs/RUN/LAYER/17.png`: the picture of a unit

Everything comes live from the store, and nothing that no record of the run names.
"""

import socket
import threading
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from flows.forms.places import GALLERY
from flows.results.captions import attributes
from flows.web.access import Access
from flows.web.authentication import Authentication
from flows.web.gallery_files import GalleryFiles
from flows.web.listening import is_local
from flows.web.picture_pages import PNG, RunPicture, missing_page, run_page, runs_page
from flows.web.same_site import LOCAL_NAMES, SameSite
from lib.network.units import Unit
from storage.errors import StoreError, StoreUnusable
from storage.store import Record, RunRecord, Store
from tasks.session.kind import kind_of_task
from tasks.sweep.kinds.layer import KIND as LAYER
from tasks.sweep.kinds.layer import layer_title
from tasks.sweep.kinds.oip import NOT_SHOWN

STOP_SECONDS = 5.0
RUNS_SHOWN = 100
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def picture_app(place: str, host: str, gallery: Path, access: Access) -> ASGIApp:
    """The application that shows the store at `place` and the gallery in a folder to those who have access."""
    pages = _Pages(place)
    app: ASGIApp = Starlette(
        routes=[
            Route("/", pages.runs),
            Route("/runs/{run}/", pages.run),
            Route("/runs/{run}/{name:path}.png", pages.picture),
            Mount(f"/{GALLERY}", GalleryFiles(gallery)),
        ],
        exception_handlers={HTTPException: _not_found, StoreError: _not_in_the_store},
    )
    return SameSite(Authentication(app, access), LOCAL_NAMES | {host} if is_local(host) else None)


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

    def __init__(self, place: str) -> None:
        self._place = place

    def runs(self, request: Request) -> Response:
        return HTMLResponse(runs_page(self._store().runs()[: -RUNS_SHOWN - 1 : -1]), headers=_HEADERS)

    def run(self, request: Request) -> Response:
        store = self._store()
        run = store.run(request.path_params["run"])
        pictures = {title: picture for title in run.units if (picture := _shown(store, run, title)) is not None}
        return HTMLResponse(run_page(run, pictures), headers=_HEADERS)

    def picture(self, request: Request) -> Response:
        store = self._store()
        run, name = store.run(request.path_params["run"]), request.path_params["name"]
        unit = sheet if (sheet := layer_title(name)) in run.units else name
        digest = _picture(store.record(run.units[unit].record)) if unit in run.units else None
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

    def _store(self) -> Store:
        return Store.open(self._place, create=False)


def _shown(store: Store, run: RunRecord, title: str) -> RunPicture | None:
    """The picture that a run has under a title; None where it has none."""
    if run.units[title].kind == NOT_SHOWN:
        return None
    record = store.record(run.units[title].record)
    if (digest := _picture(record)) is None:
        return None
    kind, layer = kind_of_task(record.task), None
    if kind.counted == "map":
        layer = Unit.parse(title).layer
    elif kind.task == LAYER.task:
        layer = str(record.parameters["layer"])
    return RunPicture(digest, kind, layer, str(attributes(record).get("verdict", "")))


def _picture(record: Record) -> str | None:
    """The digest of the picture that a record names; None where it names none."""
    return next((output.digest for output in record.outputs if output.media_type == PNG), None)


def _not_found(request: Request, error: Exception) -> Response:
    detail = error.detail if isinstance(error, HTTPException) else str(error)
    known = detail if detail != "Not Found" else f"There is nothing at {request.url.path}."
    fix = "Its address is /runs/RUN/LAYER.png or /runs/RUN/LAYER/17.png; dreamsweep runs lists the runs."
    return HTMLResponse(missing_page(known, fix), 404, headers=_HEADERS)


def _not_in_the_store(request: Request, error: Exception) -> Response:
    if isinstance(error, StoreUnusable):
        return HTMLResponse(missing_page("There is no store yet", "dreamsweep sweep --train makes one."), 404)
    return HTMLResponse(missing_page("Not in the store", str(error)), 404, headers=_HEADERS)
