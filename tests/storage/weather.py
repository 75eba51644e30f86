"""A proxy in front of a server, in which the weather is bad: it answers 503, resets, hangs, cuts and changes bodies.

It also keeps what was asked, and by whom.
"""

import http.client
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import pytest

Kind = Literal["503", "reset", "hang", "cut", "flip"]

SLOW_DOWN = (
    b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)
_NOT_PASSED_ON = {"connection", "transfer-encoding", "keep-alive"}


@dataclass(frozen=True)
class Asked:
    """One request to S3: the address of who asked, and how many bytes the body of the answer had."""

    client: str
    method: str
    path: str
    answered: int = 0

    @property
    def kind(self) -> str:
        """GET, PUT, HEAD, LIST or DELETE."""
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        if self.method == "GET" and ("list-type" in query or "prefix" in query):
            return "LIST"
        if self.method == "POST":  # of many at once, or the begin or end of a PUT in parts
            return "DELETE" if "delete" in query else "PUT"
        return self.method


@dataclass
class Weather:
    """What happens to requests from now on: `times` of them, or until `until` (of `time.monotonic`)."""

    url: str
    kind: Kind | None = None
    times: float = 0
    until: float = float("inf")
    methods: tuple[str, ...] = ("GET", "PUT", "HEAD", "DELETE", "POST")
    asked: list[Asked] = field(default_factory=list)
    harmed: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def turns(
        self, kind: Kind, *, times: float = float("inf"), seconds: float = float("inf"), methods: str = ""
    ) -> None:
        """Bad, for so many requests of these methods (all where there are none), or so long."""
        with self.lock:
            self.kind, self.times, self.until = kind, times, time.monotonic() + seconds
            self.methods = tuple(methods.split()) or ("GET", "PUT", "HEAD", "DELETE", "POST")
            self.harmed.clear()

    def clears(self) -> None:
        """Nothing bad happens any more."""
        with self.lock:
            self.kind = None

    def of(self, method: str, path: str) -> Kind | None:
        """What happens to this request."""
        with self.lock:
            if self.kind is None or method not in self.methods or self.times <= 0 or time.monotonic() > self.until:
                return None
            self.times -= 1
            self.harmed.append(f"{method} {path}")
            return self.kind


@contextmanager
def bad_weather(upstream: str, host: str = "127.0.0.1", port: int = 0) -> Iterator[Weather]:
    """While inside, a proxy listens at the weather's `url`; the weather is good at first. Port 0: one that is free."""
    server_address = urlsplit(upstream).netloc
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kind = weather.of(self.command, self.path)
            if kind == "hang":
                ended.wait(60)
            if kind in ("hang", "reset"):
                self._note()
                self._reset()
                return
            if kind == "503":
                self._answer(503, [("Content-Type", "application/xml")], SLOW_DOWN)
                return
            line = http.client.HTTPConnection(server_address, timeout=60)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _NOT_PASSED_ON}
            line.request(self.command, self.path, body, headers)
            answer = line.getresponse()
            data = answer.read()
            line.close()
            harmed = kind if data and answer.status < 300 else None
            self._answer(answer.status, answer.getheaders(), data, harmed)

        def _note(self, answered: int = 0) -> None:
            weather.asked.append(Asked(self.client_address[0], self.command, self.path, answered))

        def _answer(self, status: int, headers: list[tuple[str, str]], data: bytes, kind: Kind | None = None) -> None:
            self._note(0 if self.command == "HEAD" else len(data))
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in _NOT_PASSED_ON and (name.lower() != "content-length" or self.command == "HEAD"):
                    self.send_header(name, value)
            if self.command != "HEAD":
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if kind == "flip":
                data = data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :]
            if self.command != "HEAD":
                self.wfile.write(data[: len(data) // 2] if kind == "cut" else data)
            self.wfile.flush()
            if kind == "cut":
                self._reset()

        def _reset(self) -> None:
            self.close_connection = True
            with suppress(OSError):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()

        do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _handle  # noqa: N815

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass

    server = Server((host, port), Handler)
    weather = Weather(f"http://{host}:{server.server_port}")
    serving = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    serving.start()
    try:
        yield weather
    finally:
        ended.set()
        server.shutdown()
        server.server_close()


@contextmanager
def weather_before_s3() -> Iterator[Weather]:
    """The weather before the S3 server that the environment names: stores that are opened inside ask through it."""
    import fsspec

    kind = fsspec.get_filesystem_class("s3")
    with bad_weather(os.environ["AWS_ENDPOINT_URL"]) as weather, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", weather.url)
        kind.clear_instance_cache()
        yield weather
        kind.clear_instance_cache()
