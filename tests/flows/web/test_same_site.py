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
    ],
)
def test_pages_of_other_sites_and_other_names_are_refused(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/", headers=headers).status_code == 403


def test_browsers_are_told_to_let_pages_connect_to_nobody_else(client: TestClient) -> None:
    assert client.get("/").headers["content-security-policy"] == "connect-src 'self'"
