"""A server that the user has named and that does not answer is said at once, in a line without its password."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from flows.serving.given_server import ServerAway
from flows.serving.server import LocalServer


@pytest.fixture(scope="module")
def answering() -> Iterator[str]:
    """The address of what is no Prefect server: it is busy, or wants a password, by the path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = {"/busy/health": 503, "/closed/health": 200, "/closed/admin/version": 401}.get(self.path, 404)
            self.send_response(answer)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()


def refused() -> str:
    """An address at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("path", ["busy", "none at all"])
def test_one_that_does_not_serve_is_away(
    answering: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", f"http://{answering}/{path}")
    with pytest.raises(ServerAway, match=f"no Prefect server answers at PREFECT_API_URL=http://{answering}"):
        LocalServer(tmp_path).start()


@pytest.mark.parametrize(
    "url", ["http://me:4711secret@{}/api", "nonsense", "http://127.0.0.1:99999/api", "http://[::1"]
)
def test_one_that_nobody_reaches_is_away_and_its_password_is_not_said(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", url.format(refused()))
    with pytest.raises(ServerAway) as caught:
        LocalServer(tmp_path).start()
    assert "no Prefect server answers" in str(caught.value)
    assert "4711secret" not in str(caught.value)


def test_one_that_wants_a_password_is_said_to(answering: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", f"http://{answering}/closed")
    with pytest.raises(ServerAway, match="needs a password: set PREFECT_API_AUTH_STRING"):
        LocalServer(tmp_path).start()
