"""A server behind a proxy: it is known by the address that the proxy has for it, and by its own all the same."""

from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_ENCRYPTED = {"http": "https", "ws": "wss"}


class BehindProxy:
    """Wrap an application so that it is at its public address as well as where it listens.

    The proxy may hand a request on as it is, or without the path that it has for the server, and commands on this
    machine need not know of that path. The application finds it in `root_path`, and at the beginning of `path`, as ASGI
    has it, and makes its links with it. Where the proxy hands on the host that was asked for, `scheme` is the public
    one.

    `public`: as `https://host/dreams`; None: there is no proxy.
    """

    def __init__(self, app: ASGIApp, public: str | None) -> None:
        self._app = app
        self._public = urlsplit(public or "")
        self._path = self._public.path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on."""
        if not self._public.netloc or scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        asked = scope["path"]
        if self._path and asked == self._path and scope["type"] == "http":
            query = scope["query_string"].decode("latin-1")
            to = f"{self._path}/?{query}" if query else f"{self._path}/"  # links in pages lead on from there
            await RedirectResponse(to, 307)(scope, receive, send)
            return
        below = asked[len(self._path) :] if asked.startswith(f"{self._path}/") else asked
        scope = {**scope, "path": f"{self._path}{below}", "root_path": self._path}
        if self._public.scheme == "https" and is_host_of(self._public, Headers(scope=scope).get("host", "")):
            scope["scheme"] = _ENCRYPTED.get(scope["scheme"], scope["scheme"])
        await self._app(scope, receive, send)


def is_host_of(public: SplitResult, host: str) -> bool:
    """Whether a request that asks for this host has come by the public address. Some proxies leave out the port."""
    return bool(host) and host in (public.netloc, public.hostname)


def inner_path(scope: Scope) -> str:
    """The path of a request as it would be without a proxy."""
    return str(scope["path"]).removeprefix(str(scope.get("root_path", "")))
