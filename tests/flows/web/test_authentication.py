"""The door: who gets past it, with what, and what the others see."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from flows.web import authentication
from flows.web.access import Access, authorization
from flows.web.authentication import Authentication
from flows.web.door import behind_door
from flows.web.prefect_ui import PrefectUi
from flows.web.same_site import SameSite

AGENT = {"User-Agent": "Mozilla/5.0"}
BROWSER = AGENT | {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
SCRIPT = AGENT | {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
HERE = "127.0.0.1:4200"


async def said(request: Request) -> Response:
    """What the application behind the door hears."""
    return JSONResponse({"at": request.url.path, "says": request.headers.getlist("authorization")})


async def settings(request: Request) -> Response:
    return JSONResponse({"auth": "BASIC", "api_url": "/api"})


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    with contextlib.suppress(WebSocketDisconnect):
        first = await websocket.receive_json()
        await websocket.send_json({"token": first["token"], "filter": await websocket.receive_text()})
        await websocket.close()


async def eager(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("a secret")


@pytest.fixture
def access(tmp_path: Path) -> Access:
    return Access(tmp_path / "prefect")


@pytest.fixture
def client(access: Access) -> Iterator[TestClient]:
    """Somebody whom the door does not know yet."""
    routes = [
        Route("/ui-settings", settings),
        WebSocketRoute("/echo", echo),
        WebSocketRoute("/eager", eager),
        Route("/{path:path}", said, methods=["GET", "POST"]),
    ]
    app = SameSite(Authentication(PrefectUi(Starlette(routes=routes)), access, free=["/api/health"]))
    with TestClient(app, base_url=f"http://{HERE}", follow_redirects=False) as client:
        yield client


def come_in(client: TestClient, access: Access) -> None:
    """Open a link as a browser does."""
    answer = client.get(access.link(f"http://{HERE}"), headers=BROWSER)
    assert answer.status_code == 303


def test_whoever_is_not_known_reaches_nothing_but_whether_the_server_is_there(client: TestClient) -> None:
    assert client.get("/api/health").json()["at"] == "/api/health"
    for method, path in (("POST", "/api/health"), ("GET", "/api/healthy"), ("GET", "/")):
        assert client.request(method, path).status_code == 401
    # a host that would make another path of it
    assert client.get("/secret", headers={"Host": "127.0.0.1/api/health?"}).status_code in (401, 403)


def test_a_program_is_asked_for_the_password_and_a_browser_gets_a_page_or_a_plain_no(client: TestClient) -> None:
    assert client.get("/api/flows").headers["www-authenticate"].startswith("Basic")
    for headers in (BROWSER, SCRIPT):
        answer = client.get("/runs", headers=headers)
        assert answer.status_code == 401
        assert "www-authenticate" not in answer.headers  # the browser would ask with a window of its own
        assert answer.headers["cache-control"] == "no-store"
        assert ("dreamsweep link" in answer.text) == (headers is BROWSER)


def test_the_password_is_enough_and_is_all_that_the_application_hears(client: TestClient, access: Access) -> None:
    shown = authorization(access.password)
    assert client.get("/api/flows", headers={"Authorization": shown}).json()["says"] == [shown]
    for wrong in ("dreamsweep:wrong", "", access.password + "x"):
        assert client.get("/api/flows", headers={"Authorization": authorization(wrong)}).status_code == 401


def test_a_link_begins_a_session_once_and_leaves_the_address(client: TestClient, access: Access) -> None:
    link = access.link(f"http://{HERE}")
    wanted = link.replace("/?", "/runs/a%20b?tab=Logs&")
    assert client.head(wanted, headers=BROWSER).status_code == 401  # somebody looks whether it is there
    answer = client.get(wanted, headers=BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs/a%20b?tab=Logs")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert answer.headers["referrer-policy"] == "no-referrer"

    says = client.get("/api/flows", headers=SCRIPT | {"Authorization": "Basic an-old-one"}).json()["says"]
    assert says == [authorization(access.password)]
    assert client.get(wanted, headers=BROWSER).headers["location"] == "/runs/a%20b?tab=Logs"  # opened twice
    client.cookies.clear()
    again = client.get(wanted, headers=BROWSER)
    assert again.status_code == 401
    assert "has been opened already" in again.text
    assert "set-cookie" not in again.headers


def test_the_form_begins_a_session_with_user_name_and_password_alone(client: TestClient, access: Access) -> None:
    user, _, password = access.password.partition(":")
    page = client.get("/runs?state=failed", headers=BROWSER).text
    assert 'value="/runs?state=failed"' in page
    assert 'action="/dreamsweep-login"' in page
    for wrong in ({"user": user, "password": "wrong"}, {"user": "x", "password": password}, {}):
        answer = client.post("/dreamsweep-login", data=wrong, headers=BROWSER)
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers
    right = {"user": user, "password": password, "then": "/runs?state=failed"}
    assert client.post("/dreamsweep-login", data=right, headers={"Origin": "https://x.example"}).status_code == 403
    answer = client.post("/dreamsweep-login", data=right, headers=BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs?state=failed")
    assert client.get("/runs", headers=BROWSER).status_code == 200
    assert client.get("/dreamsweep-login", headers=BROWSER).headers["location"] == "/"
    assert client.post("/dreamsweep-login", content=b"x" * 20_000).status_code == 413


@pytest.mark.parametrize("then", ["//x.example", "/\\x.example", "https://x.example", "", "/\n"])
def test_the_form_leads_to_this_server_only(client: TestClient, access: Access, then: str) -> None:
    user, _, password = access.password.partition(":")
    answer = client.post("/dreamsweep-login", data={"user": user, "password": password, "then": then})
    assert answer.headers["location"] == "/"


def test_what_was_asked_for_stands_on_the_page_as_text(client: TestClient) -> None:
    page = client.get('/"><script>alert(1)</script>?a="><script>', headers=BROWSER).text
    assert "<script" not in page


def test_a_browser_that_came_by_another_name_is_led_to_the_one_that_links_have(access: Access) -> None:
    app = SameSite(Authentication(Starlette(routes=[Route("/", said)]), access))

    async def here(scope, receive, send):  # type: ignore[no-untyped-def]
        await app({**scope, "server": ("127.0.0.1", 4200)}, receive, send)

    client = TestClient(here, base_url="http://localhost:9999", follow_redirects=False)
    assert client.get("/?a=1", headers=BROWSER).headers["location"] == "http://127.0.0.1:9999/?a=1"
    assert client.get("/", headers=SCRIPT).status_code == 401


class TestBehindAProxy:
    """A server that is known as https://host.example/dreams, whether the proxy hands that path on or not."""

    HOST = "host.example"
    THROUGH = BROWSER | {"Host": HOST}

    @pytest.fixture(params=["/dreams", ""], ids=["whole paths", "paths without /dreams"])
    def at(self, request: pytest.FixtureRequest) -> str:
        """What the paths begin with that the proxy asks for."""
        return str(request.param)

    @pytest.fixture
    def client(self, access: Access) -> TestClient:
        """The proxy, and what asks on this machine."""
        routes = [Route("/ui-settings", settings), Route("/{path:path}", said, methods=["GET", "POST"])]
        app = behind_door(Starlette(routes=routes), access, public=f"https://{self.HOST}/dreams", free=["/api/health"])
        return TestClient(app, base_url=f"http://{HERE}", follow_redirects=False)

    def test_the_session_is_for_that_path_and_for_encrypted_lines(
        self, client: TestClient, access: Access, at: str
    ) -> None:
        link = access.link(f"https://{self.HOST}/dreams").removeprefix(f"https://{self.HOST}/dreams")
        answer = client.get(f"{at}{link}", headers=self.THROUGH)
        assert answer.headers["location"] == "/dreams/"
        cookie = answer.headers["set-cookie"]
        assert "Path=/dreams;" in f"{cookie};"
        assert "Secure" in cookie
        here = client.get(access.link(f"http://{HERE}"), headers=BROWSER)
        assert "Secure" not in here.headers["set-cookie"]
        assert "Path=/;" in f"{here.headers['set-cookie']};"

    def test_the_form_leads_to_what_was_asked_for(self, client: TestClient, access: Access, at: str) -> None:
        page = client.get(f"{at}/runs?state=failed", headers=self.THROUGH).text
        assert 'action="/dreams/dreamsweep-login"' in page
        assert 'value="/dreams/runs?state=failed"' in page
        user, _, password = access.password.partition(":")
        form = {"user": user, "password": password, "then": "/dreams/runs?state=failed"}
        sent = {"Host": self.HOST, "Origin": f"https://{self.HOST}"}
        answer = client.post(f"{at}/dreamsweep-login", data=form, headers=sent)
        assert (answer.status_code, answer.headers["location"]) == (303, "/dreams/runs?state=failed")
        again = client.get(f"{at}/dreamsweep-login", headers=sent | {"Authorization": authorization(access.password)})
        assert again.headers["location"] == "/dreams/"

    def test_the_same_answers_and_is_closed(self, client: TestClient, access: Access, at: str) -> None:
        assert client.get(f"{at}/api/health").status_code == 200
        assert client.get(f"{at}/api/flows").status_code == 401
        shown = {"Authorization": authorization(access.password)}
        assert client.get(f"{at}/api/flows", headers=shown).json()["at"] == "/dreams/api/flows"

    def test_the_path_itself_is_that_of_the_first_page(self, client: TestClient) -> None:
        answer = client.get("/dreams?token=x", headers=self.THROUGH)
        assert answer.headers["location"] == "/dreams/?token=x"
        assert client.get("/dreamstime", headers=self.THROUGH).status_code == 401


def test_prefects_pages_are_told_to_ask_for_no_password(client: TestClient, access: Access) -> None:
    assert client.get("/ui-settings", headers=SCRIPT).status_code == 401
    come_in(client, access)
    answer = client.get("/ui-settings", headers=SCRIPT)
    assert answer.json() == {"auth": None, "api_url": "/api"}
    assert int(answer.headers["content-length"]) == len(answer.content)


@pytest.mark.parametrize("first", [{"type": "auth", "token": "wrong"}, {"type": "auth"}, {"type": "filter"}, [], "x"])
def test_a_websocket_without_the_password_is_closed(client: TestClient, first: object) -> None:
    with client.websocket_connect(f"ws://{HERE}/echo") as websocket:
        websocket.send_text(json.dumps(first))
        with pytest.raises(WebSocketDisconnect) as closed:
            websocket.receive_text()
    assert closed.value.code == 1008


def test_a_websocket_with_the_password_or_of_a_session_gets_through(client: TestClient, access: Access) -> None:
    for token in (access.password, "an-old-one"):
        with client.websocket_connect(f"ws://{HERE}/echo") as websocket:
            websocket.send_json({"type": "auth", "token": token})
            websocket.send_text("all")
            assert websocket.receive_json() == {"token": access.password, "filter": "all"}
        come_in(client, access)  # from now on any token will do


def test_a_websocket_is_told_nothing_before_it_has_said_the_password(client: TestClient) -> None:
    with client.websocket_connect(f"ws://{HERE}/eager") as websocket, pytest.raises(WebSocketDisconnect):
        websocket.receive_text()


def test_a_websocket_that_says_nothing_is_closed(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "HALF_SENT_SECONDS", 0.1)
    with client.websocket_connect(f"ws://{HERE}/echo") as websocket, pytest.raises(WebSocketDisconnect):
        websocket.receive_text()
