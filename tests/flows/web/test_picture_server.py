"""The picture server over HTTP, on a small store."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from markupsafe import escape

from flows.web.access import Access, authorization
from flows.web.listening import LOCALHOST, address_of, listen, port_of
from flows.web.picture_server import PictureServer, picture_app

Serve = Callable[..., httpx.Client]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve a store; gives a client that asks the server."""
    with ExitStack() as stack:

        def served(place: object) -> httpx.Client:
            listening = listen(LOCALHOST, None, 0)
            access = Access(Path(str(place)).parent / "prefect")
            app = picture_app(str(place), LOCALHOST, Path(str(place)).parent / "gallery", access)
            stack.enter_context(PictureServer(app, listening))
            address = address_of(LOCALHOST, port_of(listening))
            says = {"Authorization": authorization(access.password)}
            return stack.enter_context(httpx.Client(base_url=address, headers=says, trust_env=False))

        yield served


def test_links_of_before_lead_to_the_pages_of_the_gallery(small: Any, serve: Serve) -> None:
    client = serve(small.root)
    for old in ("/", f"/runs/{small.sweep}/"):
        answer = client.get(old)
        assert answer.status_code == 302
        assert not answer.headers["location"].startswith("/")  # a proxy may have put all of it below a path
        assert client.get(old, follow_redirects=True).status_code == 200
    assert client.get(f"/runs/{small.sweep}/", follow_redirects=True).url.path == (
        f"/gallery/runs/{small.sweep}/index.html"
    )
    assert client.get("/", follow_redirects=True).url.path == "/gallery/runs/index.html"  # there is no gallery yet
    (small.root.parent / "gallery").mkdir()
    (small.root.parent / "gallery" / "index.html").write_text("<p>the first page</p>")
    assert client.get("/", follow_redirects=True).url.path == "/gallery/index.html"


def test_the_sheet_of_a_layer_and_the_picture_of_a_unit_are_what_the_store_holds(small: Any, serve: Serve) -> None:
    client = serve(small.root)
    for name, record, role in (
        ("Conv2D_2", small.layers["Conv2D_2"], "sheet"),
        ("Conv2D_2/17", small.oips["Conv2D_2/17"], "picture"),
    ):
        answer = client.get(f"/runs/{small.sweep}/{name}.png")
        assert answer.content == small.store.get(record.output(role).digest)
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_picture_is_sent_once_while_it_is_the_same(small: Any, serve: Serve) -> None:
    client = serve(small.root)
    digest = small.oips["Conv2D_2/17"].output("picture").digest
    at = f"/runs/{small.sweep}/Conv2D_2/17.png"
    first = client.get(at)
    assert first.headers["etag"] == f'"{digest}"'
    assert "no-cache" in first.headers["cache-control"]
    assert client.get(at, headers={"If-None-Match": first.headers["etag"]}).status_code == 304
    assert "immutable" in client.get(f"{at}?{digest[:16]}").headers["cache-control"]
    assert "immutable" not in client.get(f"{at}?{'0' * 16}").headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "/runs/{run}/Conv2D_2/18.png",
        "/runs/{run}/Conv2D_9.png",
        "/runs/{run}/../../refs/sweep/latest.json",
        "/runs/{run}/..%2f..%2findex.sqlite.png",
        "/runs/20200101-000000-000000/",
        "/runs/..%2f..%2fpasswd/",
        "/elsewhere",
    ],
)
def test_what_no_record_names_is_not_found_and_the_page_says_what_to_do(small: Any, serve: Serve, path: str) -> None:
    answer = serve(small.root).get(path.format(run=small.sweep))
    assert answer.status_code == 404
    assert "dreamsweep runs" in answer.text


def test_where_there_is_no_store_yet_the_page_says_how_to_make_one(tmp_path: Any, serve: Serve) -> None:
    answer = serve(tmp_path / "none").get("/")
    assert answer.status_code == 404
    assert "dreamsweep sweep" in answer.text
    assert not (tmp_path / "none").exists()


def test_names_are_shown_as_text_and_never_as_markup(small: Any, serve: Serve) -> None:
    name = "<script>alert(1)</script>&'\""
    run = small.store.open_run("<b>oip</b>", {"model": name})
    run.fail(f"{name}/4", name, "oip")
    run.close("failed", {"model": name})
    client = serve(small.root)
    for path in ("/gallery/runs/", f"/gallery/runs/{run.id}/", f"/runs/{run.id}/{name}.png"):
        text = client.get(path).text
        assert "<script>" not in text
        assert "<b>" not in text
    assert str(escape(name)) in client.get(f"/gallery/runs/{run.id}/").text


def test_the_gallery_is_there_as_soon_as_it_is_made(small: Any, serve: Serve) -> None:
    client = serve(small.root)
    answer = client.get("/gallery/index.html")
    assert answer.status_code == 404
    assert "dreamsweep gallery" in answer.text
    folder = small.root.parent / "gallery"
    (folder / ".gallery").mkdir(parents=True)
    (folder / ".gallery" / "manifest.json").write_text("{}")
    (folder / "index.html").write_text("<p>it is</p>")
    (folder.parent / "secret.html").write_text("no")
    answer = client.get("/gallery/index.html")
    assert (answer.status_code, answer.text) == (200, "<p>it is</p>")
    assert client.get("/gallery/").text == answer.text
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    for hidden in ("/gallery/.gallery/manifest.json", "/gallery/%2e%2e/secret.html", "/gallery/nothing.html"):
        assert client.get(hidden).status_code == 404
    again = client.get("/gallery/index.html", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_no_picture_is_shown_without_the_password(small: Any, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_SERVER_API_AUTH_STRING", "sam:Pass word:1")
    client = serve(small.root)
    del client.headers["Authorization"]
    at = f"/runs/{small.sweep}/Conv2D_2.png"
    for auth in (None, ("sam", "wrong"), ("", "")):
        answer = client.get(at, auth=auth)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic")
    assert client.get(at, auth=("sam", "Pass word:1")).status_code == 200


def test_pages_of_other_sites_get_nothing(small: Any, serve: Serve) -> None:
    client = serve(small.root)
    assert client.get("/", headers={"Origin": "https://elsewhere.example"}).status_code == 403
    assert client.get("/", headers={"Host": "elsewhere.example"}).status_code == 403
    tunnelled = {"Host": "localhost:9999", "Origin": "http://localhost:9999"}
    assert client.get("/gallery/runs/", headers=tunnelled).status_code == 200
