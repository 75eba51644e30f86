"""Prefect's UI behind our door: who gets to see it has the password already, and is not to be asked again.

The UI asks for a password, which it keeps where every script of its pages can read it, if its settings say that the
API wants one. They are made to say that it wants none: to whoever has come in, it does not.

Behind a proxy that has the server below a path, the pages are built for that path (Prefect's `serve_base`), and are
asked for by it, while the API stays where it is.
"""

import json

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flows.web.behind_proxy import inner_path

SETTINGS = "/ui-settings"
API = "/api"


class PrefectUi:
    """Wrap Prefect's application, so that its pages ask for no password."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand everything on; of the settings of the UI, change one."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        path = inner_path(scope)
        if not f"{path}/".startswith(f"{API}/"):
            scope = {**scope, "root_path": ""}  # the path is whole, as the pages know it
        if scope["type"] != "http" or path != SETTINGS:
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        body = b""

        async def changed(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            body += message.get("body", b"")
            if start is None or message.get("more_body", False):
                return
            if start["status"] == 200:
                body = json.dumps(json.loads(body) | {"auth": None}).encode()
            headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
            await send({**start, "headers": [*headers, (b"content-length", str(len(body)).encode())]})
            await send({**message, "body": body})

        plain = [(name, value) for name, value in scope["headers"] if name.lower() != b"accept-encoding"]
        await self._app({**scope, "headers": plain}, receive, changed)
