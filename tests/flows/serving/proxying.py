"""A small reverse proxy with TLS for tests, in a thread: it hands requests and websockets on, by their paths."""

import asyncio
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from yarl import URL

OF_THE_LINE = {"connection", "keep-alive", "transfer-encoding", "upgrade", "content-length"}
"""Headers that are between two, and not handed on."""


@dataclass
class Proxy:
    """Where it listens, what to trust, and how it hands on: `routes` says for each path to which server."""

    port: int
    certificate: Path
    routes: dict[str, str] = field(default_factory=dict)
    strips: bool = False
    """Whether it leaves the path out by which it chose the server."""

    @property
    def origin(self) -> str:
        """As browsers say it."""
        return f"https://localhost:{self.port}"

    def target(self, asked: str) -> str | None:
        """What is asked for in place of a path with its question; the longest route counts. None: it has no such."""
        path = asked.partition("?")[0]
        route = max((one for one in self.routes if f"{path}/".startswith(f"{one}/")), key=len, default=None)
        return route and self.routes[route] + (asked.removeprefix(route) if self.strips else asked)


@contextmanager
def proxy(folder: Path, port: int) -> Iterator[Proxy]:
    """A proxy, while inside."""
    certificate, key = _make_certificate(folder)
    found = Proxy(port, certificate)
    encrypted = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    encrypted.load_cert_chain(certificate, key)
    loop, ready = asyncio.new_event_loop(), threading.Event()

    async def serve() -> None:
        async with aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()) as session:
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", lambda request: _hand_on(request, session, found))
            runner = web.AppRunner(app)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", port, ssl_context=encrypted).start()
            ready.set()
            try:
                await asyncio.Event().wait()
            finally:
                await runner.cleanup()

    task = loop.create_task(serve())
    thread = threading.Thread(target=lambda: _run(loop, task), daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        yield found
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(30)


def _run(loop: asyncio.AbstractEventLoop, task: "asyncio.Task[None]") -> None:
    try:
        loop.run_until_complete(task)
    except asyncio.CancelledError:
        pass
    finally:
        loop.close()


async def _hand_on(request: web.Request, session: aiohttp.ClientSession, proxy: Proxy) -> web.StreamResponse:
    if (asked := proxy.target(request.raw_path)) is None:
        raise web.HTTPNotFound
    target = URL(asked, encoded=True)
    headers = {name: value for name, value in request.headers.items() if name.lower() not in OF_THE_LINE}
    if request.headers.get("upgrade", "").lower() == "websocket":
        return await _join(request, session, target, headers)
    body = await request.read()
    async with session.request(
        request.method, target, headers=headers, data=body or None, allow_redirects=False
    ) as answer:
        kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in OF_THE_LINE]
        response = web.Response(status=answer.status, body=await answer.read())
        response.headers.clear()
        for name, value in kept:
            response.headers.add(name, value)
        return response


async def _join(
    request: web.Request, session: aiohttp.ClientSession, target: URL, headers: dict[str, str]
) -> web.StreamResponse:
    """Hand on what two websockets say, until one of them has ended."""
    protocols = [one.strip() for one in headers.pop("Sec-WebSocket-Protocol", "").split(",") if one.strip()]
    headers = {name: value for name, value in headers.items() if not name.lower().startswith("sec-websocket")}
    near = web.WebSocketResponse(protocols=protocols)
    async with session.ws_connect(target, headers=headers, protocols=protocols) as far:
        await near.prepare(request)

        async def tell(one: aiohttp.ClientWebSocketResponse, other: web.WebSocketResponse) -> None:
            async for message in one:
                await (other.send_bytes if message.type is aiohttp.WSMsgType.BINARY else other.send_str)(message.data)

        both = [asyncio.ensure_future(tell(one, other)) for one, other in ((far, near), (near, far))]  # type: ignore[arg-type]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for one in both:
            one.cancel()
        await near.close()
    return near


def _make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost that is signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "proxy.pem", folder / "proxy.key"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files
