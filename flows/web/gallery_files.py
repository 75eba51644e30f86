"""The files of a gallery over HTTP: what lies in its folder, and nothing else."""

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; "
    "media-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-cache",
}


class GalleryFiles(StaticFiles):
    """An application that serves the gallery in a folder, which may come into being later."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, html=True, check_dir=False)
        self._folder = folder

    async def check_config(self) -> None:
        """Nothing is wrong with a folder that is not there yet."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file, or the index of a folder. What begins with a dot is the gallery's own, and not shown."""
        if any(part.startswith(".") and part != "." for part in Path(path).parts):
            raise HTTPException(404)
        try:
            response = await super().get_response(path, scope)
        except HTTPException as problem:
            if problem.status_code == 404 and not self._folder.is_dir():
                raise HTTPException(404, "There is no gallery yet: a sweep makes one, or dreamsweep gallery.") from None
            raise
        response.headers.update(HEADERS)
        return response
