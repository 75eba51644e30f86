"""How a browser gets in to Prefect's UIs and to the pictures, and what other sites cannot do with it."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, Page, expect

from flows.web.access import server_password
from tests.browser.conftest import Place
from tests.browser.ui import SOON

pytestmark = pytest.mark.slow

ELSEWHERE = "http://localhost:9/"
"""Another site to a browser: what is shown there never leaves the test."""


@pytest.fixture
def stranger(browser: Browser) -> Iterator[Page]:
    """A tab of a browser that was never let in."""
    with closing(browser.new_context()) as context:
        page = context.new_page()
        page.set_default_timeout(SOON)
        expect.set_options(timeout=SOON)
        yield page


def test_a_stranger_sees_the_login_page_alone_and_gets_in_by_user_name_and_password(
    stranger: Page, place: Place
) -> None:
    ui, pictures = place.up.note["ui"], place.up.note["pictures"]
    for address in (f"{ui}/", f"{ui}/v2/dashboard", f"{ui}/flows", pictures, f"{pictures}/gallery/index.html"):
        assert stranger.goto(address).status == 401  # type: ignore[union-attr]
        expect(stranger.get_by_text("dreamsweep link", exact=True)).to_be_visible()
    stranger.goto(f"{ui}/v2/deployments?tags=a")
    user, _, password = server_password(place.folder / "data" / "prefect").partition(":")
    for said in ("wrong", password):
        stranger.get_by_label("User name").fill(user)
        stranger.get_by_label("Password").fill(said)
        stranger.get_by_role("button", name="Log in").click()
        if said == "wrong":
            expect(stranger.get_by_role("alert")).to_contain_text("not the user name and the password")
            stranger.goto(f"{ui}/v2/deployments")
    expect(stranger.get_by_text("oip-sweep").first).to_be_visible()
    (cookie,) = [one for one in stranger.context.cookies() if one["name"].startswith("dreamsweep-")]
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    assert cookie["expires"] > 0  # it is there the next morning
    assert not stranger.evaluate("document.cookie.includes('dreamsweep')")
    assert stranger.evaluate("Object.values(localStorage).join()").find(password) < 0


def test_the_printed_link_opens_both_uis_and_the_pictures_once(stranger: Page, browser: Browser, place: Place) -> None:
    link = next(line.split()[-1] for line in place.up.said if "/?token=" in line)
    stranger.goto(link)
    assert "token" not in stranger.url
    expect(stranger.get_by_text("Dashboard").first).to_be_visible()
    for path in ("/deployments", "/v2/deployments"):
        stranger.goto(place.up.note["ui"] + path)
        expect(stranger.get_by_text("oip-sweep").first).to_be_visible()
    assert stranger.goto(place.up.note["pictures"]).status in (200, 404)  # type: ignore[union-attr]
    with closing(browser.new_context()) as another:
        page = another.new_page()
        assert page.goto(link).status == 401  # type: ignore[union-attr]
        expect(page.get_by_role("alert")).to_contain_text("opened already")


def test_a_link_in_a_message_leads_to_the_run_and_other_sites_can_do_no_more(page: Page, place: Place) -> None:
    page.goto(place.up.link())
    ui, pictures = place.up.note["ui"], place.up.note["pictures"]
    begin = f"{ui}/api/deployments/{place.up.deployment('train')['id']}/create_flow_run"
    body = f"""<a href='{ui}/v2/deployments'>the run</a>
        <form method=post action='{begin}' enctype=text/plain target=within>
            <input name='{{"state": {{"type": "SCHEDULED"}}, "x": "' value='"}}'><button>a prize</button></form>
        <iframe name=within src='{ui}/v2/'></iframe><img src='{pictures}/'>"""
    page.route(f"{ELSEWHERE}**", lambda route: route.fulfill(body=body, content_type="text/html"))
    page.goto("about:blank")  # what the UI has asked for is answered, or given up
    answers: list[tuple[str, int]] = []
    page.on("response", lambda answer: answers.append((answer.url, answer.status)))
    page.goto(ELSEWHERE)
    before = place.up.ask("POST", "/flow_runs/count")
    page.get_by_text("a prize").click()
    page.wait_for_timeout(1000)
    assert place.up.ask("POST", "/flow_runs/count") == before
    assert [answer for answer in answers if answer[0].startswith((ui, pictures)) and answer[1] != 403] == []
    page.get_by_text("the run").click()
    page.wait_for_url(f"{ui}/v2/deployments")
    expect(page.get_by_text("oip-sweep").first).to_be_visible()
