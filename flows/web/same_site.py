"""Keeping other sites' pages out of what listens here, and its own pages from talking to other sites.

A page that the user's browser has open may send requests to any address of this machine, and then acts as the user:
start a flow, read a run. So a request is refused (403)

- whose `Origin` is another site: it must be the public address, or the host that was asked for where that is not the
  public one;
- of which the browser says that another site began it (`Sec-Fetch-Site`), or another server of this machine. Whoever
  follows a link still gets there, as from a message to the run that it is about, and Prefect's pages may show pictures
  that the picture server has;
- that asks for a host that is not this one: a name that was made to point here afterwards (DNS rebinding).

Prefect's UI calls a service for analytics as soon as it is opened, whatever its settings: browsers are told to let its
pages connect to where they came from alone. They are also told to show our pages within no others', where they could
be clicked on unseen.
"""

from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flows.web.behind_proxy import is_host_of

POLICY = (b"content-security-policy", b"connect-src 'self'; frame-ancestors 'self'")
LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})


class SameSite:
    """Wrap an application so that only its own pages, and programs that are no browsers, reach it.

    `hosts`: the names that it may be called by; None: any, which only a password makes safe. `public`: the address at
    which browsers reach it through a proxy.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None = LOCAL_NAMES, public: str | None = None) -> None:
        self._app = app
        self._public = urlsplit(public or "")
        self._origin = public and f"{self._public.scheme}://{self._public.netloc}"
        self._hosts = hosts if hosts is None or not public else {*hosts, self._public.hostname}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif self._is_ours(scope):
            await self._app(scope, receive, _confined(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            text = "This page may not be used from another site. Open it by its own address.\n"
            await PlainTextResponse(text, 403)(scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host, origin = headers.get(b"host", ""), headers.get(b"origin")
        try:
            name, came_from = urlsplit(f"//{host}").hostname or "", urlsplit(origin or "").netloc
        except ValueError:  # what is no address at all
            return False
        if self._hosts is not None and name not in self._hosts:
            return False
        # Through a tunnel, address and port are others than those we listen on: what counts is that they agree.
        is_tunnelled = came_from == host and not is_host_of(self._public, host)
        return (origin in (None, self._origin) or is_tunnelled) and _may_come_from_there(scope, headers)


def _may_come_from_there(scope: Scope, headers: Mapping[bytes, str]) -> bool:
    """Whether a request may come from where the browser says that it comes from."""
    site, wanted = headers.get(b"sec-fetch-site", "none"), headers.get(b"sec-fetch-dest")
    if site in ("same-origin", "none"):
        return True
    if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
        return False
    follows_a_link = headers.get(b"sec-fetch-mode") == "navigate" and wanted == "document"
    return follows_a_link or (site == "same-site" and wanted == "image")


def _confined(send: Send) -> Send:
    """Send the policy with every response."""

    async def with_policy(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], POLICY]}
        await send(message)

    return with_policy
