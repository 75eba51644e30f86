"""What listens for messages in tests: a webhook that notes what it is called with, and a mail server."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_string
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


@dataclass
class Webhook:
    """Its address, and what it was called with; while it is refusing, it answers 503 and notes nothing."""

    url: str = ""
    heard: list[dict[str, Any]] = field(default_factory=list)
    refusing: bool = False
    refused: int = 0

    def of(self, flow_run: str) -> list[dict[str, Any]]:
        """What it was told of a flow run."""
        return [message for message in self.heard if message.get("flow_run") == flow_run]


@contextmanager
def webhook() -> Iterator[Webhook]:
    """A webhook, while inside."""
    hook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if hook.refusing:
                hook.refused += 1
            else:
                hook.heard.append(said)
            self.send_response(503 if hook.refusing else 200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hook.url = f"http://127.0.0.1:{server.server_port}/secret-4711"
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def mail_server() -> Iterator[tuple[int, list[Message]]]:
    """A mail server's port, and the messages that it has taken."""
    taken: list[Message] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            while word := self.rfile.readline().strip().upper():
                if word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    lines = []
                    while (line := self.rfile.readline()) not in (b".\r\n", b""):
                        lines.append(line.decode())
                    taken.append(message_from_string("".join(lines)))
                self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 well\r\n")

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1], taken
    finally:
        server.shutdown()
        server.server_close()
