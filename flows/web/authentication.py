"""Who may use a server: whoever knows the password, or has a session, and nobody else.

Programs say the password as HTTP Basic authentication. A browser comes in by a link, which it can open once, or by the
form of the login page; then it has a session, a cookie. The application behind sees the password in either
case, so that Prefect's own check is passed, and its pages need not know it.
"""

import asyncio
import json
from collections.abc import Collection
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flows.forms.addresses import PICTURES
from flows.web import login_page
from flows.web.access import SESSION_SECONDS, Access, authorization
from flows.web.behind_proxy import inner_path, is_host_of
from flows.web.timed_http import HALF_SENT_SECONDS

TOKEN = "token"
FORM_BYTES = 10_000
_AUTHORIZATION = b"authorization"
_UNSEEN = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


class Authentication:
    """Wrap an application so that only those reach it who may.

    `free`: paths that answer everybody who reads them. `public`: the address at which browsers reach it through a
    proxy.
    """

    def __init__(self, app: ASGIApp, access: Access, free: Collection[str] = (), public: str | None = None) -> None:
        self._app, self._access, self._free = app, access, free
        self._public = urlsplit(public or "")
        self._shown = authorization(access.password).encode("ascii")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, or answer it."""
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] != "http" or (inner_path(scope) in self._free and scope["method"] in ("GET", "HEAD")):
            await self._app(scope, receive, send)
        elif (answer := await self._answer(Request(scope, receive))) is not None:
            await answer(scope, receive, send)
        else:
            await self._app(self._with_password(scope), receive, send)

    async def _answer(self, request: Request) -> Response | None:
        """What is answered in place of the application; None for a request that may pass."""
        if request.method == "GET" and TOKEN in request.query_params:
            return self._open_link(request)
        is_form = inner_path(request.scope) == login_page.LOGIN
        if request.method == "POST" and is_form:
            return await self._log_in(request)
        if self._knows(request):
            # After a form that was sent twice; there is nothing at its address.
            return RedirectResponse(f"{_root(request)}/", 303) if is_form else None
        if not _is_page(request):
            # Browsers would show a window of their own for the password, over the page that asks.
            headers = {} if _is_browser(request) else {"WWW-Authenticate": 'Basic realm="dreamsweep", charset="UTF-8"'}
            return JSONResponse({"exception_message": "Unauthorized"}, 401, headers=headers | _UNSEEN)
        is_here = request.url.hostname == "localhost" and (request.scope.get("server") or [""])[0] == "127.0.0.1"
        if is_here and not self._is_public(request):
            # Links lead there, and cookies of one name are not sent to the other.
            return RedirectResponse(request.url.replace(hostname="127.0.0.1"), 303, headers=_UNSEEN)
        return _login(request, _path_of(request))

    def _is_public(self, request: Request) -> bool:
        """Whether a browser has come through the proxy, which has said so by the name of the host."""
        return is_host_of(self._public, request.headers.get("host", ""))

    def _knows(self, connection: HTTPConnection) -> bool:
        """Whether a request comes from somebody who may come in."""
        session, said = connection.cookies.get(self._access.cookie), connection.headers.get("authorization")
        return bool((session and self._access.is_session(session)) or (said and self._access.is_authorization(said)))

    def _with_password(self, scope: Scope) -> Scope:
        headers = [(name, value) for name, value in scope["headers"] if name.lower() != _AUTHORIZATION]
        return {**scope, "headers": [*headers, (_AUTHORIZATION, self._shown)]}

    def _open_link(self, request: Request) -> Response:
        then = _path_of(request)
        if self._access.open_link(request.query_params[TOKEN]):
            return self._let_in(request, then)
        if self._knows(request):
            return RedirectResponse(then, 303, headers=_UNSEEN)
        return _login(request, then, login_page.SPENT)

    async def _log_in(self, request: Request) -> Response:
        body = b""
        try:
            async for part in request.stream():
                body += part
                if len(body) > FORM_BYTES:
                    return Response(status_code=413)
        except ClientDisconnect:
            return Response(status_code=400)
        form = {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}
        user, password = form.get("user", "").strip(), form.get("password", "")
        then = login_page.local_path(form.get("then", ""), _root(request))
        if self._access.is_password(f"{user}:{password}" if user else password):
            return self._let_in(request, then)
        return _login(request, then, login_page.WRONG)

    def _let_in(self, request: Request, then: str) -> Response:
        response = RedirectResponse(then, 303, headers=_UNSEEN)
        # One session for the UI and for the pictures, which are below it; what else the host has need not know it.
        path = self._public.path.removesuffix(f"/{PICTURES}") if self._is_public(request) else ""
        response.set_cookie(
            self._access.cookie,
            self._access.new_session(),
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="lax",  # links in messages lead here from other sites
            secure=request.url.scheme == "https",
            path=path or "/",
        )
        return response

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a websocket through whose first message has the password, or which is of a session."""
        known = self._knows(HTTPConnection(scope))
        begun = let_in = ended = False

        async def refuse() -> Message:
            nonlocal ended
            if not ended:
                ended = True
                await send({"type": "websocket.close", "code": 1008, "reason": "A password is needed."})
            return {"type": "websocket.disconnect", "code": 1008}

        async def checked() -> Message:
            nonlocal begun, let_in
            if let_in or not begun:
                begun = True  # that somebody wants to connect is heard first, and tells nothing yet
                return await receive()
            try:
                async with asyncio.timeout(HALF_SENT_SECONDS):
                    message = await receive()
            except TimeoutError:
                return await refuse()
            if message["type"] != "websocket.receive":
                return message
            first = _read_json(message)
            if first.get("type") != "auth" or not (known or self._access.is_password(str(first.get("token")))):
                return await refuse()
            let_in = True
            return {"type": "websocket.receive", "text": json.dumps({**first, "token": self._access.password})}

        async def careful(message: Message) -> None:
            nonlocal ended
            if ended:
                return
            if message["type"] == "websocket.send" and not let_in:
                await refuse()
                return
            ended = message["type"] == "websocket.close"
            await send(message)

        await self._app(self._with_password(scope) if known else scope, checked, careful)


def _login(request: Request, then: str, said: str = "") -> Response:
    return HTMLResponse(login_page.login_page(then, _root(request), said), 401, headers=login_page.HEADERS)


def _root(request: Request) -> str:
    """The path at which a proxy has the server; empty where there is none."""
    return str(request.scope.get("root_path", ""))


def _path_of(request: Request) -> str:
    """The path that was asked for, with what was asked beside the token of a link."""
    path = quote(request.scope["path"], safe="/:@!$&'()*+,;=~")
    rest = urlencode([(name, value) for name, value in request.query_params.multi_items() if name != TOKEN])
    return login_page.local_path(f"{path}?{rest}" if rest else path, _root(request))


def _is_page(request: Request) -> bool:
    """Whether somebody wants to see a page, and not what a page or a program asks for."""
    wanted = request.headers.get("sec-fetch-dest")
    return request.method in ("GET", "HEAD") and (
        wanted == "document" if wanted else "text/html" in request.headers.get("accept", "")
    )


def _is_browser(request: Request) -> bool:
    return "sec-fetch-mode" in request.headers or request.headers.get("user-agent", "").startswith("Mozilla/")


def _read_json(message: Message) -> dict[str, object]:
    try:
        read = json.loads(message.get("text") or "")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
