"""Prefect's UIs and the pictures in a real browser, below a path of a proxy with TLS."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from flows.web.access import server_password
from tests.browser.ui import SOON
from tests.flows.being_up import Up, free_port
from tests.flows.serving.proxying import Proxy, proxy

pytestmark = pytest.mark.slow


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[tuple[Up, Proxy]]:
    """An `up` that is at https://localhost:PORT/dreams, and the proxy that has it there."""
    with proxy(tmp_path, free_port()) as found:
        up = Up(tmp_path / "data", "--public-url", f"{found.origin}/dreams")
        kept = json.loads((tmp_path / "data" / "prefect" / "addresses.json").read_bytes())
        found.routes = {
            "/dreams": f"http://127.0.0.1:{kept['port']}",
            "/dreams/pictures": f"http://127.0.0.1:{kept['pictures_port']}",
        }
        yield up, found
        assert up.end() == 0


def test_everything_that_the_pages_ask_for_is_below_the_path_and_there(
    browser: Browser, behind: tuple[Up, Proxy]
) -> None:
    up, _ = behind
    public, asked, failed = up.note["ui"], [], []
    with closing(browser.new_context(ignore_https_errors=True)) as context:
        context.on("request", lambda request: asked.append(request.url))
        context.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
        page = context.new_page()
        page.on("websocket", lambda websocket: asked.append(websocket.url.replace("wss://", "https://", 1)))
        page.set_default_timeout(SOON)
        expect.set_options(timeout=SOON)
        page.goto(f"{public}/v2/deployments")
        user, _, password = server_password(up.home / "prefect").partition(":")
        page.get_by_label("User name").fill(user)
        page.get_by_label("Password").fill(password)
        failed.clear()  # the page that asks for it is a 401
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_text("oip-sweep").first).to_be_visible()
        assert page.url.startswith(f"{public}/v2/deployments")
        for path in ("/v2/runs", "/v2/dashboard", "/deployments", "/flows"):
            page.goto(public + path)
            expect(page.get_by_text("sweep" if path == "/deployments" else "Flows").first).to_be_visible()
        (session,) = [one for one in context.cookies() if one["name"].startswith("dreamsweep-")]
        assert (session["path"], session["secure"], session["httpOnly"]) == ("/dreams", True, True)
        assert any("/dreams/api/" in url for url in asked)
        assert [url for url in asked if url.startswith("http") and not url.startswith(f"{public}/")] == []
        assert failed == []
        page.goto(f"{public}/pictures")
        assert page.url == f"{public}/pictures/"
        expect(page.get_by_text("There is no store yet")).to_be_visible()
