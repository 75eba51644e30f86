"""The gallery as it is served: pages of runs that go on, and that the gallery has no file of."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from html import unescape
from pathlib import Path

import httpx
import pytest

from flows.web.access import Access, authorization
from flows.web.listening import LOCALHOST, address_of, listen, port_of
from flows.web.picture_server import PictureServer, picture_app
from lib.gallery.addresses import run_page, unit_page
from storage.runs import Run
from tests.tasks.gallery.made import Made
from tests.tasks.gallery.swept_store import ODD, SLUG, SweptStore, swept_store
from tests.tasks.gallery.synthetic_dreams import HOSTILE, dream


@pytest.fixture
def store(tmp_path: Path) -> SweptStore:
    return swept_store(tmp_path / "store")


@pytest.fixture
def client(store: SweptStore, tmp_path: Path) -> Iterator[httpx.Client]:
    """Asks the picture server of that store, whose gallery is, or is not, in `tmp_path / "gallery"`."""
    with ExitStack() as stack:
        listening, access = listen(LOCALHOST, None, 0), Access(tmp_path / "prefect")
        app = picture_app(str(store.store.root), LOCALHOST, tmp_path / "gallery", access)
        stack.enter_context(PictureServer(app, listening))
        says = {"Authorization": authorization(access.password)}
        address = address_of(LOCALHOST, port_of(listening))
        yield stack.enter_context(httpx.Client(base_url=address, headers=says, trust_env=False))


@pytest.fixture
def going_on(store: SweptStore, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A sweep that has made a few units, one of which failed."""
    monkeypatch.setattr("storage.runs.SECONDS_BETWEEN_WRITES", 0.0)
    monkeypatch.setattr("storage.runs.BYTES_A_SECOND", float("inf"))
    run = store.store.open_run("oip-sweep", {"model": f"model/{SLUG}"})
    for unit in (0, 1):
        store.grow("Conv2D_1", unit, run, verdict="responded" if unit else "dead", seed=7)
    store.grow(ODD, 0, run, seed=7)
    run.fail("Conv2D_1/2", "ValueError: <b>no luck</b>", "oip")
    return run


def found(answer: httpx.Response) -> dict[str, str]:
    """All that a page leads to or shows: the path, and what it is: href or src."""
    assert answer.status_code == 200
    links = re.findall(r'(href|src)="([^"#]+)"', answer.text)
    return {str(answer.url.join(unescape(link))): what for what, link in links}


def broken(client: httpx.Client, path: str) -> list[str]:
    return [link for link in found(client.get(path)) if not client.get(link).is_success]


def test_what_a_run_has_stored_is_shown_before_it_has_written_it_down(store: SweptStore, client: httpx.Client) -> None:
    run = store.store.open_run("oip-sweep", {"model": f"model/{SLUG}"})
    store.grow("Conv2D_1", 1, run, verdict="responded", seed=7)
    store.sheet("Conv2D_1", [1], run)
    assert store.store.run(run.id).units == {}
    assert "1 computed" in client.get(f"/gallery/{run_page(run.id)}").text
    for picture in ("gallery/runs/{}/Conv2D_1/1", "runs/{}/Conv2D_1/1", "runs/{}/Conv2D_1"):
        assert client.get(f"/{picture.format(run.id)}.png").is_success


def test_a_run_that_goes_on_can_be_followed_and_its_cards_lead_to_units(
    store: SweptStore, client: httpx.Client, going_on: Run, tmp_path: Path
) -> None:
    Made(store.store, tmp_path / "gallery")
    at = f"/gallery/{run_page(going_on.id)}"
    assert at.removeprefix("/gallery/runs/") in client.get("/gallery/runs/index.html").text
    page = client.get(at)
    for words in ("has not ended", "3 computed, 1 failed", "ValueError: &lt;b&gt;no luck&lt;/b&gt;"):
        assert words in page.text
    paths = {httpx.URL(link).path for link in found(page)}
    for unit in (("Conv2D_1", 0), ("Conv2D_1", 1), ("Conv2D_1", 2), (ODD, 0)):
        assert f"/gallery/{unit_page(SLUG, *unit)}" in paths
    assert broken(client, at) == []
    assert page.text.count('<img class="pixels"') == 2
    store.grow("Conv2D_1", 3, going_on, seed=7)
    assert client.get(at).text.count('<img class="pixels"') == 3


def test_before_the_first_gallery_a_run_looks_like_one_of_its_pages_and_leads_nowhere_else(
    client: httpx.Client, going_on: Run
) -> None:
    at = f"/gallery/{run_page(going_on.id)}"
    assert broken(client, at) == [str(client.base_url.join("/gallery/index.html")), *others(client)]
    pictures = [link for link, what in found(client.get(at)).items() if what == "src" and ".png" in link]
    assert len(pictures) == 2
    assert {client.get(link).headers["content-type"] for link in pictures} == {"image/png"}
    assert "/Conv2D_1/1/index.html" not in client.get(at).text
    assert "--accent" in client.get("/gallery/static/gallery.css").text
    assert "dreamsweepUnits" in client.get("/gallery/static/units.js").text


def others(client: httpx.Client) -> list[str]:
    """The other sections of a gallery, to which the head of each page leads."""
    head = client.get("/gallery/runs/").text.split("</nav>")[0]
    sections = re.findall(r'href="\.\./([a-z]+/index\.html)"', head)
    assert len(sections) == 4
    return [str(client.base_url.join(f"/gallery/{section}")) for section in sections]


def test_the_page_of_a_run_that_has_ended_is_the_gallerys_file(
    store: SweptStore, client: httpx.Client, tmp_path: Path
) -> None:
    gallery = Made(store.store, tmp_path / "gallery")
    for run in store.store.runs():
        address = run_page(run.id)
        assert client.get(f"/gallery/{address}").text == gallery.html(address)
        assert client.get(f"/gallery/runs/{run.id}/").text == gallery.html(address)


def test_a_run_of_which_the_gallery_keeps_no_page_any_more_is_shown_from_the_store(
    store: SweptStore, client: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dream(store, HOSTILE).close("completed", {})
    monkeypatch.setattr("tasks.gallery.reading.catalogue.RUNS_SHOWN", 1)
    gallery = Made(store.store, tmp_path / "gallery")
    assert len(gallery.pages("runs")) == 2
    for run in store.store.runs():
        at = f"/gallery/{run_page(run.id)}"
        assert broken(client, at) == []
        assert "has not ended" not in client.get(at).text
        assert "<script>" not in client.get(at).text
    sweep = next(run.id for run in store.store.runs() if run.flow == "oip-sweep")
    text = client.get(f"/gallery/{run_page(sweep)}").text
    assert all(f"{SLUG}/Conv2D_1/{unit}/index.html" in text for unit in range(5))


def test_what_there_is_not_is_not_found(client: httpx.Client, going_on: Run) -> None:
    for path in (
        f"runs/{going_on.id}/Conv2D_1/9.png",
        f"runs/{going_on.id}/nothing.html",
        "runs/20200101-000000-000000/index.html",
        "runs/20200101-000000-000000/Conv2D_1/0.png",
        "runs/..%2f..%2fstore/index.html",
        "static/nothing.css",
    ):
        answer = client.get(f"/gallery/{path}")
        assert answer.status_code == 404, path
        assert "dreamsweep runs" in answer.text


def test_a_page_loads_nothing_from_anywhere_else(client: httpx.Client, going_on: Run) -> None:
    answer = client.get(f"/gallery/{run_page(going_on.id)}")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "no-cache" in answer.headers["cache-control"]
    assert "http" not in answer.text
