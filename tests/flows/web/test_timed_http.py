"""Half a request does not keep a connection; a whole one may take its time."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.sync.client import connect

from flows.web import timed_http
from flows.web.listening import LOCALHOST, listen, port_of
from flows.web.timed_http import TimedHttp

LIMIT = 0.6
HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"


async def length(request: Request) -> Response:
    """How much was sent; and it takes longer than half a request may."""
    body = await request.body()
    if body.startswith(b"slow"):
        time.sleep(LIMIT * 2)
    return PlainTextResponse(str(len(body)))


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text())


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Of a server with little patience."""
    monkeypatch.setattr(timed_http, "HALF_SENT_SECONDS", LIMIT)
    listening = listen(LOCALHOST, None, 0)
    app = Starlette(routes=[Route("/", length, methods=["GET", "POST"]), WebSocketRoute("/echo", echo)])
    server = uvicorn.Server(uvicorn.Config(app, http=TimedHttp, log_level="error", lifespan="off", log_config=None))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    yield port_of(listening)
    server.should_exit = True
    thread.join(10)


def is_dropped(connection: socket.socket) -> bool:
    """Whether the other side ends it, without an answer."""
    connection.settimeout(30)
    try:
        return connection.recv(1000) == b""
    except ConnectionResetError:
        return True


CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nha"


@pytest.mark.parametrize("sent", [b"", b"GET / HT", HEAD, HEAD + b"Content-Length: 10\r\n\r\nhalf", CHUNKED])
def test_half_a_request_is_dropped(port: int, sent: bytes) -> None:
    with socket.create_connection((LOCALHOST, port)) as connection:
        connection.sendall(sent)
        assert is_dropped(connection)


def test_a_head_that_drips_is_dropped_too(port: int) -> None:
    with socket.create_connection((LOCALHOST, port)) as connection:

        def drip() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection.sendall(b"G")
                    time.sleep(LIMIT / 10)

        threading.Thread(target=drip, daemon=True).start()
        assert is_dropped(connection)


def test_half_a_request_behind_a_whole_one_is_dropped(port: int) -> None:
    with socket.create_connection((LOCALHOST, port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while not answer.endswith(b"\r\n\r\n0"):
            answer += connection.recv(1000)
        connection.sendall(HEAD)
        assert is_dropped(connection)


def test_a_large_body_on_a_slow_line_and_a_slow_answer_are_waited_for(port: int) -> None:
    parts, part = 8, b"slow" + b"." * 2000
    with socket.create_connection((LOCALHOST, port)) as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % (parts * len(part)))
        for _ in range(parts):
            time.sleep(LIMIT / 4)
            connection.sendall(part)
        connection.settimeout(30)
        answer = b""
        while not answer.endswith(b"\r\n\r\n%d" % (parts * len(part))):
            more = connection.recv(1000)
            assert more
            answer += more


def test_a_websocket_may_be_silent_for_longer(port: int) -> None:
    with connect(f"ws://{LOCALHOST}:{port}/echo", proxy=None) as websocket:
        time.sleep(LIMIT * 2)
        websocket.send("still here")
        assert websocket.recv(timeout=30) == "still here"
