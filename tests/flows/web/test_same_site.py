"""What listens here answers its own pages and programs, and its pages talk to nobody else."""

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from flows.web.same_site import SameSite


@pytest.fixture
def client() -> TestClient:
    """Asks an application that is called 127.0.0.1:4200."""
    app = Starlette(routes=[Route("/", lambda request: PlainTextResponse("hello"), methods=["GET", "POST"])])
    return TestClient(SameSite(app), base_url="http://127.0.0.1:4200")


def test_its_own_pages_and_programs_are_answered(client: TestClient) -> None:
    assert client.get("/").text == "hello"
    assert client.post("/", headers={"Origin": "http://127.0.0.1:4200"}).status_code == 200
    assert client.post("/", headers={"Host": "localhost:9", "Origin": "http://localhost:9"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "http://127.0.0.1:4201"},
        {"Origin": "null"},
        {"Host": "rebound.example"},
        {"Host": "["},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    ],
)
def test_pages_of_other_sites_and_other_names_are_refused(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/", headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("host", "origin", "code"),
    [
        ("host.example:8443", "https://host.example:8443", 200),
        ("host.example", "https://host.example:8443", 200),  # some proxies leave the port out
        ("127.0.0.1:4200", "https://host.example:8443", 200),  # and some say where they ask
        ("127.0.0.1:4200", "http://127.0.0.1:4200", 200),  # without the proxy
        ("host.example:8443", "http://host.example:8443", 403),
        ("host.example:8443", "http://127.0.0.1:4200", 403),
        ("host.example:8443", "https://elsewhere.example", 403),
        ("host.example:8443", "null", 403),
        ("host.example", "https://host.example", 403),  # another service of that machine
        ("elsewhere.example", "https://elsewhere.example", 403),
        ("elsewhere.example", "https://host.example:8443", 403),
    ],
)
def test_behind_a_proxy_pages_are_ours_that_come_from_the_public_address(host: str, origin: str, code: int) -> None:
    app = Starlette(routes=[Route("/", lambda request: PlainTextResponse("hello"), methods=["POST"])])
    client = TestClient(SameSite(app, public="https://host.example:8443/dreams"), base_url="http://127.0.0.1:4200")
    assert client.post("/", headers={"Host": host, "Origin": origin}).status_code == code


def test_browsers_are_told_to_let_pages_connect_to_nobody_else(client: TestClient) -> None:
    assert client.get("/").headers["content-security-policy"] == "connect-src 'self'; frame-ancestors 'self'"


@pytest.mark.parametrize(
    ("site", "mode", "wanted", "code"),
    [
        ("same-origin", "cors", "empty", 200),
        ("none", "navigate", "document", 200),  # typed, or from a bookmark
        ("cross-site", "navigate", "document", 200),  # a link in a message leads here
        ("cross-site", "navigate", "iframe", 403),
        ("cross-site", "no-cors", "image", 403),
        ("cross-site", "cors", "empty", 403),
        ("same-site", "navigate", "document", 200),  # from Prefect's UI to a picture
        ("same-site", "no-cors", "image", 200),  # a picture within Prefect's UI
        ("same-site", "no-cors", "script", 403),
        ("same-site", "navigate", "iframe", 403),
    ],
)
def test_what_other_sites_begin_is_answered_only_where_a_person_follows_a_link(
    client: TestClient, site: str, mode: str, wanted: str, code: int
) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": wanted}
    assert client.get("/", headers=headers).status_code == code
