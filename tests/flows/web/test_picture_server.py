"""The picture server over HTTP, on a small store."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from flows.web.access import Access, authorization
from flows.web.listening import LOCALHOST, address_of, listen, port_of
from flows.web.picture_server import PictureServer, picture_app
from storage.record import NewOutput

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


def test_the_runs_are_listed_the_newest_first(small: Any, serve: Serve) -> None:
    page = serve(small.root).get("/").text
    assert 0 < page.index(small.sweep) < page.index(small.training)


def test_the_page_of_a_run_shows_its_sheets_and_all_its_units(small: Any, serve: Serve) -> None:
    page = serve(small.root).get(f"/runs/{small.sweep}/").text
    for layer in ("Conv2D_1", "Conv2D_2"):
        assert f'src="{layer}.png?' in page
    for unit in ("Conv2D_1/0", "Conv2D_1/1", "Conv2D_2/17"):
        assert f'src="{unit}.png?' in page
    assert "dead" in page
    assert "failed: ResourceExhaustedError: no memory" in page


def test_the_page_of_a_training_shows_its_plot(small: Any, serve: Serve) -> None:
    client = serve(small.root)
    assert 'src="model.png?' in client.get(f"/runs/{small.training}/").text
    assert client.get(f"/runs/{small.training}/model.png").content == b"plot"


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


def test_names_are_shown_as_text_and_never_as_markup(small: Any, serve: Serve, committing: Any) -> None:
    name = "<script>alert(1)</script>&'\""
    run = small.store.open_run("<b>oip</b>", {"model": name})
    outputs = [NewOutput("picture", b"p", "picture", "image/png", attributes={"verdict": name})]
    run.add(f"{name}/3", committing(small.store, "oip", {"unit": name}, outputs), "computed")
    run.fail(f"{name}/4", name, "oip")
    run.close("failed", {"model": name})
    client = serve(small.root)
    for path in ("/", f"/runs/{run.id}/", f"/runs/{run.id}/{name}.png"):
        assert "<script" not in client.get(path).text
        assert "<b>" not in client.get(path).text
    at = client.get(f"/runs/{run.id}/").text.partition('img loading=lazy src="')[2].partition('"')[0]
    assert client.get(f"/runs/{run.id}/{at}").content == b"p"


def test_a_page_loads_nothing_from_anywhere_else(small: Any, serve: Serve) -> None:
    answer = serve(small.root).get(f"/runs/{small.sweep}/")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "http" not in answer.text.replace("http-equiv", "")


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
    assert client.get("/", headers=tunnelled).status_code == 200
